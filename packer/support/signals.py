"""Linux' signals by name and number (signal(7)). Pure."""

from __future__ import annotations

import re

from whit.packer.support.errors import UsageError

NAMES = (
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
    "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
)  # fmt: skip
"""Signals in the order of their numbers, from 1 on (signal(7))."""

ALIASES = {"POLL": "IO", "IOT": "ABRT", "CLD": "CHLD"}
_LAST_SIGNAL, _REAL_TIME = 64, 34


def parse_signal(text: str) -> int:
    """A signal's number from its name, with or without SIG, or number. Raises :class:`UsageError`."""
    word = text.upper().removeprefix("SIG")
    word = ALIASES.get(word, word)
    if word in NAMES:
        return NAMES.index(word) + 1
    if word.isascii() and word.isdigit() and len(word) <= 2 and 1 <= int(word) <= _LAST_SIGNAL:  # noqa: PLR2004 - digits
        return int(word)
    real_time = re.fullmatch(r"RTM(IN|AX)(?:([+-])(\d{1,2}))?", word, re.ASCII)
    if real_time:
        base, offset = (_REAL_TIME, 1) if real_time[1] == "IN" else (_LAST_SIGNAL, -1)
        number = base + offset * int(real_time[3] or 0)
        if (real_time[2] or "+-"[offset < 0]) == "+-"[offset < 0] and _REAL_TIME <= number <= _LAST_SIGNAL:
            return number
    raise UsageError(f"'{text}' is no signal", hint="give its name or number: SIGTERM, HUP, 9 (signal(7))")
