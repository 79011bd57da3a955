"""``--annotation``: what is said of an image beside its configuration, and where (docker buildx build, "--annotation"). Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from whit.packer.support.light import dataclass
from whit.packer.image.platform import parse_platform
from whit.packer.support.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.image.platform import Platform

_LEVEL = re.compile(r"(?P<level>[a-z-]+)(?:\[(?P<platform>[^]]*)\])?")


class Level(StrEnum):
    """What an annotation is of."""

    MANIFEST = "manifest"
    INDEX = "index"
    MANIFEST_DESCRIPTOR = "manifest-descriptor"
    INDEX_DESCRIPTOR = "index-descriptor"


@dataclass(frozen=True, slots=True)
class Annotations:
    """(level, platform or None for all, name, value), in the order in which they were given."""

    given: tuple[tuple[Level, Platform | None, str, str], ...] = ()

    def of(self, level: Level, platform: Platform | None = None) -> tuple[tuple[str, str], ...]:
        """Those of one document, sorted."""
        found = {name: value for at, only, name, value in self.given if at is level and only in (None, platform)}
        return tuple(sorted(found.items()))

    def refuse_index(self) -> None:
        """Refuse what is of an index where there will be none. Raises :class:`UsageError`."""
        for level, _, name, _ in self.given:
            if level is not Level.MANIFEST:
                raise UsageError(
                    f"--annotation {level}:{name}: an image for one platform has no index", hint="--platform A,B makes one"
                )


def parse_annotations(texts: Iterable[str]) -> Annotations:
    """``[LEVEL[[PLATFORM]],…:]NAME=VALUE``; of the manifest where nothing is said. Raises :class:`UsageError`."""
    found: list[tuple[Level, Platform | None, str, str]] = []
    for text in texts:
        name, equals, value = text.partition("=")
        levels, colon, rest = name.rpartition(":")
        if not equals or not (rest if colon else name):
            raise UsageError(f"--annotation {text[:200]}: it isn't NAME=VALUE", hint="as in --annotation index:team=core")
        for level in levels.split(",") if colon else [Level.MANIFEST]:
            match = _LEVEL.fullmatch(level)
            if match is None or match["level"] not in tuple(Level):
                raise UsageError(f"--annotation {text[:200]}: {level} is no level", hint=f"one of {', '.join(Level)}")
            if match["level"] == Level.INDEX_DESCRIPTOR:
                raise UsageError(f"--annotation {text[:200]}: whit writes no descriptor of an index", hint="index:NAME=VALUE")
            platform = parse_platform(match["platform"]) if match["platform"] else None
            found.append((Level(match["level"]), platform, rest if colon else name, value))
    return Annotations(tuple(found))
