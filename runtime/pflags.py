"""``--flag=true``, ``--flag=false`` and ``-p=VALUE``: what docker's command line takes, and click doesn't. Pure.

Docker's words are read by pflag, for which a flag without a value is one with the value ``true``, and an equals sign may
follow a short option, too. Such words become those that click knows; whatever else stands there is click's affair.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_SHORT = re.compile(r"-[A-Za-z]+")
_FORMS = re.compile(rf"-[A-Za-z]+=.*|--[^=]+=(?:{'|'.join(sorted(TRUE | FALSE))})", re.DOTALL)


def has_some(words: Iterable[str]) -> bool:
    """Whether any of the words may be of those forms."""
    return any(_FORMS.fullmatch(word) for word in words)


def settled(root: click.Group, words: list[str]) -> list[str]:
    """The words of a command line as click takes them."""
    if not has_some(words):
        return words
    command: click.Command = root
    context, done, left = click.Context(root), list[str](), words
    while isinstance(command, click.Group):
        own, left = _Reading(command).until_verb(left)
        found = command.get_command(context, left[0]) if left else None
        if found is None:
            return words
        done += [*own, left[0]]
        command, left = found, left[1:]
    return [*done, *_Reading(command).read(left)]


@dataclass(slots=True)
class _Reading:
    """A verb's words; ``_done`` are those that stand, in parts: an option with its value, or anything alone."""

    command: click.Command
    _options: dict[str, click.Option] = field(default_factory=dict)
    _done: list[list[str]] = field(default_factory=list)

    def read(self, words: list[str]) -> list[str]:
        """All of them."""
        for option in self.command.params:
            if isinstance(option, click.Option):
                self._options.update(dict.fromkeys((*option.opts, *option.secondary_opts), option))
        goes_on = self.command.context_settings.get("allow_interspersed_args", self.command.allow_interspersed_args)
        left = iter(words)
        for word in left:
            if word == "--" or (not word.startswith("-") and not goes_on):
                self._done.append([word, *left])
            elif not self._with_value(word):
                self._plain(word, left)
        return [word for part in self._done for word in part]

    def until_verb(self, words: list[str]) -> tuple[list[str], list[str]]:
        """(a group's own options, its verb and what comes after it; nothing where there is none)."""
        self.read(words)
        if not self._done or self._done[-1][0].startswith("-"):
            return words, []
        left = self._done.pop()
        return [word for part in self._done for word in part], left

    def _with_value(self, word: str) -> bool:
        """Take a word with an equals sign, if it is of those forms."""
        name, equals, value = word.partition("=")
        *before, last = self._names(name)
        option = self._options.get(last)
        if not equals or option is None or not all(self._is_flag(one) for one in before):
            return False
        if self._is_flag(last) and value in TRUE | FALSE:
            self._done += [[one] for one in before]
            self._set(option, is_on=(value in TRUE) is (last in option.opts))
            return True
        if _SHORT.fullmatch(name) and not option.is_flag and not option.count:
            self._done += [*([one] for one in before), [last, value]]
            return True
        return False

    def _plain(self, word: str, left: Iterator[str]) -> None:
        """Any other word, with the next one where that is its value, whatever it looks like."""
        names = self._names(word)
        if len(names) > 1 and all(map(self._is_flag, names)):
            self._done += [[one] for one in names]
            return
        valued = next((one for one in names if one in self._options and not self._is_flag(one)), None)
        takes_next = valued == names[-1] and not self._options[valued].is_flag and not self._options[valued].count
        self._done.append([word, *(itertools.islice(left, 1) if takes_next else ())])

    def _names(self, word: str) -> list[str]:
        return [f"-{letter}" for letter in word[1:]] if _SHORT.fullmatch(word) else [word]

    def _is_flag(self, name: str) -> bool:
        option = self._options.get(name)
        return option is not None and option.is_flag and option.is_bool_flag and not option.count

    def _set(self, option: click.Option, *, is_on: bool) -> None:
        """On or off; the last word on it counts, so what stood before is gone."""
        names = {*option.opts, *option.secondary_opts}
        self._done = [part for part in self._done if len(part) > 1 or part[0] not in names]
        words = option.opts if is_on else option.secondary_opts
        self._done += [[words[0]]] if words else []
