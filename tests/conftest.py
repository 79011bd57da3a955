"""What every test may use: the peer and root marks, and the installed whit with a store of the test's own."""

from __future__ import annotations

import faulthandler
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

import pytest

from tests.peers import PROJECT, SYSTEM_PATH, find_peer
from tests.peers.dockerd import Dockerd, start_dockerd

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MARK = "root: needs to be root"
OURS = "ours(why, *runtimes): these, or all others, do otherwise: left out where WHIT_OCI_RUNTIME has them tested"
SHARED = "WHIT_TESTS_SHARED"
END_SECONDS = 300.0

LONGEST = (
    "test_build_languages.py",
    "test_real_programs.py",
    "test_escapes.py",
    "test_cgroup_v2.py",
    "test_oci_docker.py",
    "test_engine_docker.py",
    "test_build.py",
    "test_build_source.py",
    "test_examples.py",
    "test_container_networks.py",
    "test_archives.py",
    "test_container_rootless.py",
    "test_foreground_network.py",
)
"""Files that take longest: begun first, so that no worker is left alone with one at the end."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARK)
    config.addinivalue_line("markers", OURS)
    # Who starts something in the background has it ignore SIGINT (a shell) or SIGHUP (nohup), and whit with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_PATH])
    if not hasattr(config, "workerinput"):
        # Not pytest's own folders, which are closed to other users.
        os.environ[SHARED] = tempfile.mkdtemp(prefix="whit-tests-")
        Path(os.environ[SHARED]).chmod(0o755)
        config.add_cleanup(lambda: shutil.rmtree(os.environ[SHARED]))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish() -> Iterator[None]:
    """What pytest has for a test: a process that hangs at its very end says where, and ends."""
    faulthandler.dump_traceback_later(END_SECONDS, exit=True, file=sys.__stderr__ or 2)
    yield
    faulthandler.cancel_dump_traceback_later()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole files, the longest first; those of WebAssembly last: `make test` builds the engine of it meanwhile."""

    def place(item: pytest.Item) -> tuple[bool, int]:
        name = item.path.name
        return name.startswith("test_wasm"), LONGEST.index(name) if name in LONGEST else len(LONGEST)

    items.sort(key=place)


def lacking(reason: str) -> NoReturn:
    """A test that can't run is a failure where everything is meant to be installed, and is skipped elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (CI=true: nothing is skipped)", pytrace=False)
    pytest.skip(reason)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("peer"):
        for name in mark.args:
            if find_peer(name) is None:
                lacking(f"{name} isn't installed; tests/setup.sh peers installs it")
    if item.get_closest_marker("root") and os.geteuid() != 0:
        lacking("needs to be root")


@pytest.fixture(scope="session")
def whit() -> Path:
    """The installed native whit, the one that people start."""
    path = PROJECT / ".venv" / "bin" / "whit"
    if not path.exists():
        pytest.fail("whit isn't installed: make install", pytrace=False)
    return path


class RunWhit(Protocol):
    """Run whit to its end, with a store of the test's own; output is text unless told otherwise."""

    def __call__(
        self,
        *arguments: str | Path,
        root: Path | None = None,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str | None = None,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def whit_root(tmp_path: Path) -> Path:
    """The folder that holds the test's store, cached plans and containers."""
    return tmp_path / "whit-root"


@pytest.fixture
def run_whit(whit: Path, whit_root: Path) -> RunWhit:
    """Call it as ``run_whit("run", program, "--flag")``: the completed process has returncode, stdout, stderr."""

    def run(
        *arguments: str | Path,
        root: Path | None = None,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str | None = None,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [whit, *arguments],
            env={**os.environ, "WHIT_ROOT": str(root or whit_root), **(environment or {})},
            cwd=cwd,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """A folder of this run of the tests, in which its workers share what takes long to make; every user may enter it."""
    return Path(os.environ[SHARED])


@pytest.fixture(scope="session")
def dockerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    """A Docker Engine of this session's own; tests that use it are marked ``peer("dockerd")``."""
    with start_dockerd(tmp_path_factory.mktemp("dockerd")) as daemon:
        yield daemon
