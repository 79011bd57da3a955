"""Which of a service's keys have a form on Kubernetes, and what is said of the others. Pure.

A key is expressed, told of in a line where only how fast or how tidily something runs depends on it, or refused by its name.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.runtime.compose.project import Service, Values
    from whit.runtime.scaleout.kubernetes.model import Context

EXPRESSED = frozenset(
    [
        "annotations",
        "build",
        "cap_add",
        "cap_drop",
        "command",
        "configs",
        "container_name",
        "cpu_period",
        "cpu_quota",
        "cpu_shares",
        "cpus",
        "depends_on",
        "deploy",
        "dns",
        "dns_opt",
        "dns_search",
        "entrypoint",
        "environment",
        "expose",
        "extra_hosts",
        "group_add",
        "healthcheck",
        "hostname",
        "image",
        "ipc",
        "labels",
        "links",
        "mem_limit",
        "mem_reservation",
        "network_mode",
        "networks",
        "pid",
        "pids_limit",
        "platform",
        "ports",
        "post_start",
        "pre_stop",
        "privileged",
        "pull_policy",
        "read_only",
        "restart",
        "runtime",
        "scale",
        "secrets",
        "security_opt",
        "shm_size",
        "stdin_open",
        "stop_grace_period",
        "storage_opt",
        "sysctls",
        "tmpfs",
        "tty",
        "user",
        "volumes",
        "working_dir",
    ]
)
_NOTHING = frozenset(["attach", "develop", "env_file", "extends", "label_file", "profiles", "pull_refresh_after"])
"""What is about this machine, or about how the file was read."""

_LOST = {
    "blkio_config": "there are no limits by device",
    "cgroup": "each container has one of its own",
    "cgroup_parent": "the kubelet chooses it",
    "cpuset": "the kubelet's CPU manager chooses the processors",
    "cpu_rt_period": "there is no real-time scheduling",
    "cpu_rt_runtime": "there is no real-time scheduling",
    "domainname": "names end in the cluster's domain",
    "init": "the program is process 1 itself, and reaps its children or doesn't",
    "logging": "the node keeps the logs",
    "mac_address": "the cluster's network chooses it",
    "mem_swappiness": "the node decides about swap",
    "memswap_limit": "the node decides about swap",
    "oom_kill_disable": "there is no such choice",
    "oom_score_adj": "the kubelet chooses it, by requests and limits",
    "stop_signal": "the image's own, or SIGTERM, is sent",
    "ulimits": "the node's runtime chooses them",
    "userns_mode": "the node chooses",
    "uts": "each pod has one of its own",
}
_REFUSED = {
    "credential_spec": "it is for Windows",
    "cpu_count": "it is for Windows: cpus",
    "cpu_percent": "it is for Windows: cpus",
    "device_cgroup_rules": "devices are a device plugin's",
    "devices": "devices are a device plugin's: add its resource with kustomize",
    "external_links": "put both into one project",
    "gpus": "add the device plugin's resource with kustomize",
    "isolation": "it is for Windows",
    "models": "make it a service",
    "pre_start": "a service of its own, with x-kubernetes: {init: true}",
    "provider": "make it a service",
    "use_api_socket": "there is no engine's socket on a node",
    "volumes_from": "name the volumes",
}
_OFF: tuple[object, ...] = (None, False, "", [], {}, ())


def check_keys(context: Context, service: Service) -> None:
    """Note what is lost. Raises :class:`UnsupportedError` for what can't be done without."""
    for key, value in service.values.items():
        here = ("services", service.name, key)
        if key in EXPRESSED or key in _NOTHING or key.startswith("x-") or value in _OFF:
            continue
        if key not in _LOST:
            raise context.refused(here, "Kubernetes has no form for it", _REFUSED.get(key, "take it out of the file"))
        context.tell(here, _LOST[key])
    for name in ("ipc", "pid", "network_mode"):
        mode = str(service.values.get(name) or "")
        if mode.startswith(("service:", "container:")):
            raise context.refused(("services", service.name, name), "pods share no namespaces", "talk by the network")
    for key in service.networks:
        use: Values = service.networks[key] or {}
        for name in use:
            if name != "aliases" and use[name] not in _OFF and not name.startswith("x-"):
                context.tell(("services", service.name, "networks", key, name), "the cluster's network decides")


def check_project(context: Context) -> None:
    """Of networks and volumes."""
    for key, values in context.project.networks.items():
        for name, value in (values or {}).items():
            if (
                name not in {"name", "internal", "external", "labels"}
                and value not in _OFF
                and not name.startswith("x-")
            ):
                context.tell(("networks", key, name), "the cluster's network decides")
    for key, values in context.project.volumes.items():
        for name in ("driver_opts", "driver"):
            value = (values or {}).get(name)
            if value and value != "local" and not (values or {}).get("external"):
                hint = "make the claim yourself, and say external: true"
                raise context.refused(("volumes", key, name), "Kubernetes' volumes have no such drivers", hint)
