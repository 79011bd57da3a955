"""``${NAME}`` in a build file's texts. Pure.

``${NAME}``, ``${NAME:-otherwise}`` (unset or empty), ``${NAME-otherwise}`` (unset), ``${NAME:?why}``; ``$$`` is a dollar.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.packer.buildfile.whityaml.located import Located

_USE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<rest>:?[-?][^{}]*)?\})")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_TEXT = 64 << 10


def expand(value: Located, variables: Mapping[str, str]) -> str:
    """A text with its variables replaced. Raises :class:`BuildFileError` for one that isn't set."""
    text, done, at = value.text(), [], 0
    while (dollar := text.find("$", at)) >= 0:
        found = _USE.match(text, dollar)
        if found is None:
            raise value.wrong("a $ that begins no variable", hint="write ${NAME}, or $$ for a dollar")
        done += [text[at:dollar], "$" if found["dollar"] else _value(value, found, variables)]
        at = found.end()
    expanded = "".join((*done, text[at:]))
    if len(expanded) > MAX_TEXT:
        raise value.wrong(f"its variables make it longer than {MAX_TEXT} characters")
    return expanded


def _value(value: Located, found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, rest = found["name"], found["rest"] or ""
    known = variables.get(name)
    counts_empty, rest = rest.startswith(":"), rest.removeprefix(":")
    if known is not None and not (counts_empty and not known):
        return known
    if rest.startswith("-"):
        return rest[1:]
    why = f": {rest[1:]}" if len(rest) > 1 else ""
    raise value.wrong(
        f"the variable {name} isn't set{why}",
        hint=f"whit build --build-arg {name}=VALUE, or a default: ${{{name}:-VALUE}}",
    )
