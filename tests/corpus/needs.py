# ruff: noqa: T201 - a table for people
"""The rules on needs against programs whose needs are known, because they were written for it: missed and false ones.

``python -m tests.corpus needs`` builds all programs in all their forms (some 200; minutes the first time), prints a
table of missed and false verdicts for each rule, and then runs every program on a full system and in whit's image,
whose outputs must be the same.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.corpus.stage import Job, play
from tests.corpus.truth import FRESH, TUNED
from tests.peers import PROJECT
from tests.programs.build import ToolchainMissingError, build
from whit.packer.executable.file import open_executable
from whit.packer.needs import RULES, WANTED, judge_all
from whit.packer.needs.model import Verdict
from whit.packer.resolution.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.corpus.truth import Known
    from whit.packer.needs.model import Need

WHIT = PROJECT / ".venv" / "bin" / "whit"
SMALL = 20_000
"""Bytes that a false need may cost."""


@dataclass(frozen=True)
class Judged:
    """One program in one form, and what the rules say of it; ``bytes`` by need."""

    known: Known
    form: str
    path: Path
    needs: tuple[Need, ...]
    bytes: dict[str, int]


def judged(known: Known) -> Iterable[Judged]:
    """A program in each of its languages, with symbols and without; nothing where the compiler is missing."""
    for language in known.languages:
        for stripped in (False, True):
            try:
                path = build(known.name, language, stripped=stripped)
            except ToolchainMissingError as error:
                print(f"left out: {known.name} in {language}: {error}", file=sys.stderr)
                continue
            analysis = open_executable(str(path), WANTED).analysis
            sizes: dict[str, int] = defaultdict(int)
            for file in resolve(analysis).files:
                sizes[file.need] += file.size
            form = f"{language}{', stripped' if stripped else ''}"
            yield Judged(known, form, path, judge_all(analysis), dict(sizes))


def table(programs: list[Judged]) -> list[str]:
    """A row for each rule, in Markdown: "maybe" counts as neither missed nor false, and is counted for itself."""
    lines = [
        "| need | have it | missed | of these maybe | haven't | false | largest false, bytes | of these maybe |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for rule in RULES:
        counts = dict.fromkeys(("have", "missed", "maybe", "not", "false", "perhaps"), 0)
        cost = 0
        for program in programs:
            verdict = next(need.verdict for need in program.needs if need.name == rule.name)
            if rule.name in program.known.needs:
                counts["have"] += 1
                counts["missed"] += verdict is Verdict.NOT
                counts["maybe"] += verdict is Verdict.MAYBE
            else:
                counts["not"] += 1
                counts["perhaps"] += verdict is Verdict.MAYBE
                if verdict is Verdict.NEEDED:
                    counts["false"] += 1
                    cost = max(cost, program.bytes.get(rule.name, 0))
        have, missed, maybe, rest, false, perhaps = counts.values()
        lines.append(f"| {rule.name} | {have} | {missed} | {maybe} | {rest} | {false} | {cost} | {perhaps} |")
    return lines


def faults(programs: list[Judged]) -> list[str]:
    """Each missed and each false need."""
    found = []
    for program in programs:
        for need in program.needs:
            wanted = need.name in program.known.needs
            if wanted == (need.verdict is not Verdict.NOT) or (not wanted and need.verdict is Verdict.MAYBE):
                continue
            evidence = ", ".join(fact.detail for fact in need.evidence[:2])
            word = "missed" if wanted else f"false ({program.bytes.get(need.name, 0)} bytes)"
            found.append(f"{program.known.name} ({program.form}): {need.name} {word}: {need.reason}; {evidence}")
    return found


def _source(name: str) -> str:
    return name if name.startswith("/") else str(build(name, "c-musl"))


def _jobs(program: Judged, root: str) -> tuple[Job, Job]:
    """Directly on the full system, and in the image."""
    scene = program.known.scene
    given = [word for here, there in scene.given for word in ("--add", f"{_source(here)}:{there}")]
    variables = [word for name, value in scene.env for word in ("-e", f"{name}={value}")]
    direct = (str(program.path), *scene.arguments)
    confined = (str(WHIT), "run", "--rm", *scene.options, *given, *variables, *direct)
    own = (("PATH", os.defpath), ("HOME", "/home/nonroot"), *scene.env)
    return Job(direct, own, direct=True, ask=scene.ask), Job(
        confined, (*os.environ.items(), ("WHIT_ROOT", root)), direct=False, ask=scene.ask
    )


def differences(programs: list[Judged]) -> list[str]:
    """Programs of which anything is seen to be otherwise in their image than on a full system. It takes root."""
    given = {(_source(here), there) for program in programs for here, there in program.known.scene.given}
    with tempfile.TemporaryDirectory() as root:
        Path(root).chmod(0o755)
        jobs = [job for program in programs for job in _jobs(program, root)]
        outcomes = play(jobs, tuple(sorted(given)))
    return [
        f"{program.known.name} ({program.form}): {direct} directly, {confined} in its image"
        for program, direct, confined in zip(programs, outcomes[::2], outcomes[1::2], strict=True)
        if direct != confined
    ]


def report(title: str, batch: tuple[Known, ...]) -> bool:
    """Prints what was found; whether nothing was missed, nothing false is dear, and nothing differs."""
    programs = [program for known in batch for program in judged(known)]
    print(f"\n## {title}: {len(batch)} programs in {len(programs)} forms\n")
    print("\n".join(table(programs)))
    wrong = faults(programs)
    print(f"\n{len(wrong)} missed or false:", *wrong, sep="\n- ")
    if os.geteuid() != 0:
        print("\nleft out: running them on a full system and in their images takes root")
        return False
    differing = differences(programs)
    print(f"\n{len(differing)} of {len(programs)} differ in their image from a full system:", *differing, sep="\n- ")
    dear = any(
        need.verdict is Verdict.NEEDED and need.name not in program.known.needs
        for program in programs
        for need in program.needs
        if program.bytes.get(need.name, 0) > SMALL
    )
    return not dear and not differing and not any(" missed: " in line for line in wrong)


def main() -> int:
    good = [report("The corpus that the rules were tuned on", TUNED), report("A batch written afterwards", FRESH)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
