"""A volume: what it is, how it is written down, and how docker's commands show it. Pure."""

from __future__ import annotations

from whit.packer.support.errors import InvalidFileError, UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.engine.ages import SECOND
from whit.runtime.engine.mounting import LOCAL, NOT_BELOW
from whit.runtime.limits import parse_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whit.runtime.engine.mounting import Pairs

SCHEMA = "whit-volume/1"
OPTIONS = ("type", "device", "o", "size")
TABLE = r"table {{.Driver}}\t{{.Name}}"
HEADERS = {
    "Driver": "DRIVER", "Name": "VOLUME NAME", "Scope": "SCOPE", "Mountpoint": "MOUNTPOINT", "Labels": "LABELS",
    "Links": "LINKS", "Size": "SIZE", "Availability": "AVAILABILITY", "Group": "GROUP", "Status": "STATUS",
}  # fmt: skip
_BINDS = frozenset(("bind", "rbind"))
_TRUTH = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume. ``created`` in ns since 1970; ``options`` are those of docker's local driver."""

    name: str
    created: int
    labels: Pairs = ()
    options: Pairs = ()
    is_anonymous: bool = False


@dataclass(frozen=True, slots=True)
class Backing:
    """What a volume is mounted from: a file system of this type, or, where that is empty, a folder that is bound."""

    source: str
    file_system: str = ""
    options: tuple[str, ...] = ()


def to_document(volume: Volume) -> dict[str, object]:
    """As JSON."""
    from dataclasses import asdict  # noqa: PLC0415 - of no use to containers

    return {"schema": SCHEMA, **asdict(volume)}


def from_document(document: object, where: str) -> Volume:
    """The volume that a document tells of. Raises :class:`InvalidFileError`."""
    members = dict(document) if isinstance(document, dict) else {}
    try:
        pairs = {key: tuple((str(name), str(value)) for name, value in members[key]) for key in ("labels", "options")}
        volume = Volume(
            str(members["name"]), int(members["created"]), **pairs, is_anonymous=bool(members["is_anonymous"])
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidFileError(f"{where} is no description of a volume: {error}") from None
    if members.get("schema") != SCHEMA:
        raise InvalidFileError(f"{where} is no description of a volume of this version of whit")
    return volume


def parse_options(texts: Iterable[str]) -> Pairs:
    """``--opt NAME=VALUE`` of the local driver. Raises :class:`UsageError`."""
    return check_options(tuple((name, value) for name, _, value in (text.partition("=") for text in texts)))


def check_options(pairs: Pairs) -> Pairs:
    """The options themselves. Raises :class:`UsageError` for what docker's local driver doesn't take either."""
    given = dict(pairs)
    for name in given:
        if name not in OPTIONS:
            raise UsageError(f"--opt: there is no option '{name}'", hint="type=, device=, o=, size=")
    if "o" in given and not {"type", "device"} <= set(given):
        raise UsageError(
            "--opt o= goes with type= and device=", hint="--opt type=tmpfs --opt device=tmpfs --opt o=size=64m"
        )
    for one, other in (("type", "device"), ("device", "type")):
        if one in given and other not in given:
            raise UsageError(
                f"--opt {one}= goes with {other}=", hint="--opt type=none --opt device=/srv/data --opt o=bind"
            )
    if "size" in given and "type" in given:
        raise UsageError("--opt size= is for a volume of the store's own", hint="a tmpfs has it in o=size=64m")
    if "size" in given:
        parse_quota(given["size"], "--opt size=")
    return tuple(sorted(given.items()))


def parse_quota(text: str, option: str) -> int:
    """Bytes that a volume, or a container's own layer, may have. Raises :class:`UsageError`."""
    size = parse_size(text)
    if not 0 < size < 1 << 62:
        raise UsageError(f"{option}{text}: that is no size of a quota", hint=f"{option}64m")
    return size


def backing(volume: Volume, data: str) -> Backing:
    """What is mounted; ``data`` is the volume's own folder."""
    options = dict(volume.options)
    kind, device = options.get("type", ""), options.get("device", "")
    if not device:
        return Backing(data)
    words = tuple(word for word in options.get("o", "").split(",") if word)
    if kind in {"", "none"} or set(words) & _BINDS:
        below = () if "rbind" in words or "bind" not in words else (NOT_BELOW,)
        return Backing(device, "", (*(word for word in words if word not in _BINDS), *below))
    return Backing(device, kind, words)


def created_text(volume: Volume) -> str:
    """As docker writes it."""
    from datetime import UTC, datetime  # noqa: PLC0415 - of no use to containers

    return datetime.fromtimestamp(volume.created / SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def page(volume: Volume, data: str) -> dict[str, object]:
    """As ``whit volume inspect`` shows it."""
    return {
        "CreatedAt": created_text(volume),
        "Driver": LOCAL,
        "Labels": dict(volume.labels) or None,
        "Mountpoint": data,
        "Name": volume.name,
        "Options": dict(volume.options) or None,
        "Scope": "local",
    }


def row(volume: Volume, data: str) -> dict[str, object]:
    """A line of ``whit volume ls``."""
    return {
        "Availability": "N/A",
        "Driver": LOCAL,
        "Group": "N/A",
        "Labels": ",".join(f"{name}={value}" for name, value in volume.labels),
        "Links": "N/A",
        "Mountpoint": data,
        "Name": volume.name,
        "Scope": "local",
        "Size": "N/A",
        "Status": "N/A",
    }


def chooser(filters: Iterable[str], is_used: Callable[[Volume], bool]) -> Callable[[Volume], bool]:
    """What ``--filter`` lets through: values of one key are alternatives, keys all must hold, labels all too.

    Raises :class:`UsageError`.
    """
    tests: dict[str, Callable[[Volume, str], bool]] = {
        "dangling": lambda volume, value: is_used(volume) is not _truth("dangling", value),
        "driver": lambda _, value: value == LOCAL,
        "label": _labelled,
        "label!": lambda volume, value: not _labelled(volume, value),
        "name": lambda volume, value: value in volume.name,
    }
    wanted: dict[str, list[str]] = {}
    for text in filters:
        key, equals, value = text.partition("=")
        if not equals or key not in tests:
            raise UsageError(f"--filter '{text}'", hint=f"there are {', '.join(f'{name}=' for name in tests)}")
        if key == "dangling":
            _truth(key, value)
        wanted.setdefault(key, []).append(value)
    return lambda volume: all(
        (all if key.startswith("label") else any)(tests[key](volume, value) for value in values)
        for key, values in wanted.items()
    )


def _truth(key: str, value: str) -> bool:
    found = _TRUTH.get(value.lower())
    if found is None:
        raise UsageError(f"--filter {key}={value}: neither true nor false")
    return found


def _labelled(volume: Volume, wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return any(key == name and (not equals or has == value) for key, has in volume.labels)
