"""``pip install .`` gives a whit that works, with no Makefile and from any folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.peers import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = ("packer", "runtime", "toolchains", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh virtual environment with whit in it, installed from a copy of the sources."""
    folder = tmp_path_factory.mktemp("packaging")
    source = folder / "source"
    for name in SOURCES:
        path = PROJECT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.exists():
            source.mkdir(exist_ok=True)
            shutil.copy2(path, source / name)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip: list[str | Path] = [folder / "venv" / "bin" / "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, source], check=True, timeout=600)
    shutil.rmtree(source)
    return folder / "venv" / "bin"


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
