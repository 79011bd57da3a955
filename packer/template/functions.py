"""The functions of templates: Go's own that docker's users know, and docker's. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.packer.template.goprint import json_text, kind_of, printf, text_of
from whit.packer.template.nodes import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WIDEST = 1 << 20
"""Characters that one call may add to a text."""


def is_true(value: object) -> bool:
    """What ``{{if}}`` asks: not false, zero, nil or empty."""
    return bool(value)


def text(value: object, name: str) -> str:
    """The argument, which has to be a string."""
    if not isinstance(value, str):
        raise TemplateError(
            f"{name} takes a string, and got {_a(value)}", hint='{{printf "%v" .Field}} makes a string of anything'
        )
    return value


def _number(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TemplateError(f"{name} takes a whole number, and got {_a(value)}")
    return value


def _a(value: object) -> str:
    return {"int": "an int", "nil": "nothing", "[]": "a list"}.get(kind_of(value), f"a {kind_of(value)}")


def _join(values: object, between: object) -> str:
    if not isinstance(values, list | tuple):
        raise TemplateError(f"join takes a list, and got {_a(values)}", hint='{{join .List ", "}}')
    return text(between, "join").join(map(text_of, values))


def _split(value: object, between: object) -> list[str]:
    whole, mark = text(value, "split"), text(between, "split")
    return whole.split(mark) if mark else list(whole)


def _title(value: object) -> str:
    whole = text(value, "title")
    return "".join(char if at and _joins(whole[at - 1]) else char.title() for at, char in enumerate(whole))


def _joins(char: str) -> bool:
    """Whether a word goes on after this character, for ``title``."""
    return char == "_" or char.isalnum() or (not char.isascii() and not char.isspace())


def _pad(value: object, before: object, after: object) -> str:
    whole, left, right = text(value, "pad"), _number(before, "pad"), _number(after, "pad")
    if not (0 <= left <= WIDEST and 0 <= right <= WIDEST):
        raise TemplateError(f"pad adds 0 to {WIDEST} spaces on each side, not {left} and {right}")
    return f"{' ' * left}{whole}{' ' * right}" if whole else whole


def _truncate(value: object, length: object) -> str:
    """Docker counts bytes; a character that is cut through is left out."""
    whole, most = text(value, "truncate"), _number(length, "truncate")
    if most < 0:
        raise TemplateError(f"truncate can't leave {most} characters")
    return whole.encode("utf-8", "surrogateescape")[:most].decode("utf-8", "ignore")


def _len(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, list | tuple | dict):
        return len(value)
    raise TemplateError(f"len of {_a(value)} is not defined", hint="lists, maps and strings have a length")


def _index(value: object, *keys: object) -> object:
    for key in keys:
        value = _indexed(value, key)
    return value


def _indexed(value: object, key: object) -> object:
    if isinstance(value, dict):
        if not isinstance(key, str):
            raise TemplateError(f"index of a map takes a string, and got {_a(key)}", hint='{{index .Labels "name"}}')
        if key in value:
            return value[key]
        return "" if all(isinstance(one, str) for one in value.values()) else None
    if isinstance(value, list | tuple | str):
        number = _number(key, "index of a list")
        if not 0 <= number < len(value):
            raise TemplateError(f"index {number} is out of range of {len(value)}", hint="the first one is 0")
        return value.encode()[number] if isinstance(value, str) else value[number]
    raise TemplateError(f"index of {_a(value)} isn't possible", hint='{{index .Labels "name"}}, {{index .List 0}}')


def _slice(value: object, *bounds: object) -> object:
    if not isinstance(value, list | tuple | str) or len(bounds) > 2:  # noqa: PLR2004 - from and to
        raise TemplateError(f"slice of {_a(value)} isn't possible", hint="{{slice .ID 0 4}}")
    first, last = [_number(bound, "slice") for bound in bounds] + [0, len(value)][len(bounds) :]
    if not 0 <= first <= last <= len(value):
        raise TemplateError(f"slice {first} to {last} is out of range of {len(value)}")
    return value[first:last]


def _print(*values: object) -> str:
    """With a space between two where neither is a string."""
    made = ""
    for at, value in enumerate(values):
        apart = at and not isinstance(value, str) and not isinstance(values[at - 1], str)
        made += f"{' ' if apart else ''}{_printed(value)}"
    return made


def _println(*values: object) -> str:
    return f"{' '.join(map(_printed, values))}\n"


def _printed(value: object) -> str:
    return "<nil>" if value is None else text_of(value)


def _comparable(one: object, other: object) -> None:
    kinds = ["float64" if kind_of(value) == "int" else kind_of(value) for value in (one, other)]
    if "map" in kinds or "[]" in kinds:
        raise TemplateError("lists and maps can't be compared", hint="compare a field of theirs, or {{len .List}}")
    if kinds[0] != kinds[1] and "nil" not in kinds:
        raise TemplateError(
            f"{_a(one)} can't be compared with {_a(other)}", hint='{{printf "%v" .Field}} makes a string'
        )


def _eq(one: object, *others: object) -> bool:
    if not others:
        raise TemplateError("eq takes two values at least", hint='{{eq .State "running"}}')
    for other in others:
        if (one is None or other is None) and one is not other:
            continue
        _comparable(one, other)
        if one == other:
            return True
    return False


def _less(one: object, other: object) -> bool:
    _comparable(one, other)
    if isinstance(one, str) and isinstance(other, str):
        return one < other
    if isinstance(one, int | float) and isinstance(other, int | float) and not isinstance(one, bool):
        return one < other
    raise TemplateError(
        f"{_a(one)} is neither less nor greater than another", hint="numbers and strings can be compared"
    )


def _html(*values: object) -> str:
    from html import escape  # noqa: PLC0415 - seldom asked for

    return escape(_print(*values)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


def _urlquery(*values: object) -> str:
    from urllib.parse import quote_plus  # noqa: PLC0415 - seldom asked for

    return quote_plus(_print(*values))


FUNCTIONS: Mapping[str, Callable[..., object]] = {
    "json": json_text,
    "join": _join,
    "split": _split,
    "title": _title,
    "lower": lambda value: text(value, "lower").lower(),
    "upper": lambda value: text(value, "upper").upper(),
    "pad": _pad,
    "truncate": _truncate,
    "len": _len,
    "index": _index,
    "slice": _slice,
    "print": _print,
    "println": _println,
    "printf": lambda form, *values: printf(text(form, "printf"), *values),
    "html": _html,
    "urlquery": _urlquery,
    "not": lambda value: not is_true(value),
    "eq": _eq,
    "ne": lambda one, other: not _eq(one, other),
    "lt": _less,
    "le": lambda one, other: not _less(other, one),
    "gt": lambda one, other: _less(other, one),
    "ge": lambda one, other: not _less(one, other),
}
"""Name → what it does; ``and`` and ``or`` aren't here, since they don't look at all of their arguments."""

HEADERS: Mapping[str, Callable[..., object]] = {
    **FUNCTIONS,
    **dict.fromkeys(("json", "split", "join", "title", "lower", "upper", "truncate"), lambda value, *_: value),
}
"""As docker has them for a table's header: the words stay as they are."""

LAZY = frozenset({"and", "or"})
