"""What keeps a dynamic executable from starting: libraries that aren't found, versions that they haven't got. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.closure.cache import PATH as CACHE
from whit.packer.closure.glibc import Glibc
from whit.packer.closure.packages import package_of, places_of
from whit.packer.executable.linkage import static_build
from whit.packer.resolution.model import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.closure.model import Failure
    from whit.packer.closure.walk import Walk
    from whit.packer.executable.analysis import Analysis
    from whit.packer.store.filetree import FileTree


_CONFIGURATION = "/etc/ld.so.conf"


@dataclass(frozen=True, slots=True)
class Finder:
    """Knows what may bring a library that isn't found."""

    analysis: Analysis
    tree: FileTree

    def missing(self, failure: Failure) -> Missing:
        """A failure in words, with what to do."""
        cures = [failure.why] if failure.why else []
        if "/" not in failure.name:
            cures += self._sources(failure.name)
        elif not failure.why:
            cures.append("for another architecture or system, give its root with --sysroot")
        cures.append(f"{'or ' if cures else ''}{static_build(self.analysis)}")
        return Missing(failure.name, failure.by, "; ".join(cures))

    def _sources(self, name: str) -> Iterator[str]:
        if there := places_of(name, self.tree, self.analysis.platform.architecture):
            yield f"it is at {there[0]}, where the loader doesn't look"
        elif package := package_of(name):
            yield f"on Debian the package {package} should bring it"
        if self.tree.file(CACHE) is None and self.tree.file(_CONFIGURATION) is not None:
            yield f"{_CONFIGURATION} counts only once {CACHE} is made from it, by ldconfig (-r for another root)"


def lacks(walk: Walk, finder: Finder) -> tuple[Missing, ...]:
    """All libraries that weren't found, and, if there are none, all symbol versions that aren't there."""
    if walk.failures:
        return tuple(finder.missing(failure) for failure in walk.failures)
    return tuple(_versions(walk))


def _versions(walk: Walk) -> Iterator[Missing]:
    """The check that glibc makes before it starts a program (elf/dl-version.c); musl has none."""
    if not isinstance(walk.system, Glibc):
        return
    told: set[tuple[str, str]] = set()
    for item in walk.loaded:
        resolved = dict(item.resolved)
        for need in item.facts.needs:
            library = resolved.get(need.library) or walk.system.match(need.library, walk.loaded)
            if library is None or library.facts.defines is None or need.weak:
                continue
            if need.version not in library.facts.defines and (need.version, library.title) not in told:
                told.add((need.version, library.title))
                yield Missing(
                    f"{need.version} in {library.found.path}",
                    item.title,
                    f"{library.title} is too old or of another make: take libraries from a newer system with --sysroot, "
                    "or build the program on an older one",
                )
