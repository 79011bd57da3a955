"""glibc's dynamic string tokens in search paths and names (elf/dl-load.c, is_dst, _dl_dst_substitute). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"\$(?:\{(ORIGIN|PLATFORM|LIB)\}|(ORIGIN|PLATFORM|LIB)(?![A-Za-z0-9_]))")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the tokens stand for, for one object; None for a token that has no value there."""

    origin: str | None
    lib: str
    platform: str | None

    def expand(self, text: str) -> str | None:
        """The text with its tokens replaced; None if one has no value: the loader then drops the whole of it."""
        values = {"ORIGIN": self.origin, "LIB": self.lib, "PLATFORM": self.platform}
        names = [curly or bare for curly, bare in _TOKEN.findall(text)]
        if any(values[name] is None for name in names):
            return None
        return _TOKEN.sub(lambda match: values[match[1] or match[2]] or "", text)


def uses_origin(text: str) -> bool:
    """Whether $ORIGIN is in it."""
    return any("ORIGIN" in found for found in _TOKEN.findall(text))
