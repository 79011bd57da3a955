"""Command lines of ``whit compose`` in their usual forms, read without click: what isn't known here is click's to read. Pure.

tests/unit/runtime/test_compose_plainwords.py holds each of them to what click makes of the same words.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose.commands.chosen import Chosen

if TYPE_CHECKING:
    from collections.abc import Mapping

_MANY = ("files", "profiles", "env_files")
_BEFORE = {
    "-f": "files", "--file": "files", "-p": "name", "--project-name": "name", "--profile": "profiles", "--env-file": "env_files",
    "--project-directory": "directory",
}  # fmt: skip
_PROGRESS = ("auto", "tty", "plain", "json", "quiet")
VARIABLES = ("COMPOSE_ANSI", "COMPOSE_PARALLEL_LIMIT", "COMPOSE_PROGRESS", "COMPOSE_REMOVE_ORPHANS")
"""What stands for options: click reads them."""
VERBS: Mapping[str, Mapping[str, str]] = {
    "up": {
        "-d": "detach", "--detach": "detach", "--wait": "wait", "--build": "builds", "--no-deps": "alone", "--force-recreate": "force_recreate",
        "--no-recreate": "no_recreate", "--remove-orphans": "orphans", "--no-build": "never_builds", "--rolling": "rolling",
    },
    "down": {"-v": "volumes", "--volumes": "volumes", "--remove-orphans": "orphans"},
    "stop": {},
    "start": {},
    "restart": {"--no-deps": "alone"},
    "ps": {"-a": "everything", "--all": "everything", "-q": "quiet", "--quiet": "quiet"},
}  # fmt: skip
"""Verb → its flags, each with the parameter that it sets."""

_TIMED = ("down", "stop", "restart")


@dataclass(frozen=True, slots=True)
class Read:
    """A verb, what was said before it, and values for its parameters."""

    verb: str
    chosen: Chosen
    values: Mapping[str, object]


def read(words: list[str]) -> Read | None:
    """What the words after ``compose`` mean; None where they are of no form that is known here."""
    before: dict[str, object] = {}
    at = 0
    while at < len(words) and words[at].startswith("-"):
        taken = _option(words, at)
        if taken is None or not _put(before, *taken[:2]):
            return None
        at += taken[2]
    verb = words[at] if at < len(words) else ""
    if verb not in VERBS:
        return None
    values = _values(verb, words[at + 1 :])
    return None if values is None else Read(verb, Chosen(**before), values)  # type: ignore[arg-type]


def _option(words: list[str], at: int) -> tuple[str, str, int] | None:
    """(option, value, how many words)."""
    option, equals, value = words[at].partition("=")
    if equals and option.startswith("--"):
        return option, value, 1
    if not equals and at + 1 < len(words):
        return option, words[at + 1], 2
    return None


def _put(before: dict[str, object], option: str, value: str) -> bool:
    if option == "--progress":
        before["progress"] = value
        return value in _PROGRESS
    name = _BEFORE.get(option)
    if name is None:
        return False
    many = before.get(name, ())
    before[name] = (*many, value) if name in _MANY and isinstance(many, tuple) else value
    return True


def _values(verb: str, words: list[str]) -> dict[str, object] | None:
    values: dict[str, object] = {}
    services: list[str] = []
    flags, at = VERBS[verb], 0
    while at < len(words):
        word = words[at]
        if not word.startswith("-"):
            services.append(word)
        elif verb in _TIMED and word in {"-t", "--timeout"} and words[at + 1 : at + 2] and words[at + 1].isdecimal():
            values["timeout"] = int(words[at + 1])
            at += 1
        elif word in flags:
            values[flags[word]] = True
        else:
            return None
        at += 1
    return {**values, "services": tuple(services)}
