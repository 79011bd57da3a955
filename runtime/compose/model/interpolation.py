"""``$VAR``, ``${VAR}`` and what may stand behind the name; ``$$`` is one dollar (compose-spec, 12-interpolation.md). Pure."""

from __future__ import annotations

import re

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model.kinds import near
from whit.runtime.compose.model.nodes import ComposeError, Node, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whit.runtime.compose.model.nodes import Path, Value

    Lookup = Callable[[str], str | None]

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_DEEPEST = 32
MAX_TEXT = 1 << 20
"""The longest text that variables make."""
MAX_ALL = 64 << 20
"""The most that they make of all texts together."""
_HINTS = 20
"""So many unset variables are looked for among those that are set."""


class TemplateError(ValueError):
    """A text whose dollars mean nothing, or a variable that must be set and isn't."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class Variables:
    """What variables are set to, and which were asked for and aren't."""

    __slots__ = ("lookup", "made", "unset")

    def __init__(self, lookup: Lookup, made: int = 0) -> None:
        self.lookup = lookup
        self.unset: dict[str, None] = {}
        self.made = made
        """How long all texts together are that were made."""

    def noted(self, name: str, operator: str, rest: str) -> None:
        """One use of a variable; for those who list them."""

    def value(self, name: str) -> str:
        """A variable's value; an unset one is empty, and noted."""
        found = self.lookup(name)
        if found is None:
            self.unset[name] = None
        return found or ""


def substitute(text: str, variables: Variables) -> str:
    """The text with its variables. Raises :class:`TemplateError`."""
    if "$" not in text:
        return text
    found = _substituted(text, variables, 0)
    variables.made += len(found)
    if variables.made > MAX_ALL:
        raise TemplateError(f"variables make more than {MAX_ALL >> 20} MiB of all texts")
    return found


def _substituted(text: str, variables: Variables, depth: int) -> str:
    if depth > _DEEPEST:
        raise TemplateError("variables are nested too deep", f"at most {_DEEPEST} levels")
    made: list[str] = []
    position = length = 0
    while (dollar := text.find("$", position)) >= 0:
        made.append(text[position:dollar])
        piece, position = _one(text, dollar, variables, depth)
        made.append(piece)
        length += len(piece)
        if length > MAX_TEXT:
            raise TemplateError(f"variables make more than {MAX_TEXT >> 20} MiB of it")
    made.append(text[position:])
    return "".join(made)


def _one(text: str, dollar: int, variables: Variables, depth: int) -> tuple[str, int]:
    """What one ``$`` begins, and where it ends."""
    behind = text[dollar + 1 : dollar + 2]
    if behind == "$":
        return "$", dollar + 2
    if behind == "{":
        end = _closing(text, dollar + 1)
        return _braced(text[dollar + 2 : end], text, variables, depth), end + 1
    name = _NAME.match(text, dollar + 1)
    if not name:
        return "$", dollar + 1
    variables.noted(name[0], "", "")
    return variables.value(name[0]), name.end()


def _closing(text: str, brace: int) -> int:
    depth = 0
    for position in range(brace, len(text)):
        if text[position] == "{":
            depth += 1
        elif text[position] == "}":
            depth -= 1
            if not depth:
                return position
    if (first := text.find("}", brace)) >= 0:
        return first
    raise TemplateError(
        f"'{text[brace - 1 : brace + 59]}' isn't closed", "a dollar that stands for itself is written $$"
    )


def _braced(inside: str, text: str, variables: Variables, depth: int) -> str:
    name = _NAME.match(inside)
    operator = _OPERATOR.match(inside, name.end()) if name else None
    if not name or (not operator and name.end() != len(inside)):
        raise TemplateError(
            f"'{text[:60]}' has no variable in its braces", "a dollar that stands for itself is written $$"
        )
    rest = inside[operator.end() :] if operator else ""
    variables.noted(name[0], operator[0] if operator else "", rest)
    if not operator:
        return variables.value(name[0])
    value = variables.lookup(name[0])
    given = value is not None and (value != "" or operator[0][0] != ":")
    if operator[0][-1] == "+":
        return _substituted(rest, variables, depth + 1) if given else value or ""
    if given:
        return value or ""
    other = _substituted(rest, variables, depth + 1)
    if operator[0][-1] == "?":
        raise TemplateError(f"the variable {name[0]} isn't set{f': {other}' if other else ''}", f"set it: {name[0]}=…")
    return other


def interpolated(node: Node, variables: Variables, path: Path = ()) -> Node:
    """A tree with its variables in place. Raises :class:`~whit.runtime.compose.model.nodes.ComposeError`."""
    value: Value = node.value
    if isinstance(value, str):
        if "$" not in value:
            return node
        try:
            return node._replace(value=substitute(value, variables))
        except TemplateError as error:
            raise ComposeError(f"{shown(path)}: {error}", node.place, error.hint) from None
    if isinstance(value, dict):
        return node._replace(value={key: interpolated(item, variables, (*path, key)) for key, item in value.items()})
    if isinstance(value, list):
        return node._replace(
            value=[interpolated(item, variables, (*path, number)) for number, item in enumerate(value)]
        )
    return node


def unset_warnings(variables: Variables, known: Mapping[str, str]) -> list[str]:
    """A line for each variable that was asked for and isn't set."""
    made = []
    for number, name in enumerate(variables.unset):
        hint = near(name, known) if known and number < _HINTS else ""
        tail = f"; {hint}" if hint.startswith("did you mean") else ""
        made.append(f"the variable {name} isn't set, and so empty{tail}")
    return made
