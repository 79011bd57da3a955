"""What a container may do beyond the default, or less: capabilities, devices, namespaces of the host's, kernel parameters. Pure.

Docker's options, as changes to the OCI configuration that bundle.py makes.
"""

from __future__ import annotations

import re

from whit.packer.image.annotations import ANNOTATION_PREFIX
from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass
from whit.runtime.capabilities import NAMES, parse_capability
from whit.runtime.engine.limiting import Asked, Machine, merged, resources_of
from whit.runtime.engine.model import CONTAINER
from whit.runtime.limits import parse_size
from whit.runtime.oci.loading import INIT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from whit.runtime.seccomp.filterfile import FilterFile

    Document = dict[str, Any]

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a path in the container
_OOM = range(-1000, 1001)
_RULE = re.compile(r"([acb]) ([0-9]{1,10}|\*):([0-9]{1,10}|\*) ([rwm]{1,3})", re.ASCII)
_UNMASKED = ("maskedPaths", "readonlyPaths")
_NAMESPACES = {"pid": "pid", "ipc": "ipc", "uts": "uts", "cgroupns": "cgroup"}
_OWN = {"ipc": ("private", "shareable", "none"), "cgroupns": ("private",), "pid": ("private",), "uts": ("private",)}


class DeviceKind(StrEnum):
    """Of a device file."""

    CHARACTER = "c"
    BLOCK = "b"


@dataclass(frozen=True, slots=True)
class Device:
    """A device of the host's in the container; ``access`` of rwm."""

    target: str
    kind: DeviceKind
    major: int
    minor: int
    mode: int
    access: str = "rwm"


@dataclass(frozen=True, slots=True)
class Powers:
    """What was asked for, parsed. Namespaces: by option, the host's (``host``), another container's, or empty."""

    limits: Asked = Asked()
    cap_drop: tuple[str, ...] = ()
    privileged: bool = False
    security: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()
    device_rules: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()
    shm_size: str | None = None
    sysctls: tuple[str, ...] = ()
    oom_score_adj: int | None = None
    namespaces: tuple[tuple[str, str], ...] = ()
    cgroup_parent: str | None = None
    domainname: str | None = None
    init: bool = False
    annotations: tuple[tuple[str, str], ...] = ()
    """Of the OCI configuration, for who reads them there; whit's own are its own to make."""


def check_sandboxed(powers: Powers) -> None:
    """That nothing undoes the strict sandbox that is asked for with it. Raises :class:`UsageError`."""
    shared = [f"--{name}" for name, value in powers.namespaces if value and value not in _OWN[name]]
    given = [
        *(["--privileged"] if powers.privileged else []),
        *(["--security-opt"] if powers.security else []),
        *shared,
    ]
    if given:
        raise UsageError(f"{given[0]} and --sandbox strict", hint="leave one of them out")


def joined(powers: Powers) -> tuple[tuple[str, str], ...]:
    """(namespace, container) of those that are another container's: their paths are known when it is started."""
    return tuple(
        (_NAMESPACES[option], value.removeprefix(CONTAINER))
        for option, value in powers.namespaces
        if value.startswith(CONTAINER)
    )


def check_namespace(option: str, value: str) -> str:
    """The value itself, if the option has it. Raises :class:`UsageError`."""
    others = option in {"pid", "ipc"} and value.startswith(CONTAINER) and len(value) > len(CONTAINER)
    if value in {"", "host", *_OWN[option]} or others:
        return value
    allowed = ", ".join(["host", *_OWN[option], *(["container:NAME"] if option in {"pid", "ipc"} else [])])
    raise UsageError(f"--{option}: there is no '{value}'", hint=f"one of {allowed}")


def parse_device_rule(text: str) -> Document:
    """``c 10:200 rwm``, as docker has it. Raises :class:`UsageError`."""
    match = _RULE.fullmatch(text)
    if not match:
        raise UsageError(
            f"--device-cgroup-rule: '{text}' is no rule", hint="KIND MAJOR:MINOR ACCESS, as in 'c 10:200 rwm'"
        )
    kind, major, minor, access = match.groups()
    numbers = {name: int(value) for name, value in (("major", major), ("minor", minor)) if value != "*"}
    return {"allow": True, "type": kind, **numbers, "access": access}


def _drop(process: Document, powers: Powers) -> None:
    if not powers.cap_drop:
        return
    dropped = (
        {f"CAP_{name}" for name in NAMES}
        if any(text.upper() == "ALL" for text in powers.cap_drop)
        else {f"CAP_{parse_capability(text)}" for text in powers.cap_drop}
    )
    sets = process["capabilities"]
    process["capabilities"] = {name: [one for one in kept if one not in dropped] for name, kept in sets.items()}


def _privileged(document: Document) -> None:
    """All that there is: no filter, no masks, every device, a /sys and cgroups that can be written."""
    every = [f"CAP_{name}" for name in NAMES]
    process, linux = document["process"], document["linux"]
    ambient = every if process["user"]["uid"] else []
    process["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), every) | dict.fromkeys(
        ("inheritable", "ambient"), ambient
    )
    process["noNewPrivileges"] = False
    linux.pop("seccomp", None)
    for name in _UNMASKED:
        linux[name] = []
    linux["resources"]["devices"] = [{"allow": True, "access": "rwm"}]
    for mount in document["mounts"]:
        if mount["destination"] in {"/sys", "/sys/fs/cgroup"}:
            mount["options"] = [option for option in mount["options"] if option != "ro"]


def security_option(text: str) -> tuple[str, str]:
    """``NAME=VALUE``, or docker's older ``NAME:VALUE``."""
    name, _, value = (text if "=" in text else text.replace(":", "=", 1)).partition("=")
    return name, value


def _secure(document: Document, options: tuple[str, ...], profiles: Mapping[str, FilterFile]) -> None:
    process, linux = document["process"], document["linux"]
    filters: dict[str, object] = {"unconfined": None, "builtin": linux.get("seccomp")}
    filters |= {path: file.for_rights(process["capabilities"]["bounding"]) for path, file in profiles.items()}
    for text in options:
        name, value = security_option(text)
        if name == "no-new-privileges" and value in {"", "true", "false"}:
            process["noNewPrivileges"] = value != "false"
        elif name == "seccomp" and value in filters:
            linux["seccomp"] = filters[value]
        elif name == "apparmor" and value:
            process["apparmorProfile"] = "" if value == "unconfined" else value
        elif name == "label" and value:
            if value.startswith("disable"):
                process.pop("selinuxLabel", None)
        elif name == "systempaths" and value == "unconfined":
            for paths in _UNMASKED:
                linux[paths] = []
        else:
            raise UsageError(
                f"--security-opt: there is no '{text}'",
                hint="no-new-privileges, seccomp=unconfined|builtin|FILE, apparmor=PROFILE, label=disable, systempaths=unconfined",
            )


def _add_devices(linux: Document, powers: Powers) -> None:
    rules = linux["resources"]["devices"]
    for device in powers.devices:
        node = {"path": device.target, "type": str(device.kind), "major": device.major, "minor": device.minor}
        linux.setdefault("devices", []).append({**node, "fileMode": device.mode})
        number = {"type": str(device.kind), "major": device.major, "minor": device.minor}
        rules.append({"allow": True, **number, "access": device.access})
    rules += map(parse_device_rule, powers.device_rules)


def _annotate(document: Document, annotations: tuple[tuple[str, str], ...]) -> None:
    for name, _ in annotations:
        if not name or name.startswith(ANNOTATION_PREFIX):
            raise UsageError(f"the annotation '{name}' is whit's own", hint="choose another name")
    document["annotations"] = {**dict(annotations), **document.get("annotations", {})}


def _share(document: Document, powers: Powers) -> None:
    linux = document["linux"]
    for option, value in powers.namespaces:
        kind = _NAMESPACES[option]
        if value == "host":
            linux["namespaces"] = [one for one in linux["namespaces"] if one["type"] != kind]
            if kind == "uts":
                document.pop("hostname", None)
        if option == "ipc" and value == "none":
            document["mounts"] = [one for one in document["mounts"] if one["destination"] != SHARED_MEMORY]


def _parameters(linux: Document, texts: tuple[str, ...]) -> None:
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--sysctl: '{text}'", hint="NAME=VALUE, as in net.core.somaxconn=1024")
        linux.setdefault("sysctl", {})[name] = value


def _shared_memory(document: Document, text: str | None) -> None:
    if text is None:
        return
    try:
        size = parse_size(text)
    except UsageError as error:
        raise UsageError(f"--shm-size: {error.message}", hint=error.hint) from None
    for mount in document["mounts"]:
        if mount["destination"] == SHARED_MEMORY:
            mount["options"] = [*(one for one in mount["options"] if not one.startswith("size=")), f"size={size}"]


def empower(document: Document, powers: Powers, machine: Machine, profiles: Mapping[str, FilterFile]) -> Document:
    """The configuration with what was asked for; ``profiles`` are filters by their file. Raises :class:`UsageError`."""
    process, linux = document["process"], document["linux"]
    if powers.privileged:
        _privileged(document)
    _drop(process, powers)
    _secure(document, powers.security, profiles)
    _add_devices(linux, powers)
    _share(document, powers)
    _parameters(linux, powers.sysctls)
    _shared_memory(document, powers.shm_size)
    own = linux["resources"]
    linux["resources"] = merged(own, resources_of(powers.limits, own, machine))
    process["user"]["additionalGids"] = list(dict.fromkeys([*process["user"]["additionalGids"], *powers.groups]))
    if powers.annotations:
        _annotate(document, powers.annotations)
    if powers.oom_score_adj is not None:
        if powers.oom_score_adj not in _OOM:
            raise UsageError("--oom-score-adj is from -1000 to 1000")
        process["oomScoreAdj"] = powers.oom_score_adj
    if powers.domainname is not None:
        document["domainname"] = powers.domainname
    if powers.cgroup_parent is not None:
        if ".." in powers.cgroup_parent.split("/"):
            raise UsageError("--cgroup-parent: a cgroup's path has no '..'")
        linux["cgroupsPath"] = f"/{powers.cgroup_parent.strip('/')}/{linux['cgroupsPath'].rpartition('/')[2]}"
    if powers.init:
        document.setdefault("annotations", {})[INIT] = "true"
    return document
