"""A program → what is found in its code, what it is seen to call, and whether it works under the filter of the former."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

from elftools.elf.elffile import ELFFile

from tests.integration.straced import calls_in, moved
from tests.peers import PROJECT, find_peer
from tests.proof import filters
from tests.proof.model import Architecture, Outcome, Proof, Traced, Verdict
from tests.proof.playing import NO_ANSWER, errors_of, play
from whit.packer.executable.file import opened
from whit.packer.syscalls.names import syscall_names, syscall_numbers
from whit.packer.syscalls.remembered import find_once
from whit.runtime.confinement import allowed_calls
from whit.runtime.seccomp.model import KILL_PROCESS
from whit.runtime.seccomp.proven import KERNELS, VDSO
from whit.runtime.seccomp.simulate import run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.proof.model import Program, Work
    from tests.proof.scene import Scene
    from whit.packer.syscalls.found import Findings

WHIT = PROJECT / ".venv" / "bin" / "whit"
_CALL = re.compile(r"^\d+ (\w+)\(", re.MULTILINE)
"""A line of ``qemu -strace``."""

_PLACE = "/srv"
_SHOWN = 3


def prove(program: Program, scene: Scene) -> Proof:
    """All questions, one after the other. Raises ProgramMissingError and ToolchainMissingError where it can't be had."""
    path = program.fetch()
    found = found_in(path)
    proof = Proof(
        program,
        stripped=_is_stripped(path),
        text_bytes=found.code_bytes,
        found=len(found.numbers),
        unknown=len(found.unknown),
    )
    trace = _by_qemu if program.architecture is Architecture.ARM64 else _by_strace
    seen = [trace(path, work, scene) for work in program.works]
    proof = held_against(proof, seen, found)
    if not found.complete:
        return proof
    names = names_of(found)
    for _, fetch in program.others:
        other = found_in(fetch())
        if not other.complete:
            return replace(proof, lines=(*proof.lines, "a program that it executes has calls that are unknown"))
        names |= names_of(other)
    allowed = allowed_calls(program.architecture, names) or frozenset()
    proof = replace(proof, allowed=len(allowed), forgotten=tuple(sorted(names & filters.NEWER)))
    if program.architecture is Architecture.ARM64:
        return _simulated(proof, seen, names)
    proof = _enforced(proof, path, scene)
    return _on_other_kernels(proof, path, names, scene)


def found_in(path: Path) -> Findings:
    """What is found in its code."""
    with opened(str(path)) as file:
        return file.look(find_once)


def names_of(found: Findings) -> frozenset[str]:
    """The calls that were found, by their names."""
    names = syscall_names(found.architecture)
    return frozenset(names[number] for number in found.numbers if number in names)


def _is_stripped(path: Path) -> bool:
    with path.open("rb") as file:
        return ELFFile(file).get_section_by_name(".symtab") is None


# What it is seen to call


def held_against(proof: Proof, seen: Sequence[Traced], found: Findings) -> Proof:
    """Whether all that was seen is found, each call at a place that it was predicted for."""
    numbers = frozenset(number for each in seen for number in each.numbers)
    if not numbers:
        return replace(proof, traced=Verdict.FAILS, lines=(*proof.lines, "no call was seen"))
    names = syscall_names(found.architecture)
    numbered = syscall_numbers(found.architecture)
    vdso = {numbered[name] for name in VDSO | KERNELS if name in numbered}
    # The kernel has the number changed where a wait goes on after a signal; and of a process that ends strace tells, once in some
    # runs, that threads which wait called exit_group themselves. Filters always allow both.
    kernels = {numbered["restart_syscall"], numbered["exit_group"]}
    sites = {entry.place.address: {way.number for way in entry.ways} for entry in found.entries}
    lines, outside, places = [], 0, set()
    untried = [each.undone for each in seen if each.undone]
    for each in seen:
        shift = moved(set(each.calls), sites)
        for call in each.calls:
            site = call.address - shift
            if call.number in sites.get(site, ()):
                places.add(site)
            elif call.number in kernels or (site not in sites and call.number in vdso):
                outside += 1
            else:
                lines.append(f"{names.get(call.number, call.number)} at {site:#x} isn't what was found there")
    missed = numbers - found.numbers - vdso
    lines += [f"{names.get(number, number)} is called and wasn't found" for number in sorted(missed)]
    if not found.complete:
        # What is unknown has been told; a filter of it is never made.
        lines = []
    return replace(
        proof,
        used=len(numbers & found.numbers),
        sites_used=len(places),
        from_vdso=outside,
        traced=Verdict.FAILS if lines else Verdict.HOLDS,
        lines=(*proof.lines, *_few(lines), *untried),
    )


def _by_strace(path: Path, work: Work, scene: Scene) -> Traced:
    place = scene.lay(work)
    log = place.parent / "strace"
    words: list[str | Path] = [find_peer("strace") or "strace", "-f", "-n", "-i", "-o", log, path, *work.arguments]
    outcome = play(words, work, place, path.stat().st_size)
    calls = calls_in(log) if log.exists() else set()
    return Traced(frozenset(call.number for call in calls), frozenset(calls), undone(outcome, work))


def _by_qemu(path: Path, work: Work, scene: Scene) -> Traced:
    place = scene.lay(work)
    log = place.parent / "qemu"
    words: list[str | Path] = [find_peer("qemu-aarch64") or "qemu-aarch64", "-strace", "-D", log, path]
    outcome = play([*words, *work.arguments], work, place, path.stat().st_size)
    known = syscall_numbers(Architecture.ARM64)
    seen = set(_CALL.findall(log.read_text(errors="replace"))) if log.exists() else set()
    return Traced(frozenset(known[name] for name in seen & known.keys()), undone=undone(outcome, work))


def _simulated(proof: Proof, seen: Sequence[Traced], names: frozenset[str]) -> Proof:
    """No AArch64 kernel is here: its filter's instructions are interpreted, for each call that was seen."""
    data = filters.killing(names, Architecture.ARM64)
    known = syscall_names(Architecture.ARM64)
    numbers = {number for each in seen for number in each.numbers}
    killed = [known[each] for each in sorted(numbers) if run(data, "arm64", each) == KILL_PROCESS.return_value]
    lines = [f"{name} would end it" for name in killed]
    return replace(proof, enforced=Verdict.FAILS if killed else Verdict.SIMULATED, lines=(*proof.lines, *_few(lines)))


# Under the filter


def _enforced(proof: Proof, path: Path, scene: Scene) -> Proof:
    """The image with the filter, whose refusals are deadly, against the image without."""
    program = proof.program
    added = [word for place, fetch in program.others for word in ("--add", f"{fetch()}:{place}")]
    for tag, more in (("usual", ()), ("proven", ("--seccomp", "auto:kill"))):
        words = [str(WHIT), "pack", *more, *added, str(path), "-t", tag]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            return replace(proof, enforced=Verdict.FAILS, lines=(*proof.lines, f"pack: {done.stderr.strip()[:300]}"))

    def command(tag: str, work: Work, place: Path) -> list[str | Path]:
        variables = [word for name, value in work.environment for word in ("-e", f"{name}={value}")]
        words = ["run", "-i", "--network", "host", "-v", f"{place}:{_PLACE}", "-w", _PLACE, *variables, tag]
        return [WHIT, *words, *work.arguments]

    lines = _compared(
        program, path, scene, lambda w, p: command("usual", w, p), lambda w, p: command("proven", w, p), "filter"
    )
    return replace(proof, enforced=Verdict.FAILS if lines else Verdict.HOLDS, lines=(*proof.lines, *_few(lines)))


def _on_other_kernels(proof: Proof, path: Path, names: frozenset[str], scene: Scene) -> Proof:
    """As on an older kernel, with the filter against without; and as on one that has everything, with what was found alone."""
    folder = scene.folder
    made = {
        "lacking": filters.forgetting(frozenset(proof.forgotten), Architecture.AMD64),
        "killing": filters.killing(names, Architecture.AMD64),
        "all": filters.nothing_else(names, Architecture.AMD64),
    }
    for name, data in made.items():
        (folder / name).write_bytes(data)

    def under(*loaded: str) -> Callable[[Work, Path], Sequence[str | Path]]:
        words: list[str | Path] = [filters.loader(), str(filters.START), *(folder / name for name in loaded), "--"]
        return lambda work, _: [*words, path, *work.arguments]

    program = proof.program
    older = _compared(program, path, scene, under("lacking"), under("lacking", "killing"), "older kernel")
    newer = _compared(program, path, scene, under(), under("all"), "newer kernel")
    return replace(
        proof,
        older=Verdict.FAILS if older else Verdict.HOLDS,
        newer=Verdict.FAILS if newer else Verdict.HOLDS,
        lines=(*proof.lines, *_few(older), *_few(newer)),
    )


def _compared(
    program: Program,
    path: Path,
    scene: Scene,
    usual: Callable[[Work, Path], Sequence[str | Path]],
    other: Callable[[Work, Path], Sequence[str | Path]],
    what: str,
) -> list[str]:
    """What is otherwise, a line each."""
    size, lines = path.stat().st_size, []
    for work in program.works:
        ends = []
        for command in (usual, other):
            place = scene.lay(work)
            ends.append((play(command(work, place), work, place, size), errors_of(place)))
        (expected, _), (got, said) = ends
        differs = difference(expected, got, work)
        if differs:
            lines.append(f"{what}: {' '.join(work.arguments)[:60]}: {differs} {said}".rstrip())
    return lines


def undone(outcome: Outcome, work: Work) -> str:
    """Why a run was no work: otherwise two runs that fail alike would prove something."""
    words = " ".join(work.arguments)[:60]
    if work.asked:
        return f"{words}: {outcome.answer[:80]}" if outcome.answer.startswith(NO_ANSWER) or not outcome.answer else ""
    return f"{words}: status {outcome.status}, not {work.status}" if outcome.status != work.status else ""


def difference(expected: Outcome, got: Outcome, work: Work) -> str:
    """What can be told apart of two runs of the same work; empty where nothing can."""
    if expected.status != got.status:
        return f"status {got.status}, not {expected.status}"
    if expected.answer != got.answer:
        return f"answered {got.answer[:80]!r}, not {expected.answer[:80]!r}"
    if work.same and not work.asked and expected.output != got.output:
        return f"printed {got.output[-80:]!r}, not {expected.output[-80:]!r}"
    return ""


def _few(lines: list[str]) -> list[str]:
    more = [f"… and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return [*lines[:_SHOWN], *more]
