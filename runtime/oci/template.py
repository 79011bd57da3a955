"""``spec``: write a config.json to begin with."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from whit.packer.support.errors import UsageError
from whit.runtime.mounts import MASKED, MASKED_SYS, READONLY
from whit.runtime.oci.lifecycle import SEARCH_PATH
from whit.runtime.oci.spec import VERSION

if TYPE_CHECKING:
    from whit.runtime.oci.arguments import Call
    from whit.runtime.oci.log import Log

CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
HARDENED = ["nosuid", "noexec", "nodev"]

Document = dict[str, object]


def _mount(target: str, kind: str, *options: str, source: str = "") -> Document:
    mount: Document = {"destination": target, "type": kind, "source": source or kind}
    return {**mount, "options": list(options)} if options else mount


def _mounts(*, rootless: bool) -> list[Document]:
    devpts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", *([] if rootless else ["gid=5"])]
    sys_options = ["rbind", "nosuid", "noexec", "nodev", "ro"] if rootless else [*HARDENED, "ro"]
    return [
        _mount("/proc", "proc"),
        _mount("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount("/dev/pts", "devpts", *devpts),
        _mount("/dev/shm", "tmpfs", *HARDENED, "mode=1777", "size=65536k", source="shm"),  # noqa: S108 - in the container
        _mount("/dev/mqueue", "mqueue", *HARDENED),
        _mount("/sys", "none", *sys_options, source="/sys") if rootless else _mount("/sys", "sysfs", *sys_options),
        _mount("/sys/fs/cgroup", "cgroup", *HARDENED, "relatime", "ro"),
    ]


def document(*, user: int | None = None, group: int = 0) -> Document:
    """The configuration of a shell with few rights; for the unprivileged ``user`` where one is given."""
    rootless = user is not None
    linux: Document = {
        "resources": {} if rootless else {"devices": [{"allow": False, "access": "rwm"}]},
        "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
        "maskedPaths": [*MASKED, *MASKED_SYS],
        "readonlyPaths": list(READONLY),
    }
    if rootless:
        namespaces = ("pid", "ipc", "uts", "mount", "cgroup", "user")
        linux["namespaces"] = [{"type": kind} for kind in namespaces]
        linux["uidMappings"] = [{"containerID": 0, "hostID": user, "size": 1}]
        linux["gidMappings"] = [{"containerID": 0, "hostID": group, "size": 1}]
    return {
        "ociVersion": VERSION,
        "process": {
            "terminal": True,
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "env": [f"PATH={SEARCH_PATH}", "TERM=xterm"],
            "cwd": "/",
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), CAPABILITIES),
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "whit",
        "mounts": _mounts(rootless=rootless),
        "linux": linux,
    }


def spec(call: Call, _log: Log) -> None:
    """Write it where there is none yet."""
    path = os.path.join(call.options.text("bundle", "."), "config.json")  # noqa: PTH118 - as elsewhere in this package
    rootless = call.options.flag("rootless")
    made = document(user=os.geteuid(), group=os.getegid()) if rootless else document()
    try:
        with open(path, "x", encoding="utf-8") as file:  # noqa: PTH123
            file.write(json.dumps(made, indent="\t") + "\n")
    except FileExistsError:
        raise UsageError(f"File {path} exists. Remove it first", hint="or give another folder by --bundle") from None
