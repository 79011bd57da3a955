"""``features``: what this runtime does, as JSON (OCI runtime-spec, features)."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING

from whit.runtime.capabilities import NAMES
from whit.runtime.oci.mountspec import ATTRIBUTES, NOTHING, PROPAGATION, SUPERBLOCK
from whit.runtime.oci.spec import VERSION

if TYPE_CHECKING:
    from whit.runtime.oci.arguments import Call
    from whit.runtime.oci.log import Log

HOOKS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
MOUNT_OPTIONS = (
    *ATTRIBUTES, *(f"r{name}" for name in ATTRIBUTES), *PROPAGATION, *SUPERBLOCK, *NOTHING,
    "bind", "rbind", "remount", "tmpcopyup", "idmap", "ridmap",
)  # fmt: skip
NAMESPACES = ("cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts")


def features(_call: Call, _log: Log) -> None:
    """Print it."""
    from whit.runtime.oci.cli import show  # noqa: PLC0415 - it imports this

    # What asks systemd is an extra (pyproject.toml).
    systemd = find_spec("jeepney") is not None
    document = {
        "ociVersionMin": "1.0.0",
        "ociVersionMax": VERSION,
        "hooks": HOOKS,
        "mountOptions": sorted(set(MOUNT_OPTIONS)),
        "linux": {
            "namespaces": NAMESPACES,
            "capabilities": [f"CAP_{name}" for name in NAMES],
            "cgroup": {"v1": True, "v2": True, "systemd": systemd, "systemdUser": systemd, "rdma": True},
            "seccomp": {"enabled": True},
            "apparmor": {"enabled": True},
            "selinux": {"enabled": True},
            "intelRdt": {"enabled": False},
            "netDevices": {"enabled": True},
        },
    }
    show(json.dumps(document, indent=4) + "\n")
