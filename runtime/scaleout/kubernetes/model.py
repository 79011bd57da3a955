"""What manifests are made from, and what comes out. Pure."""

from __future__ import annotations

from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass
from whit.runtime.compose.keys import dotted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from whit.runtime.compose.keys import Path, Where
    from whit.runtime.compose.project import Project

    Document = dict[str, Any]
    """An object of Kubernetes' API, or a part of one."""


class Publish(StrEnum):
    """How a published port can be reached from outside of the cluster."""

    NONE = "none"
    NODE_PORT = "node-port"
    LOAD_BALANCER = "load-balancer"


class Kind(StrEnum):
    """What keeps a service's pods."""

    DEPLOYMENT = "Deployment"
    STATEFUL = "StatefulSet"
    DAEMON = "DaemonSet"
    JOB = "Job"
    CRON = "CronJob"

    @property
    def ends(self) -> bool:
        """Whether its pods have one thing to do, and are done then."""
        return self in {Kind.JOB, Kind.CRON}


@dataclass(frozen=True, slots=True)
class Options:
    """What the person decides. Empty is: not said."""

    namespace: str = ""
    runtime_class: str = ""
    publish: Publish = Publish.NONE
    registry: str = ""
    """What stands before the names of images that are built."""
    wait_image: str = ""
    """An image with ``sh`` and ``nc``, by which pods wait for others to be ready."""
    volume_size: str = ""
    """Of volumes whose size isn't said."""
    own_filter: bool = False
    """whit's own filter of system calls instead of the node's."""
    host_paths: bool = False
    """Binds of the host's files and folders stay what they are."""
    leave_secrets: bool = False
    """Secrets are named, and not written."""
    policies: bool = True
    """Networks become NetworkPolicies."""
    pull_secret: str = ""
    """The Secret by which images are pulled, where a service names no other one."""


@dataclass(frozen=True, slots=True)
class Note:
    """One change or loss. ``place`` is ``FILE:LINE:COLUMN: ``, or nothing; ``subject`` what it is about: ``services.web.init``."""

    place: str
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}{self.subject}: {self.text}"


@dataclass(frozen=True, slots=True)
class Generated:
    """All objects, in the order in which they are best applied; ``profiles`` are filters by their file names."""

    manifests: tuple[Document, ...]
    profiles: tuple[tuple[str, Document], ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class BoundFile:
    """A file of this machine's. At most one byte more of it than Kubernetes takes."""

    data: bytes
    is_executable: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """A regular file or a folder of some: name → file; the only one of a lone file has no name."""

    files: Mapping[str, BoundFile]

    @property
    def is_folder(self) -> bool:
        """Whether it is mounted as one."""
        return "" not in self.files


@dataclass(frozen=True, slots=True)
class Context:
    """What every part needs: the project, the person's wishes, what files hold, and where notes go.

    ``contents``: ("secrets" or "configs", key) → bytes; ``bound``: path of what is bound → what it holds.
    """

    project: Project
    options: Options
    where: Where
    contents: Mapping[tuple[str, str], bytes]
    bound: Mapping[str, Bound]
    notes: list[Note]

    def tell(self, path: Path, text: str) -> None:
        """Note a change or a loss."""
        self.notes.append(Note(self.where(path), dotted(path), text))

    def refused(self, path: Path, text: str, hint: str) -> UnsupportedError:
        """The error that Kubernetes can't do what is at a path."""
        return UnsupportedError(f"{self.where(path)}{dotted(path)}: {text}", hint=hint)


def filled(values: Mapping[str, Any]) -> Document:
    """Without what is None, or an empty text, list or mapping."""
    return {key: value for key, value in values.items() if value is not None and value not in ("", [], {}, ())}
