"""A service's volumes, secrets and configs, as the engine takes them. Pure."""

from __future__ import annotations

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.project import CONTAINER
from whit.runtime.engine.model import MountKind
from whit.runtime.engine.mounting import NOT_BELOW, PROPAGATIONS, WRITABLE_BELOW, AskedMount, parse_tmpfs_mount
from whit.runtime.engine.secretform import SECRETS_AT, AskedSecret
from whit.runtime.mounts import container_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from whit.runtime.compose.project import Project, Service, Values

_READABLE = 0o444
_HARDENED = ("nosuid", "nodev", "noexec")
VARIABLE = "$"
"""What a source begins with that is a variable rather than a file."""


def mounts_of(project: Project, service: Service) -> tuple[AskedMount, ...]:
    """Binds, volumes and file systems in memory. Raises :class:`UsageError`."""
    asked = [mount_of(project, values) for values in service.values.get("volumes") or ()]
    asked += [parse_tmpfs_mount(text) for text in service.values.get("tmpfs") or ()]
    seen: set[str] = set()
    for one in asked:
        if one.target in seen:
            raise UsageError(f"{one.target} is given twice", hint="mount one thing on one place")
        seen.add(one.target)
    return tuple(asked)


def mount_of(project: Project, values: Values) -> AskedMount:
    """One entry of ``volumes``. Raises :class:`UsageError`."""
    kind, source, target = str(values.get("type") or "volume"), str(values.get("source") or ""), str(values["target"])
    read_only = bool(values.get("read_only"))
    place = container_path(target, f"{source}:{target}")
    if kind == "bind":
        return AskedMount(
            MountKind.BIND, source, place, read_only, _bind(values.get("bind") or {}, read_only=read_only)
        )
    if kind == "tmpfs":
        return AskedMount(MountKind.TMPFS, "tmpfs", place, read_only, _tmpfs(values.get("tmpfs") or {}, read_only))
    if kind != "volume":
        raise UsageError(f"volumes: whit can't mount a {kind} at {target}", hint="bind, volume or tmpfs")
    how: Values = values.get("volume") or {}
    if how.get("subpath"):
        raise UsageError(f"volumes: whit can't mount a part of a volume at {target} (subpath)", hint="mount all of it")
    own = project.volumes.get(source) or {}
    return AskedMount(
        MountKind.VOLUME,
        project.volume_name(source) if source else "",
        place,
        read_only,
        copies=not how.get("nocopy"),
        volume_options=() if own.get("external") else pairs(own.get("driver_opts") or {}),
    )


def pairs(values: Values) -> tuple[tuple[str, str], ...]:
    """A mapping as the engine has it."""
    return tuple((str(key), str(value)) for key, value in values.items())


def _bind(how: Values, *, read_only: bool) -> tuple[str, ...]:
    propagation = how.get("propagation") or ""
    if propagation and propagation not in PROPAGATIONS:
        raise UsageError(f"volumes: there is no propagation {propagation}", hint=", ".join(PROPAGATIONS))
    recursive = how.get("recursive") or "enabled"
    more = {"disabled": (NOT_BELOW,), "writable": (WRITABLE_BELOW,) if read_only else ()}.get(str(recursive), ())
    return (*((str(propagation),) if propagation else ()), *more)


def _tmpfs(how: Values, read_only: object) -> tuple[str, ...]:
    mode = how.get("mode")
    size = how.get("size")
    return (
        f"mode={int(mode):o}" if mode is not None else "mode=1777",
        *(("ro",) if read_only else ()),
        *_HARDENED,
        *((f"size={size}",) if size else ()),
    )


def volumes_from(service: Service, names: Callable[[str], str]) -> tuple[tuple[str, bool | None], ...]:
    """Whose volumes it takes over: (container, whether all is only read)."""
    found: list[tuple[str, bool | None]] = []
    for text in service.values.get("volumes_from") or ():
        is_container = text.startswith(CONTAINER)
        name, _, word = text.removeprefix(CONTAINER).partition(":")
        found.append((name if is_container else names(name), {"ro": True, "rw": False}.get(word)))
    return tuple(found)


def secrets_of(service: Service, contents: Mapping[tuple[str, str], str]) -> tuple[AskedSecret, ...]:
    """Secrets and configs, both files in memory; ``contents`` are paths, or, after a ``$``, names of variables. Raises :class:`UsageError`."""
    found: dict[str, AskedSecret] = {}
    for kind in ("secrets", "configs"):
        for values in service.values.get(kind) or ():
            one = secret_of(kind, values, contents)
            if one.target in found:
                raise UsageError(f"{one.target} is given twice", hint="choose another target")
            found[one.target] = one
    return tuple(found.values())


def secret_of(kind: str, values: Values, contents: Mapping[tuple[str, str], str]) -> AskedSecret:
    """One entry of ``secrets`` or ``configs``. Raises :class:`UsageError`."""
    key = str(values["source"])
    if (kind, key) not in contents:
        raise UsageError(f"{kind}: there is no {key} at the file's top", hint=f"{kind}: {{{key}: {{file: …}}}}")
    source = contents[kind, key]
    usual = f"{SECRETS_AT}/{key}" if kind == "secrets" else f"/{key}"
    target = str(values.get("target") or usual)
    if not target.startswith("/"):
        target = f"{SECRETS_AT}/{target}" if kind == "secrets" else f"/{target}"
    numbers = (_number(values.get(name), f"{kind}: {key}: {name}") for name in ("uid", "gid"))
    uid, gid = numbers
    is_variable = source.startswith(VARIABLE)
    return AskedSecret(
        source.removeprefix(VARIABLE), is_variable, container_path(target, target), uid, gid, _mode(values.get("mode"))
    )


def _number(value: object, what: str) -> int | None:
    if value is None:
        return None
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 11):  # noqa: PLR2004 - digits of a user
        raise UsageError(
            f"{what}: '{text}' is no number of a user or group", hint="names are the image's, numbers everybody's"
        )
    return int(text)


def _mode(value: object) -> int:
    if value is None:
        return _READABLE
    return value if isinstance(value, int) else int(str(value), 8)


def binds_to_make(values: Iterable[Values]) -> tuple[str, ...]:
    """Folders of the host's that are made where they aren't there, as docker has it, unless the file says that they aren't."""
    binds = (one for one in values if one.get("type") == "bind")
    return tuple(str(one["source"]) for one in binds if (one.get("bind") or {}).get("create_host_path", True))
