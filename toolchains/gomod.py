"""go.mod and go.work: what of them decides a build (go.dev/ref/mod, "go.mod files" and "Workspaces"). Pure.

Go itself reads all of it; here is only what has to be known before Go is started.
"""

from __future__ import annotations

import re

from whit.packer.support.light import dataclass

_LINE = re.compile(r'//.*|("(?:[^"\\]|\\.)*"|`[^`]*`|[()]|=>|[^\s()"`]+)')
_LOCAL = ("./", "../", "/")


@dataclass(frozen=True, slots=True)
class GoMod:
    """``version`` is the least Go that it asks for; ``folders`` are those of this machine that it takes modules from."""

    module: str = ""
    version: str = ""
    folders: tuple[str, ...] = ()


def parse_gomod(text: str) -> GoMod:
    """Read either file. What isn't understood is left for Go to complain about."""
    module, version, folders, block = "", "", [], ""
    for line in text.splitlines():
        words = [match[1].strip('"`') for match in _LINE.finditer(line) if match[1]]
        if not words:
            continue
        if words == [")"]:
            block = ""
            continue
        if words[-1] == "(":
            block = words[0]
            continue
        verb, *rest = (block, *words) if block else words
        if verb == "module" and rest:
            module = rest[0]
        elif verb == "go" and rest:
            version = rest[0]
        elif verb == "use" and rest:
            folders.append(rest[0])
        elif verb == "replace" and "=>" in rest[:-1]:
            target = rest[rest.index("=>") + 1]
            folders += [target] if target.startswith(_LOCAL) or target in {".", ".."} else []
    return GoMod(module, version, tuple(folders))
