"""``--volume``, ``--mount`` and ``--tmpfs`` of a container that is kept, parsed with docker's grammar and podman's idmap. Pure."""

from __future__ import annotations

import re

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.engine.model import Mounted, MountKind
from whit.runtime.limits import parse_size
from whit.runtime.mounts import RDONLY, container_path, parse_tmpfs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Pairs = tuple[tuple[str, str], ...]

VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}", re.ASCII)
PROPAGATIONS = ("shared", "rshared", "slave", "rslave", "private", "rprivate")
NOT_BELOW, WRITABLE_BELOW = "nonrecursive", "writable-below"
"""Options of a bind: what is mounted below the source isn't shown; it is, and may be written, whatever the bind itself is."""

IDMAP = "idmap="
LOCAL = "local"
_LABELS = frozenset(("z", "Z"))
_CONSISTENCY = frozenset(("consistent", "cached", "delegated", "default"))
_TRIPLE = re.compile(r"(\d{1,10})-(\d{1,10})-(\d{1,10})", re.ASCII)
_MOST_ID = (1 << 32) - 1
_TRUE = frozenset(("1", "t", "T", "true", "TRUE", "True"))
_FALSE = frozenset(("0", "f", "F", "false", "FALSE", "False"))
_FORMS = "SOURCE:/TARGET, NAME:/TARGET or /TARGET, and options behind it: /srv/data:/data:ro"
_HARDENED = ("nosuid", "nodev", "noexec")
_TMPFS_ATTRIBUTES = ((1, "ro"), (2, "nosuid"), (4, "nodev"), (8, "noexec"))


@dataclass(frozen=True, slots=True)
class AskedMount:
    """A mount as it was asked for. ``source`` is a path of the host's as it was written, or a volume's name, empty for a new one.

    ``copies`` tells whether an empty volume gets what the image has there; ``volume_options`` and ``volume_labels`` are
    for a volume that has to be made.
    """

    kind: MountKind
    source: str
    target: str
    read_only: bool = False
    options: tuple[str, ...] = ()
    copies: bool = True
    volume_options: Pairs = ()
    volume_labels: Pairs = ()
    notes: tuple[str, ...] = ()


def check_volume_name(name: str) -> str:
    """The name itself. Raises :class:`UsageError` for what docker takes for none either."""
    if not VOLUME_NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' can't be a volume's name",
            hint=f"letters, digits, '_', '.' and '-', two of them at least; a folder here is ./{name.lstrip('./')}",
        )
    return name


def is_path(source: str) -> bool:
    """Whether a source means a path of the host's rather than a volume."""
    return "/" in source or source in {".", ".."}


def is_plain(text: str) -> bool:
    """Whether a ``--volume`` is one that a container takes which isn't kept: a path, shown to read or to write."""
    source, colon, rest = text.partition(":")
    words = rest.partition(":")[2].split(",")
    return bool(colon) and (not source or is_path(source)) and not set(words) - {"", "ro", "rw", "z", "Z"}


def parse_volume(text: str) -> AskedMount:
    """``[SOURCE:]TARGET[:OPTIONS]``. Raises :class:`UsageError`."""
    parts = text.split(":")
    if len(parts) == 1:
        return AskedMount(MountKind.VOLUME, "", container_path(text, text))
    if len(parts) > 3 or not parts[0] or not parts[1]:  # noqa: PLR2004 - source, target, options
        raise UsageError(f"'{text}' is no volume", hint=f"write {_FORMS}")
    source, target, *words = parts
    if not words and not target.startswith("/"):
        raise UsageError(f"'{text}': '{target}' is no absolute path in the container", hint=f"write {_FORMS}")
    kind = MountKind.BIND if is_path(source) else MountKind.VOLUME
    if kind is MountKind.VOLUME:
        check_volume_name(source)
    asked = AskedMount(kind, source, container_path(target, text))
    return _with_words(asked, words[0] if words else "", text)


def _with_words(asked: AskedMount, words: str, text: str) -> AskedMount:
    """The options behind the second colon."""
    for word in filter(None, words.split(",")):
        if word in {"ro", "rw", "readonly"}:
            asked = replace(asked, read_only=word != "rw")
        elif word in _LABELS:
            asked = replace(asked, notes=(*asked.notes, f"{word} is for SELinux, and does nothing here"))
        elif word == "nocopy" and asked.kind is MountKind.VOLUME:
            asked = replace(asked, copies=False)
        elif word in PROPAGATIONS and asked.kind is MountKind.BIND:
            asked = replace(asked, options=(*asked.options, word))
        elif word.partition("=")[0] == "idmap":
            asked = replace(asked, options=(*asked.options, _idmap(word.partition("=")[2], text)))
        elif word not in _CONSISTENCY:
            raise UsageError(f"'{text}': '{word}' is no option of a {asked.kind.value}", hint=_options_of(asked.kind))
    return asked


def _options_of(kind: MountKind) -> str:
    more = "nocopy" if kind is MountKind.VOLUME else ", ".join(PROPAGATIONS)
    return f"ro, rw, z, Z, idmap=uids=FROM-TO-COUNT;gids=FROM-TO-COUNT, {more}"


def _idmap(text: str, whole: str) -> str:
    """An option's words, checked, in one form: ``idmap=uids=…;gids=…``."""
    parts = dict(part.partition("=")[::2] for part in text.split(";") if part)
    triples = [triple for value in parts.values() for triple in value.split("#")]
    fits = all(
        match and int(match[3]) and max(int(match[1]), int(match[2])) + int(match[3]) <= _MOST_ID
        for match in map(_TRIPLE.fullmatch, triples)
    )
    if set(parts) != {"uids", "gids"} or not fits:
        raise UsageError(
            f"'{whole}': idmap needs to know which ids become which",
            hint="idmap=uids=FROM-TO-COUNT;gids=FROM-TO-COUNT: idmap=uids=1000-0-1;gids=1000-0-1",
        )
    return f"{IDMAP}uids={parts['uids']};gids={parts['gids']}"


def id_mappings(option: str) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    """(uidMappings, gidMappings) of an ``idmap`` option, as the OCI configuration has them."""
    parts = dict(part.partition("=")[::2] for part in option.removeprefix(IDMAP).split(";"))
    uids, gids = (
        [
            {"containerID": int(start), "hostID": int(shown), "size": int(size)}
            for start, shown, size in (triple.split("-") for triple in parts[name].split("#"))
        ]
        for name in ("uids", "gids")
    )
    return uids, gids


# --mount


def _flag(value: str, key: str, whole: str) -> bool:
    if value in _TRUE or not value:
        return True
    if value in _FALSE:
        return False
    raise UsageError(f"--mount: '{whole}': {key}={value} is neither true nor false")


_KEYS = {
    "type": "type", "source": "source", "src": "source", "target": "target", "dst": "target", "destination": "target",
    "readonly": "readonly", "ro": "readonly", "consistency": "consistency", "idmap": "idmap",
    "bind-propagation": "bind-propagation", "bind-recursive": "bind-recursive", "bind-nonrecursive": "bind-nonrecursive",
    "volume-nocopy": "volume-nocopy", "volume-label": "volume-label", "volume-driver": "volume-driver",
    "volume-opt": "volume-opt", "tmpfs-size": "tmpfs-size", "tmpfs-mode": "tmpfs-mode",
}  # fmt: skip
_MANY = frozenset(("volume-label", "volume-opt"))


def _fields(text: str) -> tuple[dict[str, str], dict[str, list[tuple[str, str]]]]:
    """(key → value, key that may be repeated → pairs)."""
    import csv  # noqa: PLC0415 - only for --mount

    single: dict[str, str] = {}
    many: dict[str, list[tuple[str, str]]] = {}
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error as error:
        raise UsageError(f"--mount: '{text}': {error}") from None
    for field in rows[0] if rows else ():
        name, _, value = field.partition("=")
        key = _KEYS.get(name.strip().lower())
        if key is None:
            raise UsageError(f"--mount: '{text}': there is no '{name}'", hint="type=volume,source=data,target=/data")
        if key in _MANY:
            inner, _, last = value.partition("=")
            many.setdefault(key, []).append((inner, last))
        else:
            single[key] = value
    return single, many


def parse_mount(text: str) -> AskedMount:
    """``type=bind|volume|tmpfs,source=…,target=…,…``. Raises :class:`UsageError`."""
    single, many = _fields(text)
    kind_text = single.get("type", MountKind.VOLUME).lower()
    if kind_text not in set(MountKind):
        raise UsageError(f"--mount: '{text}': there is no type '{kind_text}'", hint="bind, volume or tmpfs")
    kind = MountKind(kind_text)
    if "target" not in single:
        raise UsageError(f"--mount: '{text}' has no target", hint="say where: target=/data")
    for key in (*single, *many):
        owner = key.partition("-")[0]
        if owner in set(MountKind) and owner != kind.value:
            raise UsageError(f"--mount: '{text}': {key} is no option of a {kind.value}")
    asked = AskedMount(
        kind,
        _source(kind, single.get("source", ""), text),
        container_path(single["target"], text),
        read_only="readonly" in single and _flag(single["readonly"], "readonly", text),
    )
    if "idmap" in single:
        asked = replace(asked, options=(_idmap(single["idmap"], text),))
    return _OF_KIND[kind](asked, single, many, text)


def _source(kind: MountKind, source: str, text: str) -> str:
    if kind is MountKind.BIND and not source:
        raise UsageError(f"--mount: '{text}': a bind needs a source", hint="source=/srv/data")
    if kind is MountKind.TMPFS and source:
        raise UsageError(f"--mount: '{text}': a tmpfs has no source")
    return check_volume_name(source) if kind is MountKind.VOLUME and source else source


def _bind(asked: AskedMount, single: dict[str, str], _: dict[str, list[tuple[str, str]]], text: str) -> AskedMount:
    options = list(asked.options)
    if "bind-propagation" in single:
        if single["bind-propagation"] not in PROPAGATIONS:
            raise UsageError(f"--mount: '{text}': there is no such propagation", hint=", ".join(PROPAGATIONS))
        options.append(single["bind-propagation"])
    recursive = single.get("bind-recursive", "enabled")
    if recursive not in {"enabled", "disabled", "writable", "readonly"}:
        raise UsageError(f"--mount: '{text}': bind-recursive={recursive}", hint="enabled, disabled, writable, readonly")
    if recursive in {"writable", "readonly"} and not asked.read_only:
        raise UsageError(f"--mount: '{text}': bind-recursive={recursive} is for one that is read-only", hint="readonly")
    if recursive == "writable":
        options.append(WRITABLE_BELOW)
    if recursive == "disabled" or ("bind-nonrecursive" in single and _flag(single["bind-nonrecursive"], "it", text)):
        options.append(NOT_BELOW)
    return replace(asked, options=tuple(options))


def _volume(asked: AskedMount, single: dict[str, str], many: dict[str, list[tuple[str, str]]], text: str) -> AskedMount:
    if single.get("volume-driver", LOCAL) not in {"", LOCAL}:
        raise UsageError(
            f"--mount: '{text}': there is no driver {single['volume-driver']}", hint="there is local alone"
        )
    return replace(
        asked,
        copies=not ("volume-nocopy" in single and _flag(single["volume-nocopy"], "volume-nocopy", text)),
        volume_options=tuple(many.get("volume-opt", ())),
        volume_labels=tuple(many.get("volume-label", ())),
    )


def _tmpfs(asked: AskedMount, single: dict[str, str], _: dict[str, list[tuple[str, str]]], text: str) -> AskedMount:
    options = ["mode=1777", *(["ro"] if asked.read_only else []), *_HARDENED]
    if "tmpfs-mode" in single:
        if not re.fullmatch("[0-7]{1,4}", single["tmpfs-mode"]):
            raise UsageError(f"--mount: '{text}': tmpfs-mode={single['tmpfs-mode']} is no mode", hint="tmpfs-mode=1770")
        options[0] = f"mode={single['tmpfs-mode']}"
    if "tmpfs-size" in single:
        options.append(f"size={parse_size(single['tmpfs-size'])}")
    return replace(asked, source="tmpfs", options=tuple(options))


_OF_KIND: dict[MountKind, Callable[[AskedMount, dict[str, str], dict[str, list[tuple[str, str]]], str], AskedMount]] = {
    MountKind.BIND: _bind,
    MountKind.VOLUME: _volume,
    MountKind.TMPFS: _tmpfs,
}


def parse_tmpfs_mount(text: str) -> AskedMount:
    """``--tmpfs TARGET[:OPTIONS]``. Raises :class:`UsageError`."""
    parsed = parse_tmpfs(text)
    words = [word for bit, word in _TMPFS_ATTRIBUTES if parsed.attributes & bit]
    return AskedMount(
        MountKind.TMPFS,
        "tmpfs",
        parsed.target,
        read_only=bool(parsed.attributes & RDONLY),
        options=(*parsed.options, *words),
    )


# All of a container's


def parse_volumes_from(text: str) -> tuple[str, bool | None]:
    """(container, whether all is only read; None: as there) of ``CONTAINER[:ro|rw]``. Raises :class:`UsageError`."""
    name, colon, word = text.partition(":")
    if not name or (colon and word not in {"ro", "rw", "z", "Z"}):
        raise UsageError(
            f"--volumes-from: '{text}'", hint="a container, and ro if its volumes are only to be read: db:ro"
        )
    return name, {"ro": True, "rw": False}.get(word)


def parse_mounts(volumes: Iterable[str], mounts: Iterable[str], tmpfs: Iterable[str]) -> tuple[AskedMount, ...]:
    """Everything that was asked for. Raises :class:`UsageError`, also for two things in one place."""
    readers = (("--volume", parse_volume, volumes), ("", parse_mount, mounts), ("--tmpfs", parse_tmpfs_mount, tmpfs))
    found: dict[str, AskedMount] = {}
    for option, parse, texts in readers:
        for text in texts:
            try:
                asked = parse(text)
            except UsageError as error:
                raise UsageError(f"{option}: {error.message}" if option else error.message, hint=error.hint) from None
            if asked.target in found:
                raise UsageError(f"{asked.target} is given twice", hint="mount one thing on one place")
            found[asked.target] = asked
    return tuple(found.values())


def inherited(mounts: Iterable[Mounted], read_only: bool | None) -> tuple[Mounted, ...]:  # noqa: FBT001 - a tristate
    """What ``--volumes-from`` takes over of another container's mounts: its binds and volumes."""
    return tuple(
        replace(mount, is_anonymous=False, read_only=mount.read_only if read_only is None else read_only)
        for mount in mounts
        if mount.kind is not MountKind.TMPFS
    )


def outer_first(mounts: Iterable[Mounted]) -> tuple[Mounted, ...]:
    """In the order in which they are mounted: one hides what was mounted below its target before."""
    return tuple(sorted(mounts, key=lambda mount: mount.target.count("/")))
