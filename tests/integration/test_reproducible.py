"""One executable, one digest: whoever packs it, wherever, on whatever machine, with whatever Python."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.peers import PROJECT
from tests.programs.build import build

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conftest import RunWhit

NOBODY = 65534
OLDEST = 11
"""The oldest Python 3 that whit runs on."""
EPOCH = "1700000000"
COMPRESS = (
    "import sys, hashlib; from whit.packer.image.compress import gzip_stream;"
    "print(hashlib.sha256(b''.join(gzip_stream([open(sys.argv[1], 'rb').read()]))).hexdigest())"
)
"""Prints the digest of a file as a layer's gzip has it."""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program of several compression blocks that needs users, certificates and host names."""
    path = tmp_path_factory.mktemp("program") / "client"
    shutil.copyfile(build("client", "go"), path)
    path.chmod(0o755)
    return path


def digest_of(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["digest"])


@pytest.fixture
def expected(run_whit: RunWhit, program: Path, tmp_path: Path) -> str:
    return digest_of(run_whit("pack", "--json", program, root=tmp_path / "expected"))


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "0"},
        {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "America/St_Johns", "PYTHONHASHSEED": "1"},
        {"HOME": "/nonexistent", "PATH": "/nonexistent", "PYTHONHASHSEED": "random", "USER": "somebody"},
        {"SSL_CERT_FILE": "/etc/hostname", "ZONEINFO": "/etc", "PYTHONTZPATH": "/etc", "PYTHONUTF8": "0"},
        {"PYTHONOPTIMIZE": "2", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONMALLOC": "malloc"},
    ],
    ids=["kathmandu", "turkish", "nobody-home", "other-sources", "optimised"],
)
def test_the_environment_makes_no_difference(
    run_whit: RunWhit, program: Path, expected: str, environment: Mapping[str, str]
) -> None:
    assert digest_of(run_whit("pack", "--json", program, environment=environment)) == expected


@pytest.mark.parametrize("umask", [0o000, 0o027, 0o077, 0o777])
def test_the_umask_makes_no_difference(run_whit: RunWhit, program: Path, expected: str, umask: int) -> None:
    old = os.umask(umask)
    try:
        done = run_whit("pack", "--json", program)
    finally:
        os.umask(old)
    assert digest_of(done) == expected


@pytest.mark.parametrize(("mode", "time"), [(0o755, 0), (0o500, 1), (0o4711, 2**31), (0o777, 1_700_000_000)])
def test_the_files_mode_time_and_folder_make_no_difference(
    run_whit: RunWhit, program: Path, expected: str, tmp_path: Path, mode: int, time: int
) -> None:
    folder = tmp_path / "ein Ordner, mit ü"
    folder.mkdir()
    copy = folder / "client"
    shutil.copyfile(program, copy)
    copy.chmod(mode)
    os.utime(copy, (time, time))

    assert digest_of(run_whit("pack", "--json", "./client", cwd=folder)) == expected


def test_where_it_is_named_from_makes_no_difference_and_its_name_does(
    run_whit: RunWhit, program: Path, expected: str, tmp_path: Path
) -> None:
    (tmp_path / "same").mkdir()
    same, other = tmp_path / "same" / "client", tmp_path / "other"
    same.symlink_to(program)
    other.symlink_to(program)

    assert digest_of(run_whit("pack", "--json", os.path.relpath(program, tmp_path), cwd=tmp_path)) == expected
    assert digest_of(run_whit("pack", "--json", same)) == expected
    assert digest_of(run_whit("pack", "--json", other)) != expected


def test_names_outputs_and_a_store_in_use_make_no_difference(
    run_whit: RunWhit, program: Path, expected: str, tmp_path: Path
) -> None:
    again = [digest_of(run_whit("pack", "--json", program, "-t", name)) for name in ("a/b:1", "c", "a/b:1")]
    outputs = [
        digest_of(run_whit("pack", "--json", program, "-o", f"{tmp_path}/{out}")) for out in ("o.tar", "layout/")
    ]

    assert {*again, *outputs} == {expected}


def test_the_number_of_cores_makes_no_difference(run_whit: RunWhit, program: Path, expected: str) -> None:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        done = run_whit("pack", "--json", program)
    finally:
        os.sched_setaffinity(0, cores)
    assert digest_of(done) == expected


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody can enter, with whit's sources in it."""
    with tempfile.TemporaryDirectory(prefix="whit-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        for part in ("packer", "runtime", "toolchains"):
            leave = shutil.ignore_patterns("__pycache__")
            shutil.copytree(PROJECT / part, Path(folder) / "source" / "whit" / part, ignore=leave)
        yield Path(folder)


def _makes_venvs(python: Path) -> bool:
    command = [str(python), "-c", "import ensurepip, venv"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def other_pythons() -> tuple[Path, ...]:
    """Other interpreters than this one that are new enough, one a version; Debian's first, which everybody can read."""
    found: dict[str, Path] = {}
    for folder in (Path("/usr/bin"), *sorted(Path.home().glob(".pyenv/versions/*/bin"))):
        for python in sorted(folder.glob("python3.[0-9][0-9]")):
            if python.name not in found and int(python.suffix[1:]) >= OLDEST and _makes_venvs(python):
                found[python.name] = python
    return tuple(python for python in found.values() if python.resolve() != Path(sys.executable).resolve())


def pack_by(python: Path, place: Path, program: Path, user: int | None = None) -> str:
    """The digest that another Python gives, with the same versions of what whit depends on."""
    subprocess.run([python, "-m", "venv", place / "venv"], check=True)
    pip: list[str | Path] = [place / "venv" / "bin" / "pip", "--disable-pip-version-check", "install", "--quiet"]
    wanted = [f"{name}=={version(name)}" for name in ("certifi", "click", "deflate", "isal", "tzdata")]
    subprocess.run([*pip, *wanted], check=True, timeout=300)
    work = place / "work"
    work.mkdir()
    shutil.copyfile(program, work / "client")
    (work / "client").chmod(0o755)
    if user is not None:
        os.chown(work, user, user)
    line = ["-c", "from whit.runtime.main import main; main()", "pack", "--json", "client"]
    done = subprocess.run(
        [place / "venv" / "bin" / "python", *line],
        env={"PYTHONPATH": f"{place}/source", "WHIT_ROOT": f"{work}/root", "PATH": os.defpath},
        cwd=work,
        user=user,
        group=user,
        extra_groups=[] if user is not None else None,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return digest_of(done)


@pytest.mark.root
def test_the_user_makes_no_difference(program: Path, expected: str, place: Path) -> None:
    readable = [python for python in other_pythons() if python.is_relative_to("/usr")]
    if not readable:
        lacking("there is no Python here that every user can read")
    assert pack_by(readable[0], place, program, NOBODY) == expected


def test_another_version_of_python_makes_no_difference(program: Path, expected: str, place: Path) -> None:
    others = [python for python in other_pythons() if python.name != f"python3.{sys.version_info.minor}"]
    if not others:
        pytest.skip("there is one version of Python here")
    assert pack_by(others[-1], place, program) == expected


@pytest.mark.peer("qemu-x86_64")
@pytest.mark.parametrize("processor", ["qemu64", "core2duo", "Nehalem", "max"])
def test_the_processor_makes_no_difference(program: Path, processor: str) -> None:
    """Emulated ones: the first two know no vectors wider than 128 bits and no carry-less multiplication."""
    python = Path(sys.executable)
    emulator = ["qemu-x86_64", "-cpu", processor, "-0", str(python), str(python.resolve())]
    line = ["-c", COMPRESS, str(program)]

    emulated = subprocess.run([*emulator, *line], capture_output=True, text=True, check=True, timeout=120)
    here = subprocess.run([python, *line], capture_output=True, text=True, check=True, timeout=120)

    assert emulated.stdout == here.stdout
    assert len(here.stdout.strip()) == hashlib.sha256().digest_size * 2


def test_source_date_epoch_is_honoured(run_whit: RunWhit, program: Path, expected: str, tmp_path: Path) -> None:
    environment = {"SOURCE_DATE_EPOCH": EPOCH}
    dated = digest_of(run_whit("pack", "--json", program, "-o", f"{tmp_path}/o/", environment=environment))

    assert dated != expected
    assert digest_of(run_whit("pack", "--json", program, "--source-date-epoch", EPOCH)) == dated
    blobs = tmp_path / "o" / "blobs" / "sha256"
    manifest = json.loads((blobs / dated.removeprefix("sha256:")).read_text())
    config = json.loads((blobs / manifest["config"]["digest"].removeprefix("sha256:")).read_text())
    assert config["created"] == "2023-11-14T22:13:20Z"
    assert manifest["annotations"]["org.opencontainers.image.created"] == "2023-11-14T22:13:20Z"
