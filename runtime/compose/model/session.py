"""What is the same for all files of a project, and for those of one include. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model import interpolation
from whit.runtime.compose.model.folders import Folder
from whit.runtime.compose.model.nodes import ComposeError, Node, Place, parse, weight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.runtime.compose.model.request import Reader

MAX_FILES = 1_000
"""The most files that one project is made of, each use of one counted."""
MAX_PORTS = 200_000
"""The most published ports, those of ranges counted."""
MAX_ALL_TEXT = 64 << 20
"""The most that is read, env files at each use."""
MAX_ALL_NODES = 400_000
"""The most values in all of them together."""


class Session:
    """What is the same for all files of one project."""

    __slots__ = (
        "contents",
        "count",
        "home",
        "interpolate",
        "length",
        "made",
        "ports",
        "read",
        "resolve_paths",
        "size",
        "texts",
        "unset",
        "warnings",
    )

    def __init__(self, read: Reader, home: str | None, *, interpolate: bool, resolve_paths: bool) -> None:
        self.read = read
        self.home = home
        self.interpolate = interpolate
        self.resolve_paths = resolve_paths
        self.texts: dict[str, list[Node]] = {}
        self.unset: dict[str, None] = {}
        self.warnings: list[str] = []
        self.count = 0
        self.size = 0
        self.made = 0
        self.ports = 0
        self.length = 0
        self.contents: dict[tuple[str, str], str] = {}
        """What is in secrets and configurations that come from a variable, by their section and name."""

    def folder(self, path: str) -> Folder:
        """A folder that relative paths begin at."""
        return Folder(path, self.home)

    def documents(self, file: str, named: Place | None = None) -> list[Node]:
        """A file's documents as they are written; each file is read and parsed once."""
        self.count += 1
        if self.count > MAX_FILES:
            raise ComposeError(f"the project is made of more than {MAX_FILES} files", named or Place(file))
        if file not in self.texts:
            self.texts[file] = parse(self.text(file, named), file)
        self.size += sum(map(weight, self.texts[file]))
        if self.size > MAX_ALL_NODES:
            raise ComposeError(f"the project's files have more than {MAX_ALL_NODES} values", named or Place(file))
        return self.texts[file]

    def text(self, file: str, named: Place | None = None) -> str:
        """A file's text. Raises :class:`ComposeError` where it was named, if there is none."""
        try:
            text = self.read(file)
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise ComposeError("not valid UTF-8", Place(file, line, 1)) from None
        except OSError as error:
            hint = "paths begin at the folder of the file that names them" if named else None
            raise ComposeError(f"{file}: {error.strerror or error}", named, hint) from None
        self.length += len(text)
        if self.length > MAX_ALL_TEXT:
            raise ComposeError(f"the project's files have more than {MAX_ALL_TEXT >> 20} MiB", named or Place(file))
        return text

    def add_ports(self, count: int, service: Node) -> None:
        """Count published ports before they are written out. Raises :class:`ComposeError`."""
        self.ports += count
        if self.ports > MAX_PORTS:
            raise ComposeError(f"the project publishes more than {MAX_PORTS} ports", service.at)

    def exists(self, file: str) -> bool:
        """Whether there is a file that can be read."""
        try:
            self.read(file)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return False
        except (OSError, UnicodeDecodeError):
            return True
        return True


class Context:
    """What is the same for the files of one ``-f`` list, or of one ``include``."""

    __slots__ = ("directory", "environment", "including", "session")

    def __init__(
        self, session: Session, directory: str, environment: Mapping[str, str], including: tuple[str, ...] = ()
    ) -> None:
        self.session = session
        self.directory = directory
        self.environment = environment
        self.including = including
        """The files that include these, outermost first."""

    def interpolated(self, node: Node) -> Node:
        """With variables in place."""
        if not self.session.interpolate:
            return node
        variables = interpolation.Variables(self.environment.get, self.session.made)
        made = interpolation.interpolated(node, variables)
        self.session.made = variables.made
        self.session.unset.update(variables.unset)
        return made
