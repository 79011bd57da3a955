"""``pip install .`` gives a whit that works, with no Makefile and from any folder."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.installed import copy_sources, install

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a virtual environment with whit in it, installed from a copy of the sources: once for all tests of root's."""
    if os.geteuid() == 0:
        everybodys: Path = request.getfixturevalue("everybodys_whit")
        return everybodys.parent
    return install(sys.executable, tmp_path_factory.mktemp("packaging"))


def _run(program: Path, *arguments: str | Path, root: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(root), "WHIT_ROOT": str(root)}
    return subprocess.run(
        [program, *arguments], env=environment, cwd="/", capture_output=True, text=True, timeout=60, check=False
    )


def test_the_installed_whit_is_native_and_finds_its_python(installed: Path, tmp_path: Path) -> None:
    assert (installed / "whit").read_bytes()[:4] == b"\x7fELF"
    assert (installed / "whit-oci").read_bytes()[:4] == b"\x7fELF"

    version = _run(installed / "whit", "--version", root=tmp_path)

    assert (version.returncode, version.stderr) == (0, "")
    assert version.stdout.startswith("whit ")


def test_a_link_to_the_installed_whit_works_as_well(installed: Path, tmp_path: Path) -> None:
    link = tmp_path / "somewhere-else"
    link.symlink_to(installed / "whit")

    version = _run(link, "--version", root=tmp_path)

    assert (version.returncode, version.stderr) == (0, "")


@pytest.mark.peer("busybox-static")
def test_the_installed_whit_inspects_a_program(installed: Path, tmp_path: Path) -> None:
    inspected = _run(installed / "whit", "inspect", "/bin/busybox", root=tmp_path)

    assert inspected.returncode == 0, inspected.stderr
    assert "static" in inspected.stdout


@pytest.mark.peer("busybox-static")
def test_the_installed_whit_runs_a_program(installed: Path, tmp_path: Path) -> None:
    done = _run(installed / "whit", "run", "/bin/busybox", "echo", "runs", root=tmp_path)

    assert (done.stdout, done.stderr, done.returncode) == ("runs\n", "", 0)


@pytest.mark.slow
def test_without_a_c_compiler_the_wheel_is_built_with_ziglang(tmp_path: Path) -> None:
    source, empty = copy_sources(tmp_path), tmp_path / "empty"
    empty.mkdir()
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]

    done = subprocess.run(
        [*pip, "--no-deps", "--wheel-dir", tmp_path, source],
        env={"PATH": str(empty), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    tag = wheel.stem.split("-")[2:]
    assert tag == ["py3", "none", f"linux_{platform.machine()}"], "one program for all Pythons, for one processor"
    with zipfile.ZipFile(wheel) as archive:
        programs = [name for name in archive.namelist() if name.endswith(("/bin/whit", "/bin/whit-oci"))]
        assert len(programs) == 2
        assert all(archive.read(name)[:4] == b"\x7fELF" for name in programs)


def test_where_no_python_has_whit_that_is_said(installed: Path, tmp_path: Path) -> None:
    for name in ("whit", "whit-oci"):
        alone = tmp_path / name
        alone.write_bytes((installed / name).read_bytes())
        alone.chmod(0o755)
        done = _run(alone, "images" if name == "whit" else "spec", root=tmp_path)
        hint = "hint: install whit with a Python that everybody can execute\n"
        assert (done.returncode, done.stderr) == (1, f"{name}: you can execute no Python that has whit\n{hint}")
