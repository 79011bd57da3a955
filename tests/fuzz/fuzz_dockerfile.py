# ruff: noqa: PLC0415, T201 - a script: the path is set first
"""Feed changed Dockerfiles to what reads and evaluates them: only a plan or one of whit's own errors may come out.

    python tests/fuzz/fuzz_dockerfile.py [SECONDS]

With BuildKit's oracle in ``build/`` (``make slow`` builds it) each file is parsed by that too, and a difference is a
finding. A file that breaks the rule is kept in ``build/fuzz`` and named.
"""

from __future__ import annotations

import random
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))
FINDINGS = PROJECT / "build" / "fuzz"
SLOW = 5.0
"""Seconds of a processor that no file of this size may take."""

if TYPE_CHECKING:
    from tests.dockerfile.buildkit import Oracle


def seeds() -> list[str]:
    """The corpus of the tests."""
    from tests.dockerfile import building, checking, corpus

    return [*corpus.files(), *building.FILES, *checking.CHECKED, *(text for text, _ in building.WISHES)]


def changed(chance: random.Random, files: list[str]) -> str:
    """One of ``files`` with pieces moved, doubled, lost, or taken from others."""
    text = chance.choice(files)
    for _ in range(chance.randint(1, 6)):
        place, size = chance.randrange(len(text) + 1), chance.randint(1, 12)
        kind = chance.randrange(4)
        if kind == 0:
            text = text[:place] + text[place + size :]
        elif kind == 1:
            text = text[:place] + text[place : place + size] + text[place:]
        elif kind == 2:
            other = chance.choice(files)
            begin = chance.randrange(len(other) + 1)
            text = text[:place] + other[begin : begin + size * 3] + text[place:]
        else:
            text = text[:place] + chance.choice("$\\`\"'{}#<\n\t =-/:*[],\r\u00a0ä") + text[place:]
    return text


def judge(text: str, oracle: Oracle | None) -> None:
    """The rule that must hold for every file."""
    from tests.dockerfile.answers import differs
    from tests.dockerfile.building import IMAGES
    from tests.dockerfile.planning import planned
    from whit.packer.support.errors import WhitError

    began = time.process_time()
    try:
        planned({"text": text, "images": IMAGES}, all_stages=True)
    except WhitError as error:
        if "\n" in error.message.strip("\n") and "\n" not in text:
            raise AssertionError(f"not one line: {error.message!r}") from None
    if time.process_time() - began > SLOW:
        raise AssertionError(f"took {time.process_time() - began:.1f} s")
    # What whit refuses or reads otherwise on purpose is told in docs/dockerfile.md.
    if oracle and text.isascii() and not any(odd in text for odd in ("\0", "${", "--device")):
        difference = differs("parse", {"text": text}, oracle.ask(op="parse", text=text))
        # Whit reads no other frontends.
        if difference and "another frontend" not in difference:
            raise AssertionError(difference)


def main() -> int:
    from tests.dockerfile.buildkit import built_oracle, running_oracle

    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30
    number = random.SystemRandom().getrandbits(32)
    chance, files = random.Random(number), seeds()
    end, count = time.monotonic() + seconds, 0
    with ExitStack() as stack:
        program = built_oracle()
        oracle = stack.enter_context(running_oracle(program)) if program else None
        while time.monotonic() < end:
            text = changed(chance, files)
            try:
                judge(text, oracle)
            except Exception:
                FINDINGS.mkdir(parents=True, exist_ok=True)
                kept = FINDINGS / f"dockerfile-{number}-{count}"
                kept.write_text(text, "utf-8")
                print(f"fuzz_dockerfile: seed {number}, file {count}, kept as {kept}", file=sys.stderr)
                raise
            count += 1
    print(f"fuzz_dockerfile: {count} files{', beside BuildKit' if oracle else ''}, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
