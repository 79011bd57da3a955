"""Proofs as a table for people, and as a document for programs (docs/proof.schema.json). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.proof.model import Verdict

if TYPE_CHECKING:
    from tests.proof.model import Proof

SCHEMA = "whit-proof/1"

_WORDS = {Verdict.HOLDS: "yes", Verdict.FAILS: "NO", Verdict.SIMULATED: "simulated", Verdict.LEFT_OUT: "-"}
_HEADER = (
    *("program", "language", "libc", "sym", "arch", "text MB", "found", "unknown", "used", "sites", "vdso"),
    *("allowed", "traced", "killing", "older", "newer"),
)
_WIDTHS = (30, 8, 5, 3, 5, 7, 5, 7, 4, 5, 6, 7, 6, 9, 5, 5)


def _line(cells: tuple[str, ...]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip() + "\n"


def title() -> str:
    return _line(_HEADER)


def row(proof: Proof) -> str:
    """The program's line, and below it what went wrong."""
    program = proof.program
    verdicts = (proof.traced, proof.enforced, proof.older, proof.newer)
    cells = (
        program.name + ("*" if program.fresh else ""),
        program.language,
        program.libc,
        "no" if proof.stripped else "yes",
        program.architecture.value,
        f"{proof.text_bytes / 1e6:.1f}",
        str(proof.found),
        str(proof.unknown),
        str(proof.used),
        str(proof.sites_used or "-"),
        str(proof.from_vdso),
        str(proof.allowed or "-"),
        *(_WORDS[verdict] for verdict in verdicts),
    )
    return _line(cells) + "".join(f"    {line}\n" for line in proof.lines)


def lacking_line(name: str, why: str) -> str:
    return f"{name:30}  left out: {why[:160]}\n"


def summary(proofs: list[Proof], lacking: dict[str, str]) -> str:
    whole = [proof for proof in proofs if not proof.unknown]
    held = sum(proof.holds for proof in proofs)
    enforced = sum(proof.enforced is Verdict.HOLDS for proof in proofs)
    return (
        f"\n{len(proofs)} programs: nothing missed in {held}; {len(whole)} without anything unknown, "
        f"{enforced} of them at work under their own filter; {len(lacking)} left out (* looked at after the rules stood)\n"
    )


def document(proofs: list[Proof], lacking: dict[str, str]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "programs": [_object(proof) for proof in proofs],
        "left_out": [{"name": name, "why": why} for name, why in lacking.items()],
    }


def _object(proof: Proof) -> dict[str, Any]:
    program = proof.program
    return {
        "name": program.name,
        "language": program.language,
        "libc": None if program.libc == "-" else program.libc,
        "stripped": proof.stripped,
        "architecture": program.architecture.value,
        "fresh": program.fresh,
        "text_bytes": proof.text_bytes,
        "found": proof.found,
        "unknown": proof.unknown,
        "used": proof.used,
        "sites_used": proof.sites_used,
        "from_vdso": proof.from_vdso,
        "allowed": proof.allowed,
        "forgotten": list(proof.forgotten),
        "traced": proof.traced.value,
        "enforced": proof.enforced.value,
        "older_kernel": proof.older.value,
        "newer_kernel": proof.newer.value,
        "holds": proof.holds,
        "lines": list(proof.lines),
    }
