"""The last results of a container's probe: the file ``health`` of its folder, as inspect shows it. Pure."""

from __future__ import annotations

import re

from whit.packer.support.light import dataclass

_LINE = re.compile(rb"(\d{1,19}) (\d{1,19}) (-?\d{1,3}) (.*)", re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_MEANT = {b"n": b"\n", b"r": b"\r"}


@dataclass(frozen=True, slots=True)
class Result:
    """What a probe came to; times in ns since 1970. ``exit_code`` is 0 where it is well, -1 where there was no answer."""

    began: int
    ended: int
    exit_code: int
    output: str


def parse_results(data: bytes) -> tuple[Result, ...]:
    """The results that the file holds, the oldest first; lines that are none are passed over."""
    found = (_LINE.fullmatch(line) for line in data.split(b"\n"))
    return tuple(Result(int(match[1]), int(match[2]), int(match[3]), _output(match[4])) for match in found if match)


def _output(escaped: bytes) -> str:
    plain = _ESCAPED.sub(lambda match: _MEANT.get(match[1], match[1]), escaped)
    return plain.decode("utf-8", "replace")
