"""What an image will be, before a byte of it is written: entries, configuration, annotations. Pure.

Two layers: first what stands beside the program, which changes only when its needs or the sources do and is shared by
all programs with the same needs; then the program.
"""

from __future__ import annotations

import re

from whit.packer.image.annotations import image_annotations
from whit.packer.image.platform import WASI
from whit.packer.resolution.wellknown import CERTIFICATES_PATH
from whit.packer.support.errors import InvalidFileError, UsageError
from whit.packer.support.imagepath import fault, is_mounted_over, parents, shown
from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from whit.packer.executable.analysis import Analysis
    from whit.packer.image.artifact import Artifact
    from whit.packer.image.callsclaim import Refusal
    from whit.packer.image.platform import Platform
    from whit.packer.resolution.model import NeededFile, Resolution

NONROOT_ID = 65532
"""The user and group that an image runs as unless told otherwise (distroless' ``nonroot``)."""


class EntryKind(StrEnum):
    """The kinds of file that whit itself puts into an image."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"


class Compression(StrEnum):
    """How layers are compressed."""

    GZIP = "gzip"
    ZSTD = "zstd"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class HostFile:
    """Content that is read from the host when the layer is written.

    ``identity`` is (device, inode, size in bytes, mtime in ns) as seen when the file was decided on: a file that
    changed in between is an error, not a surprise.
    """

    path: str
    size: int
    identity: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Inline:
    """Content that whit itself wrote."""

    data: bytes

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, directory or link in the image. ``path`` is absolute and normal; ``reason`` is for people."""

    path: str
    kind: EntryKind
    mode: int
    reason: str
    uid: int = 0
    gid: int = 0
    content: HostFile | Inline | None = None
    target: str | None = None

    @property
    def size(self) -> int:
        """Bytes of content; 0 for directories and links."""
        return self.content.size if self.content else 0


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """One layer-to-be: ``created_by`` goes into the image's history."""

    created_by: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How an image has its health told (docker's image configuration, ``Healthcheck``); times in ns, 0 for the usual."""

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True)
class RunConfig:
    """How the image's program is run (OCI image-spec, ``config``).

    ``shell`` and ``on_build`` are docker's: what a Dockerfile that begins with this image runs its commands with, and
    the instructions that it begins with.
    """

    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: str | None = None
    health: HealthCheck | None = None
    shell: tuple[str, ...] = ()
    on_build: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """Everything about an image except bytes on disk. ``created`` is seconds since the epoch (SOURCE_DATE_EPOCH).

    ``artifact``: it is to be the CNCF's artifact, whose only layer is the program itself.
    """

    platform: Platform
    layers: tuple[LayerSpec, ...]
    config: RunConfig
    annotations: tuple[tuple[str, str], ...] = ()
    created: int = 0
    compression: Compression = Compression.GZIP
    artifact: Artifact | None = None


DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH as docker sets it where an image doesn't."""

LIBRARIES = "libraries"
"""The need that shared libraries are files of."""

NEEDS_LAYER, LIBRARIES_LAYER = "whit: what the program needs", "whit: the libraries that it starts with"
"""How the layers beside the program came to be, in the image's history."""

PARENT_REASON = "holds what is below it"
"""The reason of folders that nobody asked for and that files stand in."""

_TAKEN = frozenset(("bin", "dev", "etc", "home", "lib", "lib32", "lib64", "proc", "run", "sys", "tmp", "usr", "var"))
"""Names at the top of an image that are folders of it, or that a runtime mounts something on."""

_PORT = re.compile(r"(?P<port>[0-9]{1,5})(?:-(?P<last>[0-9]{1,5}))?(?:/(?P<protocol>tcp|udp|sctp))?")
_PORTS = range(1, 65536)


@dataclass(frozen=True, slots=True)
class PackOptions:
    """What a person decides about an image; everything else follows from the executable.

    ``entrypoint`` takes the place of the program and its ``arguments``, which are always given to the program, ``cmd`` unless the caller gives others. ``env`` holds ``NAME=VALUE``.
    ``user`` is docker's ``USER[:GROUP]``. ``created`` is SOURCE_DATE_EPOCH; 0 means that none was given.
    ``as_artifact``: no image, but the CNCF's Wasm OCI artifact. ``refusal``: the program's system calls are found and noted for a filter, which does that with others than these and ``added_calls``.
    Raises UsageError for text that isn't UTF-8: an image's configuration is JSON.
    """

    path_in_image: str | None = None
    arguments: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    user: str | None = None
    working_dir: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    exposed_ports: tuple[str, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    created: int = 0
    entrypoint: tuple[str, ...] | None = None
    volumes: tuple[str, ...] = ()
    stop_signal: str | None = None
    health: HealthCheck | None = None
    compression: Compression = Compression.GZIP
    as_artifact: bool = False
    refusal: Refusal | None = None
    added_calls: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no configuration can hold."""
        pairs = (text for pair in (*self.labels, *self.annotations) for text in pair)
        many = (
            *self.arguments,
            *(self.entrypoint or ()),
            *self.volumes,
            *self.cmd,
            *self.env,
            *self.exposed_ports,
            *pairs,
        )
        for text in (*many, self.path_in_image or "", self.user or "", self.working_dir or ""):
            if (printed := shown(text)) != text:
                raise UsageError(f"{printed} isn't valid UTF-8, and an image's configuration can't hold it")


def image_spec(
    name: str,
    program: HostFile,
    analysis: Analysis,
    resolution: Resolution,
    options: PackOptions,
    added: tuple[Entry, ...] = (),
    others: tuple[LayerSpec, ...] = (),
) -> ImageSpec:
    """The image of one executable called ``name`` (a file name) whose content is ``program``.

    ``others`` are the layers of further programs, whose needs ``resolution`` holds too. ``added`` is what a person wants in it besides; it takes the place of what would stand there otherwise. Raises
    InvalidFileError for a name that no image can hold, UsageError for an option that isn't of its form.
    """
    program_spec = program_layer(name, program, options)
    config = _run_config(program_spec.entries[-1].path, analysis, resolution, options)
    word = next(iter((*config.entrypoint, *config.cmd)), "")
    return ImageSpec(
        platform=replace(analysis.platform, os=WASI) if analysis.platform.is_wasm else analysis.platform,
        layers=_layers(resolution, added, (*others, program_spec)),
        config=config,
        annotations=image_annotations(name, analysis, resolution, options, tuple(_outermost(added)), word),
        created=options.created,
        compression=options.compression,
    )


def _layers(resolution: Resolution, added: tuple[Entry, ...], programs: tuple[LayerSpec, ...]) -> tuple[LayerSpec, ...]:
    """From what changes least to what changes most."""
    instead = {entry.path for entry in added}
    _refuse_folders_for_files(resolution, added)
    files = [(file.need == LIBRARIES, _entry(file)) for file in resolution.files if file.path not in instead]
    groups = (
        (NEEDS_LAYER, [entry for is_library, entry in files if not is_library]),
        (LIBRARIES_LAYER, [entry for is_library, entry in files if is_library]),
        ("whit: what was added", added),
    )
    there: dict[str, Entry] = {}
    layers = []
    for created_by, wanted in groups:
        entries = tuple(_beside(entry, there) for entry in _with_parents(wanted))
        there = {entry.path: entry for entry in entries} | there
        layers.append(LayerSpec(created_by, entries))
    for program in programs:
        path = program.entries[-1].path
        if path in there:
            raise UsageError(
                f"{path}: the image has something else there",
                hint="choose another --path, or another place for what is added",
            )
        entries = tuple(_beside(entry, there) for entry in program.entries)
        there = {entry.path: entry for entry in entries} | there
        layers.append(LayerSpec(program.created_by, entries))
    return tuple(layer for layer in layers if layer.entries)


def _refuse_folders_for_files(resolution: Resolution, added: tuple[Entry, ...]) -> None:
    """Another file may take a needed file's place; a folder can't be what the program opens there."""
    folders = {entry.path for entry in added if entry.kind is EntryKind.DIRECTORY}
    for file in resolution.files:
        if file.path in folders and (file.content is not None or file.target is not None):
            raise UsageError(
                f"--add: {file.path} is a file that the program needs, not a folder",
                hint="to put something into its folder, leave the file's name out of the target",
            )


def _beside(entry: Entry, there: Mapping[str, Entry]) -> Entry:
    """The entry as it has to be on top of earlier layers: a folder that holds others stays what it was.

    Raises UsageError if an earlier layer has something of another kind there.
    """
    earlier = there.get(entry.path)
    if earlier is None:
        return entry
    if not entry.kind is earlier.kind is EntryKind.DIRECTORY:
        raise UsageError(f"{entry.path}: the image would have two things there", hint="choose another path")
    return replace(earlier, reason=PARENT_REASON) if entry.reason == PARENT_REASON else entry


def program_layer(name: str, program: HostFile, options: PackOptions) -> LayerSpec:
    """The layer of the program alone, which is known before the program is analysed; folders above it stand first.

    Folders that an earlier layer has too are made like them by :func:`image_spec`. Raises as that does.
    """
    path = program_path(name, options)
    executable = Entry(path, EntryKind.FILE, 0o555, "the program", content=program)
    return LayerSpec(f"whit: {path}", _with_parents((executable,)))


def program_path(name: str, options: PackOptions) -> str:
    """Where the program stands in its image. Raises as :func:`image_spec` does."""
    return _checked_path(options.path_in_image) if options.path_in_image is not None else default_path(name)


def default_path(name: str) -> str:
    """Where a program of that name stands unless told otherwise. Raises InvalidFileError for a name that no image can hold."""
    what = fault(f"/{name}")
    if what is not None or "/" in name:
        raise InvalidFileError(
            f"{shown(name)}: the file's name {what or 'has a slash'}",
            hint="rename it, or choose another name with --path",
        )
    return f"/bin/{name}" if name in _TAKEN else f"/{name}"


def _checked_path(path: str) -> str:
    if what := fault(path):
        raise UsageError(f"--path {shown(path)} {what}", hint="as in --path /usr/bin/server")
    if is_mounted_over(path):
        raise UsageError(
            f"--path {path}: in a container the runtime's own files are there", hint="as in --path /usr/bin/server"
        )
    return path


def _entry(file: NeededFile) -> Entry:
    kind = EntryKind.FILE if file.content is not None else EntryKind.DIRECTORY
    if file.target is not None:
        kind = EntryKind.SYMLINK
    reason = "; ".join(file.reasons)
    return Entry(
        file.path, kind, file.mode, reason, uid=file.uid, gid=file.gid, content=file.content, target=file.target
    )


def _with_parents(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries with the folders above them, sorted by path, so that a folder stands before what is in it."""
    by_path = {entry.path: entry for entry in entries}
    for path in tuple(by_path):
        for parent in parents(path):
            by_path.setdefault(parent, Entry(parent, EntryKind.DIRECTORY, 0o755, PARENT_REASON))
    return tuple(by_path[path] for path in sorted(by_path))


def _run_config(path: str, analysis: Analysis, resolution: Resolution, options: PackOptions) -> RunConfig:
    return RunConfig(
        entrypoint=(path, *options.arguments) if options.entrypoint is None else options.entrypoint,
        cmd=options.cmd,
        env=_environment(analysis, resolution, options.env),
        user=options.user or f"{NONROOT_ID}:{NONROOT_ID}",
        working_dir=options.working_dir or "/",
        labels=tuple(sorted(dict(options.labels).items())),
        exposed_ports=tuple(sorted({exposed_port(port) for port in options.exposed_ports})),
        volumes=tuple(sorted(set(options.volumes))),
        stop_signal=options.stop_signal,
        health=options.health,
    )


def _environment(analysis: Analysis, resolution: Resolution, asked: Iterable[str]) -> tuple[str, ...]:
    """PATH, where certificates are if the program can't know, and what was asked for.

    HOME isn't among them: runtimes take it from the image's /etc/passwd for whichever user the container runs as.
    """
    variables = {"PATH": DEFAULT_PATH}
    has_certificates = any(file.path == CERTIFICATES_PATH for file in resolution.files)
    knows_place = analysis.functions_known and analysis.language.name == "go"
    knows_place = knows_place or analysis.has_string(CERTIFICATES_PATH.encode())
    if has_certificates and not knows_place:
        variables["SSL_CERT_FILE"] = CERTIFICATES_PATH
    for variable in asked:
        key, equals, value = variable.partition("=")
        if not key or not equals:
            raise UsageError(f"{variable!r} isn't NAME=VALUE", hint="as in --env MODE=production")
        variables[key] = value
    return tuple(f"{key}={value}" for key, value in variables.items())


def exposed_port(port: str) -> str:
    """A port in docker's form, ``PORT[-PORT][/PROTOCOL]``, the protocol always written out (OCI image-spec, ExposedPorts)."""
    found = _PORT.fullmatch(port)
    numbers = [int(text) for text in found.group("port", "last") if text] if found else []
    if not found or any(number not in _PORTS for number in numbers) or numbers != sorted(numbers):
        raise UsageError(f"{port!r} isn't a port", hint="as in 8080, 8080/tcp or 53/udp")
    return f"{'-'.join(str(number) for number in numbers)}/{found['protocol'] or 'tcp'}"


def _outermost(added: tuple[Entry, ...]) -> Iterator[str]:
    """What was added, a folder for all that is in it."""
    folders = {entry.path for entry in added if entry.kind is EntryKind.DIRECTORY}
    return (entry.path for entry in added if folders.isdisjoint(parents(entry.path)))
