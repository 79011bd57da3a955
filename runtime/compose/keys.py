"""Which of a service's keys whit honours, and what is said of the others. Pure.

A key is honoured, refused by its name and place, or, where it is for several hosts, told of once: never passed over.
"""

from __future__ import annotations

from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.runtime.compose.project import Project, Service, Values

    Where = Callable[[tuple[str, ...]], str]
    """A path in the configuration → ``FILE:LINE:COLUMN: ``, or nothing."""

HONOURED = frozenset(
    [
        "attach",
        "build",
        "cap_add",
        "cap_drop",
        "cgroup",
        "cgroup_parent",
        "command",
        "configs",
        "container_name",
        "cpu_period",
        "cpu_quota",
        "cpu_shares",
        "cpus",
        "cpuset",
        "depends_on",
        "deploy",
        "develop",
        "device_cgroup_rules",
        "devices",
        "dns",
        "dns_opt",
        "dns_search",
        "domainname",
        "entrypoint",
        "environment",
        "expose",
        "extra_hosts",
        "group_add",
        "healthcheck",
        "hostname",
        "image",
        "init",
        "ipc",
        "labels",
        "links",
        "logging",
        "mac_address",
        "mem_limit",
        "mem_reservation",
        "memswap_limit",
        "network_mode",
        "networks",
        "oom_score_adj",
        "pid",
        "pids_limit",
        "platform",
        "ports",
        "post_start",
        "pre_stop",
        "privileged",
        "profiles",
        "pull_policy",
        "pull_refresh_after",
        "read_only",
        "restart",
        "scale",
        "secrets",
        "security_opt",
        "shm_size",
        "stdin_open",
        "stop_grace_period",
        "stop_signal",
        "storage_opt",
        "sysctls",
        "tmpfs",
        "tty",
        "ulimits",
        "user",
        "uts",
        "volumes",
        "volumes_from",
        "working_dir",
        "env_file",
        "label_file",
        "extends",
    ]
)
_REFUSED = {
    "blkio_config": "limits by device aren't there",
    "cpu_count": "it is for Windows: cpus",
    "cpu_percent": "it is for Windows: cpus",
    "cpu_rt_period": "there is no real-time scheduling here",
    "cpu_rt_runtime": "there is no real-time scheduling here",
    "credential_spec": "it is for Windows",
    "external_links": "put both into one network, and name it there",
    "gpus": "name the devices: devices",
    "isolation": "it is for Windows",
    "mem_swappiness": "memswap_limit says how much swap there is",
    "models": "there is no runner of models",
    "oom_kill_disable": "mem_limit gives it more",
    "pre_start": "a service of its own, with depends_on and service_completed_successfully",
    "provider": "there are no providers",
    "runtime": "whit runs it itself",
    "use_api_socket": "there is no daemon, and so no socket of one",
    "userns_mode": "whit chooses it",
    "annotations": "labels",
}
_HOSTS = ("endpoint_mode", "placement", "rollback_config", "update_config", "labels")
"""Of ``deploy``: what is for several hosts, and means nothing on one."""

_DEPLOY = frozenset((*_HOSTS, "mode", "replicas", "resources", "restart_policy"))
_OFF: tuple[object, ...] = (None, False, "", [], {}, ())


def check_keys(project: Project, services: tuple[str, ...], where: Where) -> tuple[str, ...]:
    """Notes for people; raises :class:`UnsupportedError` for the first key that can't be honoured."""
    notes: list[str] = []
    for name in services:
        service = project.services[name]
        for key, value in service.values.items():
            if key in HONOURED or key.startswith("x-") or value in _OFF:
                continue
            raise refused(where, ("services", name, key), _REFUSED.get(key, ""))
        notes += _deploy(service, where)
    for kind in ("secrets", "configs"):
        _check_files(project, services, kind, where)
    for key, values in project.networks.items():
        _check_network(key, values or {}, where)
    for key, values in project.volumes.items():
        driver = (values or {}).get("driver") or "local"
        if driver != "local" and not (values or {}).get("external"):
            raise refused(where, ("volumes", key, "driver"), "there is local alone", str(driver))
    return tuple(notes)


def refused(where: Where, path: tuple[str, ...], hint: str = "", value: str = "") -> UnsupportedError:
    """What is said of a key that can't be honoured."""
    what = f"{path[-1]}: {value}" if value else path[-1]
    whose = ".".join(path[:-1])
    return UnsupportedError(f"{where(path)}{whose}: whit can't do '{what}'", hint=hint or "take it out of the file")


def _deploy(service: Service, where: Where) -> Iterator[str]:
    deploy: Values = service.values.get("deploy") or {}
    place = ("services", service.name, "deploy")
    mode = deploy.get("mode") or "replicated"
    if mode not in {"replicated", "global"}:
        raise refused(where, (*place, "mode"), "replicated, or global", str(mode))
    for key, value in deploy.items():
        if key in _HOSTS and value not in _OFF:
            yield f"{where((*place, key))}services.{service.name}.deploy.{key} is for several hosts, and means nothing on one"
        elif key not in _DEPLOY and not key.startswith("x-") and value not in _OFF:
            raise refused(where, (*place, key))
    resources: Values = deploy.get("resources") or {}
    known = {"limits": {"cpus", "memory", "pids"}, "reservations": {"cpus", "memory"}}
    for part, values in resources.items():
        for key, value in (values or {}).items():
            if key not in known.get(part, set()) and value not in _OFF:
                raise refused(
                    where, (*place, "resources", part, key), "name devices in devices" if key == "devices" else ""
                )
    policy: Values = deploy.get("restart_policy") or {}
    for key in ("delay", "window"):
        if policy.get(key):
            yield f"{where((*place, 'restart_policy', key))}services.{service.name}.deploy.restart_policy.{key}: whit waits 100 ms, and twice as long each time"


def _check_files(project: Project, services: tuple[str, ...], kind: str, where: Where) -> None:
    used = {key for name in services for what, key in project.services[name].files() if what == kind}
    known = project.secrets if kind == "secrets" else project.configs
    for key in sorted(used & set(known)):
        values = known[key] or {}
        if values.get("external"):
            hint = "file:, environment:" + (", content:" if kind == "configs" else "")
            raise refused(where, (kind, key, "external"), f"nobody keeps {kind} for all projects here: {hint}")
        for name in ("driver", "template_driver"):
            if values.get(name):
                raise refused(where, (kind, key, name))


def _check_network(key: str, values: Values, where: Where) -> None:
    driver = values.get("driver") or "bridge"
    if driver != "bridge" and not values.get("external"):
        raise refused(where, ("networks", key, "driver"), "networks of whit's are bridges", str(driver))
    if values.get("enable_ipv4") is False:
        raise refused(where, ("networks", key, "enable_ipv4"), "a network has IPv4 in any case")
    ipam: Values = values.get("ipam") or {}
    if (ipam.get("driver") or "default") != "default":
        raise refused(where, ("networks", key, "ipam", "driver"), "", str(ipam["driver"]))
    for config in ipam.get("config") or ():
        if config.get("aux_addresses"):
            raise refused(where, ("networks", key, "ipam", "aux_addresses"), "ip_range keeps addresses free")
