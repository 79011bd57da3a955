"""What a Dockerfile comes to: its needed stages with all their steps expanded, and the images that they make. Pure.

A step is what changes files, and makes one layer; everything else has gone into the stage's ``config``, whose history
tells in order what made a layer and what didn't.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from whit.packer.buildfile.dockerfile.checks import Finding
    from whit.packer.buildfile.dockerfile.gitref import GitRef
    from whit.packer.buildfile.dockerfile.instructions import Source
    from whit.packer.buildfile.dockerfile.mounts import Mount
    from whit.packer.image.oci import ImageConfig
    from whit.packer.image.platform import Platform


class OriginKind(StrEnum):
    """Where files come from."""

    EMPTY = "empty"
    CONTEXT = "context"
    STAGE = "stage"
    IMAGE = "image"
    NAMED = "named context"


@dataclass(frozen=True, slots=True)
class Origin:
    """``stage`` is a stage's index; ``image`` a reference in full, for ``platform``, or a named context's name."""

    kind: OriginKind
    stage: int = -1
    image: str = ""
    platform: Platform | None = None


EMPTY = Origin(OriginKind.EMPTY)
CONTEXT = Origin(OriginKind.CONTEXT)


class SourceKind(StrEnum):
    """What a source of COPY or ADD is."""

    PATH = "path"
    INLINE = "inline"
    URL = "url"
    GIT = "git"


@dataclass(frozen=True, slots=True)
class FileSource:
    """One of them: ``value`` is a path in the origin (wildcards and all), a here-document's name, or an address.

    ``content`` is a here-document's, expanded; ``git`` what a repository's address says. ``unpacks`` says whether an
    archive is to be unpacked.
    """

    kind: SourceKind
    value: str
    content: str = ""
    unpacks: bool = False
    git: GitRef | None = None


@dataclass(frozen=True, slots=True)
class PlannedMount:
    """A mount of RUN, where it comes from, and where it is in full; a secret that is a variable alone has no target."""

    mount: Mount
    origin: Origin
    target: str


@dataclass(frozen=True, slots=True)
class Script:
    """A here-document that is a program of its own (``#!``): it is run as ``path``, mode 0755."""

    path: str
    content: str


@dataclass(frozen=True, slots=True)
class Step:
    """What all steps have. ``title`` is for people, ``created_by`` the history's; a trigger came from a base's ONBUILD."""

    source: Source
    title: str
    created_by: str
    is_trigger: bool


@dataclass(frozen=True, slots=True)
class RunStep(Step):
    """Run ``words`` as ``user`` in ``directory``. ``proxies`` are in the environment too, and in no cache's key."""

    words: tuple[str, ...]
    environment: tuple[str, ...]
    proxies: tuple[str, ...]
    directory: str
    user: str
    mounts: tuple[PlannedMount, ...]
    network: str
    security: str
    script: Script | None = None


@dataclass(frozen=True, slots=True)
class FileStep(Step):
    """COPY or ADD. ``target`` is absolute; a slash at its end, or ``/.``, means that it is a folder.

    ``owner`` and ``mode`` are as given, empty where not: ``1000:1000``, ``app``, ``755``, ``u+x``. ``checksum`` is of the
    one URL (``sha256:…``), or a git commit.
    """

    sources: tuple[FileSource, ...]
    target: str
    origin: Origin
    owner: str = ""
    mode: str = ""
    is_linked: bool = False
    keeps_parents: bool = False
    excludes: tuple[str, ...] = ()
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class WorkdirStep(Step):
    """Make a folder, mode 0755, and those above it, owned by ``user``."""

    path: str
    user: str


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage. ``needs`` are the other stages that must be built before it; ``config`` is the image that it makes.

    ``config.diff_ids`` are the base image's: a layer for each step is still to come.
    """

    index: int
    name: str
    base: Origin
    platform: Platform
    steps: tuple[Step, ...]
    needs: tuple[int, ...]
    config: ImageConfig


@dataclass(frozen=True, slots=True)
class Plan:
    """The stages that the target needs, each after those that it needs, the target among them.

    With ``findings_are_errors`` the file asks that checks which find something fail the build.
    """

    stages: tuple[StagePlan, ...]
    target: int
    findings: tuple[Finding, ...] = ()
    findings_are_errors: bool = False

    def stage(self, index: int) -> StagePlan:
        """One of them by its index."""
        return next(stage for stage in self.stages if stage.index == index)
