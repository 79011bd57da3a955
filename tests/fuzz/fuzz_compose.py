# ruff: noqa: PLC0415, T201 - a script: the path is set first
"""Feed changed Compose and env files to the loader: only a configuration or one of whit's own errors may come out, soon.

    python tests/fuzz/fuzz_compose.py [SECONDS]

A project that breaks the rule is kept in ``build/fuzz`` and named.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))
FINDINGS = PROJECT / "build" / "fuzz"
SLOW = 5.0
"""Seconds of a processor that no project of this size may take."""
ODD = (
    "&a ",
    "*a",
    "<<: *a",
    "!reset ",
    "!override ",
    "${A",
    "$$",
    "{",
    "}",
    "[",
    "]",
    ": ",
    "- ",
    "\n",
    "\t",
    '"',
    "'",
    "#",
    "|",
    "~",
)
WORDS = (
    "0",
    "-1",
    "1e999",
    "9" * 40,
    "null",
    "true",
    "x" * 300,
    "\u2028",
    "\ufeff",
    "include",
    "extends",
    "services",
    "${A:-${B}}",
    "0x",
    "..",
    "/",
)


def seeds() -> list[dict[str, str]]:
    """The corpus of the tests."""
    from tests.compose.corpus import BESIDE, every

    return [{**BESIDE, **case.files} for case in every()]


def changed(chance: random.Random, projects: list[dict[str, str]]) -> dict[str, str]:
    """One of the projects with pieces of one of its files moved, doubled, lost, or taken from another's."""
    files = dict(chance.choice(projects))
    for _ in range(chance.randint(1, 6)):
        name = chance.choice(list(files))
        text = files[name]
        place, size = chance.randrange(len(text) + 1), chance.randint(1, 24)
        kind = chance.randrange(5)
        if kind == 0:
            text = text[:place] + text[place + size :]
        elif kind == 1:
            text = text[:place] + text[place : place + size] + text[place:]
        elif kind == 2:
            other = chance.choice(list(chance.choice(projects).values()))
            begin = chance.randrange(len(other) + 1)
            text = text[:place] + other[begin : begin + size * 3] + text[place:]
        else:
            text = text[:place] + chance.choice(ODD if kind == 3 else WORDS) + text[place:]
        files[name] = text
    return files


def judge(files: dict[str, str]) -> None:
    """The rule that must hold for every project."""
    from tests.compose.corpus import ENVIRONMENT
    from tests.compose.loading import FOLDER, Files
    from whit.packer.support.errors import WhitError
    from whit.runtime.compose.model import Request, load_project

    named = tuple(f"{FOLDER}/{name}" for name in ("compose.yaml", "over.yaml") if name in files) or (
        f"{FOLDER}/a.yaml",
    )
    for interpolate in (True, False):
        began = time.process_time()
        try:
            found = load_project(
                Request(named, FOLDER, ENVIRONMENT, interpolate=interpolate, profiles=("*",)), Files(files)
            )
            json.dumps(found.configuration)
            if any(line < 1 for _, line, _ in found.places.values()):
                raise AssertionError("a value without a place")
        except WhitError as error:
            if not error.message:
                raise AssertionError("an error without words") from None
        if time.process_time() - began > SLOW:
            raise AssertionError(f"took {time.process_time() - began:.1f} s")


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30
    number = random.SystemRandom().getrandbits(32)
    chance, projects = random.Random(number), seeds()
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        files = changed(chance, projects)
        try:
            judge(files)
        except Exception:
            FINDINGS.mkdir(parents=True, exist_ok=True)
            kept = FINDINGS / f"compose-{number}-{count}.json"
            kept.write_text(json.dumps(files, indent=1), "utf-8")
            print(f"fuzz_compose: seed {number}, project {count}, kept as {kept}", file=sys.stderr)
            raise
        count += 1
    print(f"fuzz_compose: {count} projects, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
