"""What becomes of a container of whit-oci's when its records or its pid file can't be written."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.oci_bundle import Bundle

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static"), pytest.mark.ours("whit's own words")]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for little."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def run(bundle: Bundle, root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [bundle.runtime, "--root", root, *words], cwd=bundle.folder, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_full_disk_is_told_and_the_name_is_free_again(bundle: Bundle, small: Path) -> None:
    bundle.write("true")
    for pages in range(2, 16):
        (small / "filling").write_bytes(b"")
        free = int(subprocess.run(["stat", "-f", "-c", "%a", small], capture_output=True, text=True, check=True).stdout)
        (small / "filling").write_bytes(bytes(4096 * max(free - pages, 0)))
        ran = run(bundle, small, "run", "whit-test-faults")
        assert ran.returncode == 0 or (ran.returncode == 1 and ran.stderr.startswith("whit: ")), (pages, ran)
        (small / "filling").unlink()
        assert not (small / "whit-test-faults").exists(), (pages, ran)


@pytest.mark.parametrize(
    ("path", "why"),
    [("/nowhere/pid", "No such file or directory"), ("/tmp", "Is a directory")],
)
def test_a_pid_file_that_cannot_be_written_is_named_before_anything_is_done(
    bundle: Bundle, tmp_path: Path, path: str, why: str
) -> None:
    hook = {"path": "/bin/touch", "args": ["touch", str(tmp_path / "hooked")]}
    bundle.write("true", {"hooks": {"createRuntime": [hook]}})
    for _ in range(2):
        ran = run(bundle, tmp_path / "root", "create", "--pid-file", path, "whit-test-faults")
        assert (ran.returncode, ran.stderr) == (1, f"whit: can't write the pid file {path}: {why}\n")
        assert not (tmp_path / "hooked").exists()
        assert not (tmp_path / "root" / "whit-test-faults").exists()


def test_an_empty_root_is_none(bundle: Bundle) -> None:
    bundle.write("sleep 60")
    for words in (("run", "--detach", "whit-test-faults"), ("delete", "--force", "whit-test-faults")):
        # a container would hold a pipe open
        command = [str(bundle.runtime), "--root=", *words]
        assert (
            subprocess.run(command, cwd=bundle.folder, stdout=subprocess.DEVNULL, check=False, timeout=60).returncode
            == 0
        )
        assert Path("/run/whit-oci/whit-test-faults").exists() == (words[0] == "run")
    assert not Path("/@plans").exists()


def test_a_log_that_cannot_be_is_refused_for_kept_plans_too(bundle: Bundle, tmp_path: Path) -> None:
    bundle.write("true")
    for _ in range(2):
        assert run(bundle, tmp_path / "root", "run", "whit-test-faults").returncode == 0
    for words in (("--log-format", "xml"), ("--log", "/nowhere/log")):
        assert run(bundle, tmp_path / "root", *words, "run", "whit-test-faults").returncode == 1
