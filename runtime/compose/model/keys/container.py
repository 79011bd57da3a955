"""What every container has: a service's, a job's, and one before a service starts (compose-spec, 05-services.md)."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model import shortforms
from whit.runtime.compose.model.collections import ListOf, MapOf, Pairs, Record, Short, before_equals
from whit.runtime.compose.model.commands import Command
from whit.runtime.compose.model.keys.shared import FILE_MOUNT, GPUS, HOSTS, ULIMITS, FilePath
from whit.runtime.compose.model.kinds import OMIT, Kind, Sink, merged_mapping
from whit.runtime.compose.model.scalars import (
    DURATION,
    FLAG,
    FRACTION,
    KEPT_FLAG,
    SIZE,
    TEXT,
    WHOLE,
    Flag,
    Text,
    Whole,
)

if TYPE_CHECKING:
    from whit.runtime.compose.model.folders import Folder
    from whit.runtime.compose.model.nodes import Node, Path

_RATE = Record({"path": TEXT, "rate": SIZE}, extensions=False)
_WEIGHT = Record({"path": TEXT, "weight": Whole(0, 65535)}, extensions=False)
_BLKIO = Record(
    {
        "weight": Whole(0, 65535),
        "weight_device": ListOf(_WEIGHT),
        "device_read_bps": ListOf(_RATE),
        "device_read_iops": ListOf(_RATE),
        "device_write_bps": ListOf(_RATE),
        "device_write_iops": ListOf(_RATE),
    },
    extensions=False,
)

NETWORK_USE = Record(
    {
        "aliases": ListOf(key=before_equals),
        "driver_opts": Pairs(only_mapping=True),
        "gw_priority": WHOLE,
        "interface_name": TEXT,
        "ipv4_address": TEXT,
        "ipv6_address": TEXT,
        "link_local_ips": ListOf(key=before_equals),
        "mac_address": TEXT,
        "priority": WHOLE,
    }
)
"""How a service is in a network."""


class _Logging(Record):
    """``logging``: options of two files are merged only if both are for one driver."""

    def merge(self, base: Node, over: Node, path: Path) -> Node:
        if isinstance(base.value, dict) and isinstance(over.value, dict):
            first, second = base.value.get("driver"), over.value.get("driver")
            if first and second and first.value != second.value:
                return over
            return merged_mapping(base, over, path, self.kind)
        return super().merge(base, over, path)


class _Mount(Short):
    """One of ``volumes``; what is bound from this machine has an absolute path."""

    def located(self, node: Node, folder: Folder) -> Node:
        kind, source = node.get("type"), node.get("source")
        if not kind or kind.value != "bind":
            return node
        if source is None:
            raise node.wrong("a bind mount needs 'source': what of this machine is mounted")
        return node.made({**node.pairs(), "source": source._replace(value=folder.inside(str(source.value)))})


_MOUNT = _Mount(
    {
        "type": Text("bind", "volume", "tmpfs", "cluster", "npipe", "image"),
        "source": TEXT,
        "target": TEXT,
        "read_only": FLAG,
        "consistency": TEXT,
        "bind": Record(
            {
                "selinux": Text("z", "Z"),
                "propagation": TEXT,
                "create_host_path": Flag(opt_out=True),
                "recursive": Text("enabled", "disabled", "writable", "readonly"),
            }
        ),
        "volume": Record({"labels": Pairs(), "nocopy": FLAG, "subpath": TEXT}),
        "tmpfs": Record({"size": SIZE, "mode": Whole(0, 0o7777)}),
        "image": Record({"subpath": TEXT}),
    },
    shortforms.mount,
    required=("type",),
)


_ENV_FILE = Short(
    {"path": FilePath(), "required": Flag(opt_out=True), "format": TEXT},
    shortforms.env_file,
    required=("path",),
    extensions=False,
)


class _Secret(Short):
    """A secret in a container; by default it is in ``/run/secrets``, under its name."""

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        made = super().plain(node, path, sink)
        if isinstance(made, dict):
            made.setdefault("target", f"/run/secrets/{made.get('source', '')}")
        return made


class _Nameservers(ListOf):
    """``dns``: empty items, as an unset variable leaves, are none."""

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        items = [item for item in self._items(node, path) if item.value not in {None, ""}]
        return super().plain(node.made(items), path, sink) if items else OMIT


CONTAINER: dict[str, Kind] = {
    "annotations": Pairs(),
    "blkio_config": _BLKIO,
    "cap_add": ListOf(key=before_equals, distinct=True),
    "cap_drop": ListOf(key=before_equals, distinct=True),
    "cgroup": Text("host", "private"),
    "cgroup_parent": TEXT,
    "command": Command(),
    "configs": ListOf(FILE_MOUNT, key=shortforms.by_file("")),
    "cpu_count": Whole(0),
    "cpu_percent": Whole(0, 100),
    "cpu_period": WHOLE,
    "cpu_quota": WHOLE,
    "cpu_rt_period": WHOLE,
    "cpu_rt_runtime": WHOLE,
    "cpu_shares": WHOLE,
    "cpus": FRACTION,
    "cpuset": TEXT,
    "credential_spec": Record({"config": TEXT, "file": TEXT, "registry": TEXT}),
    "device_cgroup_rules": ListOf(distinct=True),
    "devices": ListOf(
        Short({"source": TEXT, "target": TEXT, "permissions": TEXT}, shortforms.device, required=("source",)),
        key=shortforms.by_target,
    ),
    "dns": _Nameservers(single=True, key=before_equals),
    "dns_opt": ListOf(key=before_equals),
    "dns_search": ListOf(single=True, key=before_equals),
    "domainname": TEXT,
    "entrypoint": Command(),
    "env_file": ListOf(_ENV_FILE, single=True, key=shortforms.by_path),
    "environment": Pairs(unset=True),
    "extra_hosts": HOSTS,
    "gpus": GPUS,
    "group_add": ListOf(Text(extra=(int, float)), distinct=True),
    "hostname": TEXT,
    "image": TEXT,
    "init": KEPT_FLAG,
    "ipc": TEXT,
    "isolation": TEXT,
    "label_file": ListOf(FilePath(), single=True, always_append=True),
    "labels": Pairs(),
    "logging": _Logging({"driver": TEXT, "options": Pairs(only_mapping=True)}),
    "mac_address": TEXT,
    "mem_limit": SIZE,
    "mem_reservation": SIZE,
    "mem_swappiness": SIZE,
    "memswap_limit": SIZE,
    "models": MapOf(Record({"endpoint_var": TEXT, "model_var": TEXT}), nullable=True, listed=shortforms.nothing),
    "network_mode": TEXT,
    "networks": MapOf(NETWORK_USE, nullable=True, listed=shortforms.nothing),
    "oom_kill_disable": FLAG,
    "oom_score_adj": Whole(-1000, 1000),
    "pid": Text(nullable=True),
    "pids_limit": WHOLE,
    "platform": TEXT,
    "privileged": FLAG,
    "pull_policy": Text(
        pattern="always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+"
    ),
    "pull_refresh_after": TEXT,
    "read_only": FLAG,
    "runtime": TEXT,
    "secrets": ListOf(_Secret(FILE_MOUNT.fields, FILE_MOUNT.expand), key=shortforms.by_file("/run/secrets")),
    "security_opt": ListOf(distinct=True),
    "shm_size": SIZE,
    "stop_grace_period": DURATION,
    "stop_signal": TEXT,
    "storage_opt": Pairs(only_mapping=True),
    "sysctls": Pairs(),
    "tmpfs": ListOf(single=True, key=before_equals),
    "ulimits": ULIMITS,
    "use_api_socket": Flag(texts=False),
    "user": TEXT,
    "userns_mode": TEXT,
    "uts": TEXT,
    "volumes": ListOf(_MOUNT, key=shortforms.by_target),
    "volumes_from": ListOf(distinct=True),
    "working_dir": TEXT,
}
"""``container_spec`` of the schema."""
