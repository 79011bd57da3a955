"""YAML → values that know where they stand, so that every mistake is told with file, line and column. Pure.

Plain values stay texts, as they are written: ``yes``, ``0644`` and ``1.10`` mean what a person sees. YAML 1.1 by pyyaml's C
parser; anchors and merges (``<<``) are taken, up to a bound.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from whit.packer.support.errors import InvalidFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_SIZE = 1 << 20
"""The greatest file that is read, in bytes."""
MAX_VALUES = 20_000
"""The most values in one file, anchors' counted wherever they are used."""
_DEEPEST = 20
_MERGE = "tag:yaml.org,2002:merge"
_NULL = "tag:yaml.org,2002:null"
_PLAIN = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "timestamp"))
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BuildFileError(InvalidFileError):
    """A mistake in a build file, with its place."""


@dataclass(frozen=True, slots=True)
class Located:
    """One value: a text, a list or a mapping; None is nothing. ``key`` is the way to it, for people."""

    file: str
    line: int
    column: int
    key: str
    value: str | tuple[Located, ...] | tuple[tuple[Located, Located], ...] | None
    is_mapping: bool = False

    def wrong(self, text: str, hint: str | None = None) -> BuildFileError:
        """The error that something is wrong with this value."""
        return BuildFileError(f"{self.file}:{self.line}:{self.column}: {text}", hint=hint)

    def text(self) -> str:
        """A plain value as it is written."""
        if not isinstance(self.value, str):
            raise self.wrong(f"{self._named} is {self._kind}, and must be a text")
        return self.value

    def items(self) -> tuple[Located, ...]:
        """A list's values; a plain value is a list of one."""
        if isinstance(self.value, str):
            return (self,)
        if self.value is None or self.is_mapping:
            raise self.wrong(f"{self._named} is {self._kind}, and must be a list")
        return self.value  # type: ignore[return-value]  # is_mapping tells which it is

    def pairs(self) -> tuple[tuple[Located, Located], ...]:
        """A mapping's keys and values."""
        if not self.is_mapping:
            raise self.wrong(f"{self._named} is {self._kind}, and must be a mapping", hint="as in KEY: VALUE")
        return self.value  # type: ignore[return-value]  # is_mapping tells

    def members(self, known: Iterable[str]) -> dict[str, Located]:
        """A mapping whose keys are these, or begin with ``x-``. Any other key is told with the nearest that there is."""
        names = tuple(known)
        found: dict[str, Located] = {}
        for key, value in self.pairs():
            name = key.text()
            if name.startswith("x-"):
                continue
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"keys are {', '.join(names)}"
                raise key.wrong(f"there is no key '{name[:60]}' {self._place}", hint=hint)
            if value.value is None:
                raise value.wrong(
                    f"'{name}' has no value", hint="leave the line out, or write a value behind the colon"
                )
            found[name] = value
        return found

    @property
    def _place(self) -> str:
        return f"in {self.key}" if self.key else "here"

    @property
    def _named(self) -> str:
        return f"'{self.key}'" if self.key else "the file"

    @property
    def _kind(self) -> str:
        if self.value is None:
            return "empty"
        return "a mapping" if self.is_mapping else "a text" if isinstance(self.value, str) else "a list"


def locate(data: bytes, file: str) -> Located:
    """A whole file's value. Raises :class:`BuildFileError`."""
    if len(data) > MAX_SIZE:
        raise BuildFileError(f"{file}: more than {MAX_SIZE >> 20} MiB, and so no build file")
    try:
        text = data.decode("utf-8-sig")
        node = yaml.compose(text, Loader=_LOADER)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BuildFileError(f"{file}:{line}: not valid UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        raise BuildFileError(f"{place}: not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise BuildFileError(f"{file}: not valid YAML: {str(error).splitlines()[0]}") from None
    if node is None:
        raise BuildFileError(f"{file} is empty", hint="a build file names at least a binary: 'binary: ./server'")
    return _Reader(file).located(node, "", 0)


@dataclass(slots=True)
class _Reader:
    file: str
    count: int = 0

    def located(self, node: yaml.Node, key: str, depth: int) -> Located:
        self.count += 1
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        here = Located(self.file, line, column, key, None)
        if depth > _DEEPEST or self.count > MAX_VALUES:
            raise here.wrong("the file is nested too deep, or its anchors make too much of it")
        if isinstance(node, yaml.ScalarNode):
            if node.tag != _NULL and node.tag not in _PLAIN:
                raise here.wrong(f"there are no values of type {node.tag[:60]} here")
            value = None if node.tag == _NULL and node.value in ("", "~", "null", "Null", "NULL") else node.value
            if value is not None and ("\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value)):
                raise here.wrong("a text that no image can hold: a NUL, or half a character")
            return Located(self.file, line, column, key, value)
        if isinstance(node, yaml.SequenceNode):
            found = tuple(self.located(item, f"{key}[{number}]", depth + 1) for number, item in enumerate(node.value))
            return Located(self.file, line, column, key, found)
        pairs = tuple(self._pairs(node, key, depth))
        return Located(self.file, line, column, key, pairs, is_mapping=True)

    def _pairs(self, node: yaml.Node, key: str, depth: int) -> Iterator[tuple[Located, Located]]:
        """A mapping's own members, then those of merged ones that it hasn't."""
        seen: dict[str, Located] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged.append(value_node)
                continue
            name = self.located(key_node, key, depth + 1)
            text = name.text()
            if text in seen:
                raise name.wrong(f"the key '{text[:60]}' stands here twice: in line {seen[text].line} too")
            seen[text] = name
            yield name, self.located(value_node, f"{key}.{text}" if key else text, depth + 1)
        for value_node in merged:
            nodes = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            for one in nodes:
                for name, value in self.located(one, key, depth + 1).pairs():
                    if name.text() not in seen:
                        seen[name.text()] = name
                        yield name, value
