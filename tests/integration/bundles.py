"""What tests of bundles share: making one, and starting it as root or as a user who has no rights and nothing installed."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.conftest import USER, become

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conftest import RunWhit
    from tests.integration.originals import Originals

LIMIT_S = 60
BUSYBOX = Path("/bin/busybox")
NOTHING = {"PATH": "/nowhere", "HOME": ""}
"""An environment in which nothing is installed, and nothing can be kept."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """One bundle; ``prefix`` is what it is started by, if it isn't the caller."""

    path: Path
    prefix: tuple[str, ...] = ()

    def __call__(
        self,
        *words: str | Path,
        environment: Mapping[str, str] | None = None,
        stdin: str | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Start it and wait for its end."""
        return subprocess.run(
            [*self.prefix, self.path, *words],
            env={**NOTHING, **(environment or {})} if not self.prefix else {**os.environ, **(environment or {})},
            cwd=cwd or "/",
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=LIMIT_S,
            check=False,
        )

    def begin(
        self, *words: str | Path, environment: Mapping[str, str] | None = None, stdin: int = subprocess.DEVNULL
    ) -> subprocess.Popen[str]:
        """Start it and go on."""
        return subprocess.Popen(
            [*self.prefix, self.path, *words],
            env={**os.environ, **({} if self.prefix else NOTHING), **(environment or {})},
            cwd="/",
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def as_user(self) -> Bundle:
        """The same, started by a user without any rights."""
        return Bundle(self.path, become(USER))


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where bundles are written; every user may enter it, unlike pytest's own. Nothing unfinished may be left there."""
    with tempfile.TemporaryDirectory(prefix="whit-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        assert not list(Path(name).glob(".tmp-*"))


def bundle(run_whit: RunWhit, folder: Path, thing: str | Path, *words: str | Path) -> Bundle:
    """Make one of a file or an image, in a folder that everybody may enter."""
    target = folder / "made.run"
    done = run_whit("bundle", thing, "-o", target, *words)
    assert done.returncode == 0, done.stderr
    return Bundle(target)


@pytest.fixture
def box(originals: Originals, folder: Path) -> Bundle:
    """A bundle of busybox."""
    return Bundle(originals.copy(folder / "made.run", BUSYBOX))


@pytest.fixture(params=["root", "user"])
def anybody(request: pytest.FixtureRequest, box: Bundle) -> Bundle:
    """It, started by root and by a user."""
    return box if request.param == "root" else box.as_user


def place_of(by: Bundle, folder: Path, name: str = "kept") -> Path:
    """A folder of whoever starts the bundle, for unpacked files or as a home."""
    place = folder / name
    place.mkdir(mode=0o755)
    if by.prefix:
        os.chown(place, USER, USER)
    return place


@pytest.fixture
def home(anybody: Bundle, folder: Path) -> Path:
    """The home of whoever starts it."""
    return place_of(anybody, folder, "home")


@pytest.fixture
def keeper(anybody: Bundle, folder: Path, originals: Originals) -> Bundle:
    """One whose maker wishes its files to be kept in the cache."""
    return replace(anybody, path=originals.copy(folder / "keeper.run", BUSYBOX, "--unpack", "cache"))


def kept_in(place: Path) -> list[str]:
    """The names of what bundles keep in such a folder of the caller's."""
    return [path.name for path in place.glob("whit-bundles/*")]
