"""What a Dockerfile's variables stand for: before the first FROM, and within a stage. Pure.

Dockerfile reference, "Understand how ARG and FROM interact" and "Automatic platform ARGs in the global scope".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.problems import Fault, at
from whit.packer.buildfile.dockerfile.words import Reading, expand
from whit.packer.image.platform import normal_platform
from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.packer.buildfile.dockerfile.instructions import Dockerfile
    from whit.packer.buildfile.dockerfile.words import Expansion
    from whit.packer.image.platform import Platform

MOST_EXPANDED = 16 << 20
"""Characters that variables may bring into one build."""

MOST_ENVIRONMENT = 1 << 20
"""Characters of a stage's environment: more than a program can be given (execve(2), ARG_MAX)."""

MOST_NAMES = 4096
"""Variables of an environment, labels of an image, its volumes."""

MOST_PORTS = 3 << 16
"""All there are: of TCP, UDP and SCTP."""

_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")


class Budget:
    """How much all expansions together may make."""

    __slots__ = ("_left",)

    def __init__(self, most: int = MOST_EXPANDED) -> None:
        self._left = most

    def expand(self, word: str, variables: Mapping[str, str], reading: Reading) -> Expansion:
        """As :func:`words.expand`. Raises Fault where that does, and when all is spent."""
        found = expand(word, variables, reading)
        self.spend(max(len(found.text) - len(word), 0))
        return found

    def spend(self, size: int) -> None:
        """Take characters from it. Raises Fault when all is spent."""
        self._left -= size
        if self._left < 0:
            raise Fault(f"variables and ports bring more than {MOST_EXPANDED} characters into this build")


@dataclass(frozen=True, slots=True)
class GlobalScope:
    """``values`` are seen by FROM, and by ARG in stages; ``declared`` are the names that ARG gives before FROM."""

    values: Mapping[str, str]
    declared: frozenset[str]


def platform_args(here: Platform, target: Platform, stage: str, given: Mapping[str, str]) -> dict[str, str]:
    """The variables that are there without ARG; those that were given at the build's start win."""
    found = {
        "BUILDPLATFORM": str(here),
        "BUILDOS": here.os,
        "BUILDOSVERSION": "",
        "BUILDARCH": here.architecture,
        "BUILDVARIANT": here.variant or "",
        "TARGETPLATFORM": str(target),
        "TARGETOS": target.os,
        "TARGETOSVERSION": "",
        "TARGETARCH": target.architecture,
        "TARGETVARIANT": target.variant or "",
        "TARGETSTAGE": stage or "default",
    }
    return {name: given.get(name, value) for name, value in found.items()}


def global_scope(
    dockerfile: Dockerfile, automatic: Mapping[str, str], given: Mapping[str, str], budget: Budget
) -> GlobalScope:
    """After all ARG before the first FROM. Raises :class:`DockerfileError`."""
    values, declared = dict(automatic), set[str]()
    reading = Reading(dockerfile.escape)
    for instruction in dockerfile.global_args:
        for argument in instruction.arguments:
            declared.add(argument.name)
            if argument.name in given:
                values[argument.name] = given[argument.name]
            elif argument.default is not None:
                with at(instruction.source.place):
                    values[argument.name] = budget.expand(argument.default, values, reading).text
    return GlobalScope(values, frozenset(declared))


def proxies(given: Mapping[str, str]) -> tuple[str, ...]:
    """Proxies that were given for the build: RUN sees them without ARG, in both spellings, and nothing records them."""
    found: dict[str, str] = {}
    for name in sorted(given):
        if name.lower() in _PROXIES:
            found[name.lower()] = given[name]
    return tuple(f"{spelt}={value}" for name, value in found.items() for spelt in (name.upper(), name))


def target_platform(wanted: Platform | None, here: Platform) -> Platform:
    """What is built for, where nobody says: what builds."""
    return normal_platform(wanted) if wanted else here
