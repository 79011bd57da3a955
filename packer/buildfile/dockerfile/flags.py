"""An instruction's ``--flags``. Pure.

As BuildKit takes them (frontend/dockerfile/instructions/bflag.go): a switch may have ``=true`` or ``=false``, all
others need a value, and each is given once but for those that make a list.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.problems import Fault, did_you_mean
from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class FlagKind(StrEnum):
    """What a flag takes."""

    SWITCH = "switch"
    TEXT = "text"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Flags:
    """Those that were given."""

    texts: Mapping[str, str]
    switches: Mapping[str, bool]
    lists: Mapping[str, tuple[str, ...]]

    def text(self, name: str, default: str = "") -> str:
        """A text's value."""
        return self.texts.get(name, default)

    def switch(self, name: str) -> bool:
        """Whether a switch is on."""
        return self.switches.get(name, False)

    def list(self, name: str) -> tuple[str, ...]:
        """A list's values in order."""
        return self.lists.get(name, ())


def read_flags(given: Iterable[str], known: Mapping[str, FlagKind]) -> Flags:
    """The flags of one instruction. Raises Fault, with the nearest flag as its hint."""
    texts: dict[str, str] = {}
    switches: dict[str, bool] = {}
    lists: dict[str, tuple[str, ...]] = {}
    for word in given:
        if not word.startswith("--"):
            raise Fault(f"{word}: a flag begins with --")
        name, equals, value = word[2:].partition("=")
        kind = known.get(name)
        if kind is None:
            raise Fault(f"unknown flag: --{name}", did_you_mean(name, known, "--") or _those(known))
        if name in texts or name in switches:
            raise Fault(f"--{name} is given twice")
        if kind is FlagKind.SWITCH:
            switches[name] = _switch(name, equals, value)
        elif not equals:
            raise Fault(f"--{name} needs a value", f"as in --{name}=VALUE")
        elif kind is FlagKind.LIST:
            lists[name] = (*lists.get(name, ()), value)
        else:
            texts[name] = value
    return Flags(texts, switches, lists)


def _switch(name: str, equals: str, value: str) -> bool:
    if equals and not value:
        raise Fault(f"--{name} has an equals sign and no value")
    if value.lower() not in ("", "true", "false"):
        raise Fault(f"--{name} is true or false, not {value}")
    return value.lower() != "false"


def _those(known: Mapping[str, FlagKind]) -> str:
    return f"one of {', '.join(f'--{name}' for name in known)}" if known else "this instruction takes no flags"
