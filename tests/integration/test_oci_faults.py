"""What becomes of a container of whit-oci's when its records or its pid file can't be written, or its own limits are small."""

from __future__ import annotations

import signal
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
        if ran.returncode:
            first, *hint = ran.stderr.splitlines()
            assert first.startswith("whit-oci: can't write the container's records in "), (pages, ran)
            assert str(small / "whit-test-faults") in first
            assert first.endswith(": No space left on device")
            assert len(hint) <= 1
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
        assert (ran.returncode, ran.stderr) == (1, f"whit-oci: can't write the pid file {path}: {why}\n")
        assert not (tmp_path / "hooked").exists()
        assert not (tmp_path / "root" / "whit-test-faults").exists()


@pytest.mark.parametrize("kept", [False, True], ids=["first", "kept"])
def test_a_limit_of_a_file_s_size_is_told_and_the_name_is_free_again(
    bundle: Bundle, tmp_path: Path, kept: bool
) -> None:
    bundle.write("true")
    root = tmp_path / "root"
    if kept:
        assert run(bundle, root, "run", "whit-test-faults").returncode == 0
    limited = ["prlimit", "--fsize=512", str(bundle.runtime), "--root", str(root), "run", "whit-test-faults"]
    ran = subprocess.run(
        limited, cwd=bundle.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.returncode, ran.stderr.splitlines()) == (
        1,
        [
            f"whit-oci: can't write the container's records in {root}/whit-test-faults: File too large",
            "hint: raise the limit of a file's size: ulimit -f",
        ],
    )
    assert not (root / "whit-test-faults").exists()


def test_a_program_is_killed_by_the_limit_of_a_file_s_size_as_anywhere(bundle: Bundle) -> None:
    # Not the first process, which the kernel spares.
    ran = bundle.run("sh -c 'ulimit -f 0; echo x > /tmp/x'; echo $?")
    assert ran.out == f"{128 + signal.SIGXFSZ}\n"


@pytest.mark.parametrize("words", [("state", "none"), ("run", "whit-test-faults"), ("features",)])
def test_a_stack_that_is_too_small_is_told(bundle: Bundle, words: tuple[str, ...]) -> None:
    bundle.write("true")
    limited = ["prlimit", f"--stack={64 << 10}", *bundle.command(*words)]
    ran = subprocess.run(limited, cwd=bundle.folder, env={}, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 125
    assert ran.stderr.splitlines() == [
        "whit-oci: the stack may not be larger than ulimit -s says, and whit needs 256 KiB",
        "hint: raise it: ulimit -s 8192",
    ]


def test_a_plan_of_another_version_s_is_told_and_the_name_is_free_again(bundle: Bundle, tmp_path: Path) -> None:
    # given a container's folder as whit-oci's Python leaves it to the launcher, with a plan that the launcher doesn't know
    bundle.write("true")
    assert run(bundle, tmp_path / "root", "run", "--keep", "whit-test-faults").returncode == 0
    folder = tmp_path / "root" / "whit-test-faults"
    plan = folder / "plan"
    plan.write_bytes(plan.read_bytes()[:-1])

    # when the launcher is to execute it
    words = ("_launch", "run", folder, "", plan, "", "text")
    ran = subprocess.run([bundle.runtime, *words], capture_output=True, text=True, check=False, timeout=60)

    # then it says so, and nothing of it is left
    assert ran.returncode == 1
    assert ran.stderr.startswith(
        "whit-oci: the launch plan is damaged, or whit's launcher and its Python are of different"
    )
    assert not folder.exists()


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
