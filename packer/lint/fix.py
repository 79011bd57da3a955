"""``whit lint --fix``: an executable without what only debuggers read, proved to be the same program.

Written under a temporary name, checked, tried if that is possible, and only then given its name. What is checked: every
loaded byte is what it was, but for the header's words about the section table; what the file is and needs is what it
was. Trying it means running both confined, which only the command-line root can do: it hands in a :class:`Runner`.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from whit.packer.elf.file import parse
from whit.packer.elf.strip import pieces, stack_flags_at, strip
from whit.packer.executable.analysis import EvidenceKind, Format
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, UnsupportedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.elf.strip import Stripped
    from whit.packer.executable.analysis import Analysis
    from whit.packer.executable.file import Opened
    from whit.packer.lint.model import Program
    from whit.packer.support.search import Data

SUFFIX = ".fixed"
_PIECE = 1 << 20
_TABLE_WORDS = {64: ((40, 48), (60, 64)), 32: ((32, 36), (48, 52))}
"""e_shoff, e_shnum and e_shstrndx in the file header: the only loaded bytes that may change."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a confined run ended: its exit status, or None if it was still running when time was up; what it printed.

    ``problem`` tells why it couldn't be run at all.
    """

    status: int | None
    output: bytes = b""
    problem: str | None = None


class Runner(Protocol):
    """Runs an executable confined, without a network, for a few seconds at most, as ``name``."""

    def __call__(self, path: Path, name: str, arguments: tuple[str, ...]) -> Outcome:
        """Run it and tell how it ended."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person asks of ``--fix``; ``arguments`` are for trying, with ``runner`` None nothing is run."""

    output: str | None = None
    symbols: bool = False
    clear_stack: bool = False
    arguments: tuple[str, ...] = ("--version",)
    runner: Runner | None = None


@dataclass(frozen=True, slots=True)
class Fixed:
    """What was done. ``tried`` says in words how it ran, or why it wasn't run; ``ran`` whether it did."""

    path: str
    size_before: int
    size_after: int
    removed: tuple[str, ...]
    stack_cleared: bool
    ran: bool
    tried: str


def fix(
    opened: Opened, program: Program, wishes: Wishes, look_again: Callable[[Data], Program]
) -> tuple[Fixed, Program] | None:
    """Write the mended executable; None, and no file, if there is nothing to mend.

    ``look_again`` judges the result as ``program`` was judged. Raises UnsupportedError for what can't be mended safely,
    UsageError for an output that is the input, InvalidFileError if the result isn't the same program.
    """
    target = _target(opened, wishes)
    with mmap.mmap(opened.descriptor, opened.file.size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) as data:
        plan = _planned(opened, program, data, wishes)
        flags_at = stack_flags_at(data) if wishes.clear_stack else None
        if not plan.removed and flags_at is None:
            return None
        folder = target.parent
        with durable.output_errors(target), durable.temporary_file(folder, private=False) as (file, path):
            try:
                for piece in pieces(data, plan, flags_at, parse(data).order):
                    durable.write_all(file, piece)
                os.fchmod(file.fileno(), os.fstat(opened.descriptor).st_mode & 0o777)
                with mmap.mmap(file.fileno(), plan.size, prot=mmap.PROT_READ) as new:
                    _require_same_bytes(data, new, flags_at)
                    after = look_again(new)
                _require_same_program(program, after)
                ran, tried = _tried(opened, path, wishes)
                os.fsync(file.fileno())
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            path.replace(target)
        durable.sync_folder(folder)
    shown = wishes.output or f"{opened.path}{SUFFIX}"
    done = Fixed(shown, opened.file.size, plan.size, plan.removed, flags_at is not None, ran, tried)
    return done, replace(after, path=shown)


def _planned(opened: Opened, program: Program, data: Data, wishes: Wishes) -> Stripped:
    if program.analysis.format is not Format.ELF:
        raise UnsupportedError(
            f"{opened.path}: --fix mends ELF files, and this is WebAssembly", hint="wasm-strip does it"
        )
    try:
        return strip(data, symbols=wishes.symbols)
    except UnsupportedError as error:
        hint = "it is left as it is: strip it where it is built"
        raise UnsupportedError(f"{opened.path}: {error.message}", hint=hint) from None


def _target(opened: Opened, wishes: Wishes) -> Path:
    target = Path(wishes.output) if wishes.output else Path(f"{opened.path}{SUFFIX}")
    if target.is_dir():
        raise UsageError(f"-o {target} is a folder", hint=f"as in -o {target / opened.name}")
    if target.exists() and _is_same(target, opened):
        raise UsageError(f"-o {target} is the file itself", hint="write it beside, look at it, then rename it")
    return durable.replaceable(target)


def _is_same(target: Path, opened: Opened) -> bool:
    state = target.stat()
    return (state.st_dev, state.st_ino) == opened.file.identity[:2]


def _require_same_bytes(old: Data, new: Data, flags_at: int | None) -> None:
    before, after = parse(old), parse(new)
    words = [*_TABLE_WORDS[before.bits], *([(flags_at, flags_at + 4)] if flags_at is not None else [])]
    if before.loaded_spans != after.loaded_spans:
        raise InvalidFileError("the mended file would load other bytes", hint="this is a fault of whit's: report it")
    for start, end in before.loaded_spans:
        for at in range(start, end, _PIECE):
            stop = min(at + _PIECE, end)
            if _without(old[at:stop], at, words) != _without(new[at:stop], at, words):
                raise InvalidFileError(
                    "the mended file would load other bytes", hint="this is a fault of whit's: report it"
                )


def _without(piece: bytes, at: int, words: list[tuple[int, int]]) -> bytes:
    """The piece with some words of the file blanked."""
    changed = bytearray(piece)
    for start, end in words:
        low, high = max(start - at, 0), min(end - at, len(changed))
        if low < high:
            changed[low:high] = bytes(high - low)
    return bytes(changed)


def _identity(analysis: Analysis) -> Analysis:
    """What must not change: all but sizes, and where in the file its proofs stand."""
    evidence = tuple(
        replace(fact, offset=None) for fact in analysis.language.evidence if fact.kind is not EvidenceKind.SYMBOL
    )
    return replace(
        analysis,
        size=0,
        language=replace(analysis.language, evidence=evidence),
        hardening=None,
        parts=(),
        stripped=False,
        functions_known=False,
        functions=frozenset(),
        arguments=(),
        strings=(),
    )


def _require_same_program(before: Program, after: Program) -> None:
    """The same program, and as long as its functions can be read as before, the same needs."""
    same = _identity(before.analysis) == _identity(after.analysis)
    if before.analysis.functions_known == after.analysis.functions_known:
        verdicts = [[(need.name, need.verdict) for need in program.needs] for program in (before, after)]
        same = same and verdicts[0] == verdicts[1]
    if not same:
        raise UnsupportedError(
            "without what --fix takes away it would be taken for another program",
            hint="strip it where it is built, and compare the two with whit inspect",
        )


def _tried(opened: Opened, new: Path, wishes: Wishes) -> tuple[bool, str]:
    if wishes.runner is None:
        return False, "not run"
    words = " ".join(wishes.arguments)
    old = wishes.runner(Path(opened.file.path), opened.name, wishes.arguments)
    if old.problem is not None:
        return False, f"not run: {old.problem}"
    mended = wishes.runner(new, opened.name, wishes.arguments)
    if mended.problem is not None or mended.status != old.status:
        raise InvalidFileError(
            f"the mended program behaves differently: run with {words} it ended with {mended.status}, "
            f"the original with {old.status}",
            hint="does it read its own debug information? --no-run leaves this check out",
        )
    if old.status is None:
        return True, f"run with {words}: both were still running when time was up"
    output = "the same output" if old.output == mended.output else "output that differs"
    return True, f"run with {words}: exit status {old.status} and {output}, as before"
