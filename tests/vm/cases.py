"""Scripts in the guest whose commands tell their names, exit codes and words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.vm.guest import run_guest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FUNCTIONS = """
# NAME COMMAND...: run it, and say what it said and how it ended
case_of() {
    name=$1
    shift
    "$@" >/tmp/said 2>&1 </dev/null
    echo "=== $name $?"
    cat /tmp/said
}
# COMMAND...: until it succeeds, for two minutes at most
until_so() {
    tries=0
    while ! "$@" >/dev/null 2>&1 && test $tries -lt 600; do sleep 0.2; tries=$((tries + 1)); done
    "$@"
}
"""
START = re.compile(r"^=== ([\w-]+) (\d+)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """How one command of the script ended, and what it said."""

    status: int
    said: str

    @property
    def lines(self) -> list[str]:
        """What it said, line by line."""
        return self.said.splitlines()


def run_cases(script: str, files: Mapping[str, Path] | None = None, **options: Any) -> dict[str, Case]:
    """Boot, run the script, which has ``case_of`` and ``until_so``, and give its cases by name; ``options`` are run_guest's."""
    parts = START.split(run_guest(FUNCTIONS + script, files, **options).output)[1:]
    names, statuses, texts = parts[0::3], parts[1::3], parts[2::3]
    return {name: Case(int(status), said) for name, status, said in zip(names, statuses, texts, strict=True)}
