"""What a dynamic executable lacks in an image of its own, and how to build it so that it lacks nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Linkage
from whit.packer.resolution.model import Missing
from whit.packer.support.errors import UnsupportedError

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis
    from whit.packer.resolution.model import Resolution

LIBRARIES = "libraries"
"""What a library's file is in the image for; it is no need of ``packer/needs``."""

EXECUTABLE = "the executable"
"""What is missing for the program itself is needed by this."""

_SHOWN = 6

_STATIC_BUILDS = {
    "rust": "build it with -C target-feature=+crt-static, or for a musl target",
    "nim": "build it with --passL:-static",
    "zig": "build it for a musl target, as in -target x86_64-linux-musl",
    "c": "link it with -static, with musl-gcc for instance",
}


def static_build(analysis: Analysis) -> str:
    """How to build the program as a static executable, in the words of its own toolchain."""
    if analysis.language.name != "go":
        return _STATIC_BUILDS.get(analysis.language.name, "build it as a static executable")
    if analysis.build.setting("-buildmode") == "pie" and not analysis.libraries:
        return "build it without -buildmode=pie: it has nothing to load but the loader itself"
    if analysis.build.setting("CGO_ENABLED") == "0" or not analysis.libraries:
        return "build it without -buildmode=pie and -linkmode=external"
    return "build it with CGO_ENABLED=0, or if it needs C, with -ldflags '-linkmode external -extldflags -static'"


def missing_libraries(analysis: Analysis) -> tuple[Missing, ...]:
    """The loader and the libraries that a dynamic executable asks for, where they can't be looked for."""
    if analysis.linkage is not Linkage.DYNAMIC:
        return ()
    cure = static_build(analysis)
    wanted = (*filter(None, (analysis.interpreter,)), *analysis.libraries)
    return tuple(Missing(what, EXECUTABLE, cure) for what in wanted)


def refuse_missing(name: str, resolution: Resolution) -> None:
    """Raise UnsupportedError if the program would fail to start in its image; ``name`` is for the message."""
    if not resolution.missing:
        return
    whose = (f" for {lack.needed_by}" if lack.needed_by != EXECUTABLE else "" for lack in resolution.missing)
    lacks = [f"{lack.what}{by}" for lack, by in zip(resolution.missing, whose, strict=True)]
    more = len(lacks) - _SHOWN
    shown = ", ".join(lacks[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    raise UnsupportedError(
        f"{name} is a dynamic executable, and what it needs isn't there: {shown}", hint=resolution.missing[0].cure
    )
