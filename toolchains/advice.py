"""What may help where a compiler has failed, by what it said. Pure."""

from __future__ import annotations

import re
import signal

_MISSING = (
    "{} must be in the tree, for musl: this machine's own libraries are made for another libc (docs/toolchains.md)"
)
_KNOWN = (
    (re.compile(r"fatal error: '?([^':\n]+)'?(?: file not found|: No such file or directory)"), f"the library of {_MISSING}"),
    (re.compile(r"unable to find (?:dynamic|static) system library '([^'\n]+)'"), f"the library {_MISSING}"),
    (re.compile(r"library not found for -l(\S+)|cannot find -l(\S+)|unable to find library -l(\S+)"), f"the library {_MISSING}"),
    (re.compile(r"undefined (?:symbol: |reference to [`'])([^\s'`]+)"), "the library that has {} isn't linked: --build-arg LIBS=-l… names it for lone files"),
    (re.compile(r"\bNo space left on device\b|\bNoSpaceLeft\b|no space left on device"), "free some space: it is built below $WHIT_ROOT, and in $TMPDIR"),
)  # fmt: skip
"""Words of clang, its linkers, Zig, Go and Rust → what helps, with the name that they have."""

_KILLED = "the machine may have run out of memory: build with less beside it"
_USUAL = "its own words stand above"


def hint_for(code: int, said: str) -> str:
    """What helps where a step ended with ``code``, as subprocess has it, and said that."""
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return _KILLED
    for pattern, hint in _KNOWN:
        match = pattern.search(said)
        if match:
            return hint.format(next(filter(None, match.groups()), ""))
    return _USUAL if said.strip() else "it said nothing"
