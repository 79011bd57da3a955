"""What becomes of each key of a Compose file on Kubernetes: expressed, lost and told of, or refused. Pure data.

Records are named as in compose/fates.py, and as there each key of the model's tables is in exactly one of the three, of the
records that are looked into (tests/unit/runtime/test_kubernetes_keys.py).
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXPRESSED = {
    "project": "version name include services networks volumes secrets configs",
    # attach, develop, env_file, extends, label_file and profiles are about this machine, or about how the file was read.
    "service": """
        attach develop env_file extends label_file profiles pull_refresh_after
        annotations build cap_add cap_drop command configs container_name cpu_period cpu_quota cpu_shares cpus depends_on deploy dns dns_opt
        dns_search entrypoint environment expose extra_hosts group_add healthcheck hostname image ipc labels links mem_limit mem_reservation
        network_mode networks pid platform ports post_start pre_stop privileged pull_policy read_only restart runtime scale secrets
        security_opt shm_size stdin_open stop_grace_period storage_opt sysctls tmpfs tty user volumes working_dir
    """,
    "service.configs": "source target uid gid mode",
    "service.secrets": "source target uid gid mode",
    "service.depends_on.*": "condition restart required",
    "service.deploy": "mode replicas resources restart_policy endpoint_mode placement update_config labels",
    "service.deploy.placement": "constraints preferences max_replicas_per_node",
    "service.deploy.placement.preferences": "spread",
    "service.deploy.resources": "limits reservations",
    "service.deploy.resources.limits": "cpus memory",
    "service.deploy.resources.reservations": "cpus memory",
    "service.deploy.restart_policy": "condition max_attempts",
    "service.deploy.update_config": "parallelism delay order",
    "service.healthcheck": "test timeout interval retries start_period disable",
    "service.networks.*": "aliases",
    "service.ports": "name mode host_ip target published protocol app_protocol",
    "service.post_start": "command",
    "service.pre_stop": "command",
    # 'consistency' means nothing on Linux, 'create_host_path' and 'nocopy' nothing where there is nothing to make or to copy.
    "service.volumes": "type source target read_only consistency bind volume tmpfs",
    "service.volumes.bind": "create_host_path",
    "service.volumes.volume": "nocopy subpath",
    "service.volumes.tmpfs": "size",
    "network": "name external internal attachable",
    "volume": "name driver external",
    "secret": "name file environment external",
    "config": "name file environment content external",
}
EXPRESSED: Mapping[str, frozenset[str]] = {record: frozenset(keys.split()) for record, keys in _EXPRESSED.items()}

_NETWORK = "the cluster's network decides"
_SCHEDULING = "there is no real-time scheduling"
_SWAP = "the node decides about swap"
_PROCESSES = "each node's kubelet limits them (podPidsLimit)"
_WAITS = "the kubelet waits 10 s, and twice as long each time"
_STILL = "an update that fails stands still: kubectl rollout undo"
_NODES = "the node's runtime decides"
_LABELS = "these labels go nowhere"
LOST: Mapping[str, Mapping[str, str]] = {
    "project": {
        "jobs": "isn't written: jobs have no form here yet",
        "models": "isn't written: there is no runner of models",
    },
    "service": {
        "blkio_config": "there are no limits by device",
        "cgroup": "each container has one of its own",
        "cgroup_parent": "the kubelet chooses it",
        "cpuset": "the kubelet's CPU manager chooses the processors",
        "cpu_rt_period": _SCHEDULING,
        "cpu_rt_runtime": _SCHEDULING,
        "domainname": "names end in the cluster's domain",
        "init": "the program is process 1 itself, and reaps its children or doesn't",
        "logging": "the node keeps the logs",
        "mac_address": _NETWORK,
        "mem_swappiness": _SWAP,
        "memswap_limit": _SWAP,
        "oom_kill_disable": "there is no such choice",
        "oom_score_adj": "the kubelet chooses it, by requests and limits",
        "pids_limit": _PROCESSES,
        "stop_signal": "the image's own, or SIGTERM, is sent",
        "ulimits": _NODES,
        "userns_mode": _NODES,
        "uts": "each pod has one of its own",
    },
    "service.deploy": {"rollback_config": "a rollback goes as an update does"},
    "service.deploy.resources.limits": {"pids": _PROCESSES},
    "service.deploy.restart_policy": {"delay": _WAITS, "window": _WAITS},
    "service.deploy.update_config": dict.fromkeys(("failure_action", "monitor", "max_failure_ratio"), _STILL),
    "service.healthcheck": {"start_interval": "probes are as far apart from the beginning as later"},
    "service.networks.*": dict.fromkeys(
        (
            "driver_opts",
            "gw_priority",
            "interface_name",
            "ipv4_address",
            "ipv6_address",
            "link_local_ips",
            "mac_address",
            "priority",
        ),
        _NETWORK,
    ),
    "service.volumes.bind": dict.fromkeys(("propagation", "recursive", "selinux"), _NODES),
    "service.volumes.volume": {"labels": _LABELS},
    "service.volumes.tmpfs": {"mode": "all may write there"},
    "network": {
        **dict.fromkeys(("driver", "driver_opts", "ipam", "enable_ipv4", "enable_ipv6"), _NETWORK),
        "labels": _LABELS,
    },
    "volume": {"labels": _LABELS},
    "secret": {"labels": _LABELS},
    "config": {"labels": _LABELS},
}
"""Only how fast, how tidily or where something runs depends on it: said once, by its place."""

_WINDOWS = "it is for Windows"
_PLUGIN = "add the device plugin's resource with kustomize"
_HOOK = "a hook runs as its container does"
_TEMPLATE = "write the value itself"
REFUSED: Mapping[str, Mapping[str, str]] = {
    "service": {
        "credential_spec": _WINDOWS,
        "cpu_count": f"{_WINDOWS}: cpus",
        "cpu_percent": f"{_WINDOWS}: cpus",
        "device_cgroup_rules": _PLUGIN,
        "devices": _PLUGIN,
        "external_links": "put both into one project",
        "gpus": _PLUGIN,
        "isolation": _WINDOWS,
        "models": "make it a service",
        "pre_start": "a service of its own, with x-kubernetes: {init: true}",
        "provider": "make it a service",
        "use_api_socket": "there is no engine's socket on a node",
        "volumes_from": "name the volumes",
    },
    "service.deploy.resources.reservations": {"devices": _PLUGIN, "generic_resources": _PLUGIN},
    "service.post_start": dict.fromkeys(("user", "privileged", "working_dir", "environment"), _HOOK),
    "service.pre_stop": dict.fromkeys(("user", "privileged", "working_dir", "environment"), _HOOK),
    "service.volumes": {"image": "a volume, tmpfs, a config or a secret"},
    "volume": {"driver_opts": "make the claim yourself, and say external: true"},
    "secret": dict.fromkeys(("driver", "driver_opts", "template_driver"), _TEMPLATE),
    "config": {"template_driver": _TEMPLATE},
}
"""With a hint."""
