"""An executable's bytes → the system calls that its code can make: the whole way. Pure."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from whit.packer.elf import dynamic, kind
from whit.packer.elf.file import parse
from whit.packer.elf.machine import EM_AARCH64, EM_X86_64
from whit.packer.executable.analyse import ELF_MAGIC
from whit.packer.support.errors import UnsupportedError
from whit.packer.syscalls.effort import Effort, TooMuchError
from whit.packer.syscalls.found import Entry, Findings, Place, Unknown, Way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.elf.file import ElfFile
    from whit.packer.support.search import Data
    from whit.packer.syscalls.bounds import Bounds
    from whit.packer.syscalls.machine import Machine
    from whit.packer.syscalls.program import Program
    from whit.packer.syscalls.sites import Site
    from whit.packer.syscalls.steps import Values

_WORD = 0xFFFF_FFFF
_TOO_MANY = "more places enter the kernel than are looked at"
_NO_VALUE = "nothing tells the number of the call"


def find(data: Data) -> Findings:
    """The calls of the static executable ``data``.

    Raises :class:`InvalidFileError` for a file that is none, :class:`UnsupportedError` for one of another kind or
    architecture, and where the decoder isn't installed.
    """
    elf = require_static(data)
    with _extra():
        from whit.packer.syscalls.demands import Demands  # noqa: PLC0415 - as the others
        from whit.packer.syscalls.pointers import Pointers  # noqa: PLC0415
        from whit.packer.syscalls.sites import MOST, sites  # noqa: PLC0415

        program = _program(elf)
    demands = Demands(program, Pointers(program).callers)
    entries: list[Entry] = []
    unknown: list[Unknown] = []
    every = sites(program)
    found, beyond = every[:MOST], every[MOST:]
    unknown.extend(Unknown(_place(site.address, program.bounds), _TOO_MANY) for site in beyond)
    for site in found:
        if site.kind != program.machine.entry_kind:
            continue
        values = demands.values(demands.number_at(site.address))
        entries.append(_entry(site, values, program.bounds))
        unknown.extend(_unknown(site, values, program))
    foreign = tuple(_place(site.address, program.bounds) for site in found if site.kind != program.machine.entry_kind)
    size = sum(part.end - part.start for part in program.image.code)
    return Findings(program.machine.name, size, tuple(entries), tuple(unknown), foreign)


@contextlib.contextmanager
def _extra() -> Iterator[None]:
    """What reads machine code is an extra of whit's."""
    try:
        yield
    except ImportError as error:
        if error.name is None:
            raise UnsupportedError(
                f"what reads machine code can't be loaded: {error}", hint="is there enough memory?"
            ) from None
        raise UnsupportedError(
            f"whit needs {error.name} to read machine code", hint="pip install 'whit[syscalls]'"
        ) from None


def require_static(data: Data) -> ElfFile:
    """The executable, if its system calls are in itself. Raises :class:`UnsupportedError`, :class:`InvalidFileError`."""
    if data[:4] != ELF_MAGIC:
        raise UnsupportedError("system calls are found in ELF executables only", hint="give a program for Linux")
    elf = parse(data)
    kind.require_file_type(elf)
    if dynamic.interpreter(elf) is not None:
        raise UnsupportedError(
            "it is linked dynamically: the system calls are in its libraries",
            hint="link it statically, or let whit trace watch it",
        )
    return elf


def _require_machine(elf: ElfFile) -> None:
    if elf.machine not in (EM_X86_64, EM_AARCH64) or elf.bits != 64 or elf.order != "<":  # noqa: PLR2004 - the class
        raise UnsupportedError(
            "system calls are found in x86-64 and AArch64 code only", hint="analyse the build for that architecture"
        )


def _machine(elf: ElfFile, effort: Effort) -> Machine:
    if elf.machine == EM_AARCH64:
        from whit.packer.syscalls.arm64.machine import Arm64  # noqa: PLC0415 - needs an extra of whit's

        return Arm64(effort)
    from whit.packer.syscalls.x86.machine import X86  # noqa: PLC0415 - the same

    return X86(effort)


def _program(elf: ElfFile) -> Program:
    _require_machine(elf)
    from whit.packer.syscalls.bounds import bounds_of  # noqa: PLC0415 - needs an extra of whit's, as the others
    from whit.packer.syscalls.image import image_of  # noqa: PLC0415
    from whit.packer.syscalls.program import Program  # noqa: PLC0415

    image = image_of(elf)
    bounds = bounds_of(image)
    machine = _machine(elf, Effort.of(sum(part.end - part.start for part in image.code)))
    return Program(image, bounds, machine.references(image, bounds), machine)


def _place(address: int, bounds: Bounds) -> Place:
    return Place(address, bounds.name(address))


def _entry(site: Site, values: Values, bounds: Bounds) -> Entry:
    ways: dict[int, Way] = {}
    for number, way in values.ways.items():
        places = tuple(_place(address, bounds) for address in way)
        ways.setdefault(number & _WORD, Way(number & _WORD, places))
    return Entry(_place(site.address, bounds), tuple(ways[number] for number in sorted(ways)))


def _is_never_run(values: Values, program: Program) -> bool:
    try:
        return bool(values.ended) and all(program.is_never_run(address) for address in values.ended)
    except TooMuchError:
        return False


def _unknown(site: Site, values: Values, program: Program) -> list[Unknown]:
    place = _place(site.address, program.bounds)
    if not values.ways and not values.lost:
        return [] if _is_never_run(values, program) else [Unknown(place, _NO_VALUE)]
    return [
        Unknown(place, lost.reason, tuple(_place(address, program.bounds) for address in (lost.address, *way)))
        for lost, way in values.lost.items()
    ]
