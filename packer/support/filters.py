"""``--filter KEY=VALUE`` as docker has it: values by key, every label must be there, of any other key one value is enough. Pure."""

from __future__ import annotations

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

Values = tuple[tuple[str, tuple[str, ...]], ...]


def by_key(texts: Iterable[str], keys: Collection[str], check: Callable[[str, str], None] | None = None) -> Values:
    """The values of each key. Raises :class:`UsageError` for keys that there aren't, and what ``check`` raises of key and value."""
    found: dict[str, list[str]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or key not in keys:
            raise UsageError(f"--filter: '{text}'", hint=f"write KEY=VALUE; KEY is one of {', '.join(keys)}")
        if check:
            check(key, value)
        found.setdefault(key, []).append(value)
    return tuple((key, tuple(values)) for key, values in found.items())


def passes(values: Values, is_true: Callable[[str, str], bool]) -> bool:
    """Whether all keys hold for something of which ``is_true`` tells a key with a value."""
    return all((all if key == "label" else any)(is_true(key, value) for value in given) for key, given in values)
