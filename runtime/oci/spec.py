"""config.json → :class:`Spec`: every member of the OCI runtime specification 1.3, read strictly. Pure.

Wrong types and values raise :class:`InvalidFileError` with the member's path. Members that the specification doesn't
have are listed in ``warnings``. What this machine can't do is refused when the plan is made (compile.py).
"""

from __future__ import annotations

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.packer.support.lightjson import load
from whit.runtime.oci.fields import HINT, I32, Fields, refused, wrong
from whit.runtime.oci.linux import Linux, read_linux
from whit.runtime.oci.mountspec import Mount, read_mount
from whit.runtime.oci.process import Process, read_process
from whit.runtime.oci.resources import Resources, read_resources

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

VERSION = "1.3.0"
"""The specification that this reader knows whole."""

OTHER_PLATFORMS = ("solaris", "windows", "vm", "zos", "freebsd")

MAX_DOCUMENT = 16 << 20
"""In bytes; no real configuration comes near."""


@dataclass(frozen=True, slots=True)
class Root:
    """``path`` as written: absolute, or relative to the bundle."""

    path: str
    readonly: bool = False


@dataclass(frozen=True, slots=True)
class Hook:
    """A program of the host's to run; ``timeout`` in seconds. ``args`` with its own name first, as execv(3)."""

    path: str
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    timeout: int | None = None


@dataclass(frozen=True, slots=True)
class Hooks:
    """By when they run (OCI runtime-spec, config, "POSIX-platform Hooks")."""

    prestart: tuple[Hook, ...] = ()
    create_runtime: tuple[Hook, ...] = ()
    create_container: tuple[Hook, ...] = ()
    start_container: tuple[Hook, ...] = ()
    poststart: tuple[Hook, ...] = ()
    poststop: tuple[Hook, ...] = ()


@dataclass(frozen=True, slots=True)
class Spec:
    """The whole configuration. ``process`` None: created, and never to be started."""

    version: str
    root: Root
    process: Process | None = None
    hostname: str = ""
    domainname: str = ""
    mounts: tuple[Mount, ...] = ()
    hooks: Hooks = Hooks()
    annotations: tuple[tuple[str, str], ...] = ()
    linux: Linux = Linux()
    warnings: tuple[str, ...] = ()


def _root(fields: Fields) -> Root:
    return Root(fields.needed_text("path"), fields.flag("readonly"))


def _hook(fields: Fields) -> Hook:
    path = fields.needed_text("path")
    if not path.startswith("/"):
        raise wrong(fields.path("path"), path, "an absolute path on the host")
    return Hook(path, fields.texts("args"), fields.texts("env"), fields.number("timeout", 1, I32))


def _hooks(fields: Fields) -> Hooks:
    return Hooks(
        prestart=fields.each("prestart", _hook),
        create_runtime=fields.each("createRuntime", _hook),
        create_container=fields.each("createContainer", _hook),
        start_container=fields.each("startContainer", _hook),
        poststart=fields.each("poststart", _hook),
        poststop=fields.each("poststop", _hook),
    )


def _version(fields: Fields) -> str:
    version = fields.needed_text("ociVersion")
    core, dash, label = version.replace("+", "-").partition("-")
    numbers = core.split(".")
    plain = len(numbers) == 3 and all(number.isascii() and number.isdigit() for number in numbers)  # noqa: PLR2004 - MAJOR.MINOR.PATCH
    if not plain or (dash and not (label.isascii() and label.translate(dict.fromkeys(map(ord, ".-"), "a")).isalnum())):
        raise wrong("ociVersion", version, "a version such as 1.2.0")
    if int(numbers[0]) > int(VERSION.partition(".")[0]):
        raise refused("ociVersion", f"whit knows {VERSION}, and this is {version}", "use a configuration of version 1")
    return version


def _annotations(fields: Fields) -> tuple[tuple[str, str], ...]:
    annotations = fields.texts_map("annotations")
    if any(not name for name, _ in annotations):
        raise wrong("annotations", "", "a name")
    return annotations


def read_spec(document: object) -> Spec:
    """The specification that the decoded JSON says. Raises :class:`InvalidFileError` or :class:`UnsupportedError`."""
    warnings: list[str] = []
    fields = Fields(document, "", warnings)
    for name in OTHER_PLATFORMS:
        if fields.take(name) is not None:
            raise refused(name, "it is for another platform, and this is Linux")
    spec = Spec(
        version=_version(fields),
        root=fields.needed_one("root", _root),
        process=fields.one("process", read_process),
        hostname=fields.text("hostname"),
        domainname=fields.text("domainname"),
        mounts=fields.each("mounts", read_mount),
        hooks=fields.one("hooks", _hooks) or Hooks(),
        annotations=_annotations(fields),
        linux=fields.one("linux", read_linux) or Linux(),
    )
    fields.done()
    return replace(spec, warnings=tuple(warnings)) if warnings else spec


def _load(data: bytes, name: str) -> object:
    if len(data) > MAX_DOCUMENT:
        raise InvalidFileError(f"{name} has {len(data)} bytes, more than {MAX_DOCUMENT}", hint="is it a configuration?")
    try:
        return load(data)
    except (ValueError, RecursionError) as error:
        raise InvalidFileError(f"{name} is not JSON: {error}", hint=HINT) from None


def parse_spec(data: bytes, name: str = "config.json") -> Spec:
    """The bytes of a config.json → :class:`Spec`."""
    return read_spec(_load(data, name))


def _parse_part(data: bytes, name: str, read: Callable[[Fields], T]) -> tuple[T, tuple[str, ...]]:
    warnings: list[str] = []
    fields = Fields(_load(data, name), "", warnings)
    result = read(fields)
    fields.done()
    return result, tuple(warnings)


def parse_process(data: bytes, name: str = "process.json") -> tuple[Process, tuple[str, ...]]:
    """The bytes of ``exec --process`` → (process, warnings)."""
    return _parse_part(data, name, read_process)


def parse_resources(data: bytes, name: str = "resources.json") -> tuple[Resources, tuple[str, ...]]:
    """The bytes of ``update --resources`` → (limits, warnings)."""
    return _parse_part(data, name, read_resources)
