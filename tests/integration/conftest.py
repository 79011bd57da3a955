"""What integration tests share: unprivileged users, each with a home and a store of its own, and a whit they can execute."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.installed import install
from tests.integration.builds import make_builder
from tests.integration.composed import Composed, composed
from tests.integration.kept import Engine
from tests.integration.netlab import Lab, lab
from tests.integration.oci_bundle import Bundle, make_bundle
from tests.integration.originals import Originals
from tests.peers import find_peer
from tests.peers.faults import lying_proxy
from tests.peers.registry import docker_registry
from whit.packer.support.durable import locked, private_folder
from whit.runtime.wasm.building import cache_folder, engine_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.integration.builds import Builder
    from tests.peers.faults import Lying
    from tests.peers.registry import RegistryPeer

USER, OTHER_USER = 54321, 54322
LANDLOCK_CREATE_RULESET, LANDLOCK_VERSION = 444, 1


def become(number: int) -> tuple[str, ...]:
    """The beginning of a command that runs as an unprivileged user."""
    return "setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups"


@dataclass(frozen=True, slots=True)
class User:
    """An unprivileged user; ``home`` is its own, ``program`` is a whit that it can execute."""

    number: int
    home: Path
    program: Path

    @property
    def store(self) -> Path:
        """Where whit keeps this user's images."""
        return self.home / ".local" / "share" / "whit"

    def command(self, *words: str | Path) -> list[str | Path]:
        """A whit command line as this user."""
        return [*become(self.number), self.program, *words]

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The whole environment of the user's commands."""
        return {"HOME": str(self.home), "PATH": os.environ["PATH"], **(more or {})}

    def run(self, *words: str | Path, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run whit to its end."""
        return subprocess.run(
            self.command(*words), env=self.environment(environment), cwd=self.home,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a shell's script as this user, outside of any container."""
        return subprocess.run(
            [*become(self.number), "sh", "-c", script], env=self.environment(), cwd=self.home,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip


def _usable(python: Path) -> bool:
    script = "import sys, ensurepip, venv; assert sys.version_info >= (3, 11)"
    return (
        subprocess.run([*become(USER), python, "-c", script], capture_output=True, cwd="/", check=False).returncode == 0
    )


@pytest.fixture(scope="session")
def everybodys_whit(shared_folder: Path) -> Path:
    """A whit that every user can execute, installed as a user would."""
    installed = shared_folder / "bin"
    with locked(shared_folder / "installing", exclusive=True):
        if not installed.exists():
            pythons = [python for python in (Path("/usr/bin/python3"), Path(sys.executable)) if _usable(python)]
            if not pythons:
                lacking("there is no Python of version 3.11 or newer here that every user can execute")
            folder = Path(tempfile.mkdtemp(dir=shared_folder))
            folder.chmod(0o755)
            installed.symlink_to(install(pythons[0], folder))
    return installed.resolve() / "whit"


@contextlib.contextmanager
def _user(number: int, program: Path) -> Iterator[User]:
    with tempfile.TemporaryDirectory(prefix="whit-") as name:
        os.chown(name, number, number)
        yield User(number, Path(name), program)


@pytest.fixture
def user(everybodys_whit: Path) -> Iterator[User]:
    """An unprivileged user."""
    with _user(USER, everybodys_whit) as made:
        yield made


@pytest.fixture
def other_user(everybodys_whit: Path) -> Iterator[User]:
    """Another one."""
    with _user(OTHER_USER, everybodys_whit) as made:
        yield made


@pytest.fixture(scope="session")
def wasm_engine(whit: Path) -> None:
    """What runs WebAssembly: the compiler and the engine, which takes minutes to build: who builds it now is waited for."""
    if find_spec("wasmtime") is None:
        lacking("PyPI's wasmtime isn't here: pip install 'whit[wasm]'")
    private_folder(cache_folder())
    with locked(cache_folder() / ".lock", exclusive=False):
        built = whit.with_name("whit-wasm").is_file() or (cache_folder() / engine_key() / "whit-wasm").is_file()
    if not built:
        lacking("the WebAssembly engine isn't built: make wasm")


@pytest.fixture
def wasm_cache(tmp_path: Path) -> Path:
    """A cache of the test's own, ``WHIT_CACHE``, with everybody's engine."""
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    (cache / "engine").symlink_to(cache_folder())
    return cache


@pytest.fixture
def landlock() -> None:
    """A kernel that has Landlock."""
    if ctypes.CDLL(None).syscall(LANDLOCK_CREATE_RULESET, None, 0, LANDLOCK_VERSION) < 1:
        lacking("this kernel has no Landlock")


def _other_runtime() -> str:
    """The runtime to check the tests with, instead of whit-oci: WHIT_OCI_RUNTIME, a program's name or path."""
    return os.environ.get("WHIT_OCI_RUNTIME", "")


@pytest.fixture
def bundle(request: pytest.FixtureRequest, tmp_path: Path, whit: Path) -> Bundle:
    """A bundle with busybox, for whit-oci, or for the runtime that WHIT_OCI_RUNTIME names."""
    other = _other_runtime()
    for mark in request.node.iter_markers("ours"):
        why, *runtimes = mark.args
        if other and (not runtimes or Path(other).name in runtimes):
            pytest.skip(f"{Path(other).name}: {why}")
    busybox = find_peer("busybox-static")
    assert busybox is not None
    runtime = find_peer(other) if other else whit.with_name("whit-oci")
    assert runtime is not None, f"there is no {other}"
    return make_bundle(tmp_path, busybox, runtime)


@pytest.fixture(scope="session")
def originals(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Originals:
    """Bundles that are made once for all tests."""
    return Originals(whit, tmp_path_factory.mktemp("originals"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Lab]:
    """A host of the test's own, with somebody outside, and a store for its containers."""
    with lab(tmp_path / "whit-root") as made:
        yield made


@pytest.fixture
def engine(whit: Path, tmp_path: Path) -> Iterator[Engine]:
    """A store of the test's own, of whose containers nothing is left."""
    made = Engine(whit, tmp_path / "root")
    yield made
    made.clean()
    assert list((made.root / "oci").glob("[0-9a-f]*")) == []


@pytest.fixture
def shop(whit: Path, tmp_path: Path) -> Iterator[Composed]:
    """A Compose project of the test's own, on a host of its own."""
    with composed(whit, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def builder(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Builds of Dockerfiles into a store of the file's own, which has an image ``base``."""
    return make_builder(whit, tmp_path_factory.mktemp("builds"))


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryPeer]:
    """A docker-registry of the file's own."""
    with docker_registry(tmp_path_factory.mktemp("registry")) as peer:
        yield peer


@pytest.fixture
def proxy(registry: RegistryPeer) -> Iterator[Lying]:
    """Before that registry, a proxy that lies as it is told to."""
    with lying_proxy(registry.port) as made:
        yield made
