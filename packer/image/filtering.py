"""``--filter KEY=VALUE`` of ``whit images`` and what it is true of, as docker has it. Pure."""

from __future__ import annotations

import re
from datetime import datetime

from whit.packer.support.errors import UsageError
from whit.packer.support.filters import by_key, passes
from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from whit.packer.image.oci import ImageConfig
    from whit.packer.image.reference import Reference
    from whit.packer.support.filters import Values

KEYS = ("before", "dangling", "label", "reference", "since")
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}
_CLASS = re.compile(r"\[(\^?)((?:\\.|[^\]\\])+)\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Listed:
    """An image under one of its names. ``place`` counts up in the order in which names came to the store."""

    reference: Reference | None
    config: ImageConfig
    place: int

    @property
    def age(self) -> tuple[float, int]:
        """What tells the older from the newer: when it was made; of those of one time, when it came."""
        try:
            return datetime.fromisoformat(self.config.created or "").timestamp(), self.place
        except ValueError:
            return 0.0, self.place


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked for, as :func:`passes` understands it."""

    values: Values

    def takes(self, image: Listed, find: Callable[[str], Listed]) -> bool:
        """Whether the image passes; ``find`` gives the image that a name means, and raises where there is none."""
        return passes(self.values, lambda key, value: _is_true(key, value, image, find))


def parse_filters(texts: Iterable[str]) -> Filters:
    """The filters. Raises :class:`UsageError` for keys that there aren't, and values that can't be."""
    return Filters(by_key(texts, KEYS, _check))


def _check(key: str, value: str) -> None:
    if key == "dangling" and value.lower() not in _TRUTHS:
        raise UsageError(f"--filter {key}={value}: neither true nor false")
    if key == "reference":
        _pattern(value)


def _is_true(key: str, value: str, image: Listed, find: Callable[[str], Listed]) -> bool:
    answers = {
        "before": lambda: image.age < find(value).age,
        "since": lambda: image.age > find(value).age,
        "dangling": lambda: (image.reference is None) is _TRUTHS[value.lower()],
        "label": lambda: _has_label(image.config.run.labels, value),
        "reference": lambda: image.reference is not None and _fits(image.reference, value),
    }
    return bool(answers[key]())


def _has_label(labels: Sequence[tuple[str, str]], value: str) -> bool:
    name, equals, wanted = value.partition("=")
    known = dict(labels)
    return name in known and (not equals or known[name] == wanted)


def _fits(reference: Reference, pattern: str) -> bool:
    wanted = _pattern(pattern)
    return any(wanted.fullmatch(name) for name in (reference.familiar, reference.familiar_name))


def _pattern(text: str) -> re.Pattern[str]:
    """Go's ``path.Match``: ``*`` and ``?`` for anything but a slash, ``[a-z]``, ``[^a]``. Raises :class:`UsageError`."""
    written, at = "", 0
    while at < len(text):
        found = _CLASS.match(text, at) if text[at] == "[" else None
        if text[at] == "[" and found is None:
            raise UsageError(f"--filter reference={text[:200]}: a bracket that isn't closed")
        if found:
            inside = re.sub(r"([\[&~|])", r"\\\1", found[2])
            written, at = written + f"[{found[1]}{inside}]", found.end()
            continue
        words = {"*": "[^/]*", "?": "[^/]"}
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
            written += re.escape(text[at])
        else:
            written += words.get(text[at], re.escape(text[at]))
        at += 1
    try:
        return re.compile(re.sub(r"(?:\[\^/\]\*)+", "[^/]*", written), re.DOTALL)
    except re.error:
        raise UsageError(f"--filter reference={text[:200]}: no pattern") from None
