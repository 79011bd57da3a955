"""What becomes of each key of a Compose file when whit runs it: honoured, refused, or told of. Pure data.

A record is named by the way to it: ``service.build`` is what stands below a service's ``build``. Each key of the model's tables (model/keys/) is in
exactly one of the three (tests/unit/runtime/test_compose_fates.py); keyless parts, as environments and labels, are honoured with what they are below.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_HONOURED = {
    "project": "version name include services networks volumes secrets configs",
    "service": """
        annotations attach build cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_period cpu_quota cpu_shares cpus cpuset depends_on
        deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file environment expose extends extra_hosts
        group_add healthcheck hostname image init ipc label_file labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit
        network_mode networks oom_score_adj pid pids_limit platform ports post_start pre_start pre_stop privileged profiles pull_policy pull_refresh_after
        read_only restart scale secrets security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits user
        uts volumes volumes_from working_dir
    """,
    "service.build": """
        context dockerfile dockerfile_inline args labels target network platforms tags cache_from cache_to no_cache no_cache_filter pull
        additional_contexts secrets ssh provenance sbom
    """,
    "service.build.secrets": "source target",
    "service.configs": "source target uid gid mode",
    "service.secrets": "source target uid gid mode",
    "service.depends_on.*": "condition restart required",
    "service.deploy": "mode replicas resources restart_policy update_config",
    "service.deploy.resources": "limits reservations",
    "service.deploy.resources.limits": "cpus memory pids",
    "service.deploy.resources.reservations": "cpus memory",
    "service.deploy.restart_policy": "condition max_attempts",
    # What 'order' says is what 'up' is told by --rolling.
    "service.deploy.update_config": "delay order",
    "service.develop": "watch",
    "service.develop.watch": "path action target exec include ignore initial_sync",
    "service.develop.watch.exec": "command user privileged working_dir environment",
    "service.devices": "source target permissions",
    "service.env_file": "path required format",
    "service.extends": "service file",
    "service.healthcheck": "test timeout interval retries start_period start_interval disable",
    "service.logging": "driver options",
    "service.networks.*": "aliases gw_priority interface_name ipv4_address ipv6_address mac_address priority",
    # 'name' and 'app_protocol' are for who reads the file.
    "service.ports": "name mode host_ip target published protocol app_protocol",
    "service.post_start": "command user privileged working_dir environment",
    "service.pre_stop": "command user privileged working_dir environment",
    "service.ulimits.*": "soft hard",
    # 'consistency' means nothing on Linux.
    "service.volumes": "type source target read_only consistency bind volume tmpfs",
    "service.volumes.bind": "propagation create_host_path recursive",
    "service.volumes.volume": "nocopy",
    "service.volumes.tmpfs": "size mode",
    # Every container may join a network of whit's.
    "network": "name driver driver_opts ipam external internal attachable labels enable_ipv4 enable_ipv6",
    "network.ipam": "driver config",
    "network.ipam.config": "subnet gateway ip_range",
    "volume": "name driver driver_opts external labels",
    "secret": "name file environment external",
    "config": "name file environment content external",
}
_OF_SERVICES = frozenset(
    [
        "attach",
        "build",
        "container_name",
        "depends_on",
        "deploy",
        "develop",
        "expose",
        "extends",
        "external_links",
        "healthcheck",
        "links",
        "ports",
        "post_start",
        "pre_start",
        "pre_stop",
        "profiles",
        "provider",
        "restart",
        "scale",
        "stdin_open",
        "tty",
    ]
)
"""What a service has, and no container that runs before it: ``pre_start``."""


def _with_hooks(table: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """A table that says the same of the containers before a service as of the service itself."""
    made = dict(table)
    for record, keys in table.items():
        service, _, rest = record.partition(".")
        if service == "service" and rest.partition(".")[0] not in _OF_SERVICES:
            own = {key: text for key, text in keys.items() if rest or key not in _OF_SERVICES}
            made[f"service.pre_start{'.' if rest else ''}{rest}"] = own
    return made


_KEYS = _with_hooks({record: dict.fromkeys(keys.split(), "") for record, keys in _HONOURED.items()})
HONOURED: Mapping[str, frozenset[str]] = {record: frozenset(keys) for record, keys in _KEYS.items()}

_REFUSED: dict[str, dict[str, str]] = {
    "service": {
        "blkio_config": "limits by device aren't there",
        "cpu_count": "it is for Windows: cpus",
        "cpu_percent": "it is for Windows: cpus",
        "cpu_rt_period": "there is no real-time scheduling here",
        "cpu_rt_runtime": "there is no real-time scheduling here",
        "credential_spec": "it is for Windows",
        "external_links": "put both into one network, and name it there",
        "gpus": "name the devices: devices",
        "isolation": "it is for Windows",
        "models": "there is no runner of models",
        "oom_kill_disable": "mem_limit gives it more",
        "provider": "there are no providers",
        "runtime": "whit runs it itself",
        "use_api_socket": "there is no daemon, and so no socket of one",
        "userns_mode": "whit chooses it",
    },
    "service.build": {
        "entitlements": "RUN has what whit build gives it: network: host, or --mount",
        "extra_hosts": "whit build has no names of its own in RUN",
        "isolation": "it is for Windows",
        "privileged": "whit build gives RUN no more than a container has",
        "shm_size": "RUN has 64 MiB of shared memory; --mount=type=tmpfs has as much as it says",
        "ulimits": "RUN has the limits of whoever builds",
    },
    "service.build.secrets": {
        "uid": "RUN --mount=type=secret,uid=… in the Dockerfile",
        "gid": "RUN --mount=type=secret,gid=… in the Dockerfile",
        "mode": "RUN --mount=type=secret,mode=… in the Dockerfile",
    },
    "service.deploy.resources.reservations": {
        "devices": "name devices in devices",
        "generic_resources": "name devices in devices",
    },
    "service.networks.*": {
        "driver_opts": "an endpoint has no options",
        "link_local_ips": "ipv4_address, ipv6_address",
    },
    "service.volumes": {"image": "bind, volume or tmpfs"},
    "service.volumes.volume": {
        "labels": "volumes have labels at the file's top",
        "subpath": "mount all of it",
    },
    "network.ipam": {"options": ""},
    "network.ipam.config": {"aux_addresses": "ip_range keeps addresses free"},
    "secret": {"driver": "", "driver_opts": "", "template_driver": ""},
    "config": {"template_driver": ""},
}
_REFUSED_HOOKS = _with_hooks(_REFUSED)
REFUSED: Mapping[str, Mapping[str, str]] = {
    **_REFUSED_HOOKS,
    "service.pre_start": {
        **_REFUSED_HOOKS["service.pre_start"],
        "per_replica": "it runs once for all of a service's containers",
    },
}
"""With a hint; by default the one is to take it out of the file."""

_HOSTS = "is for several hosts, and means nothing on one"
_WAITS = "whit waits 100 ms, and twice as long each time"
_UNLABELLED = "labels nothing: it is a file in the container's memory"
_TOLD: dict[str, dict[str, str]] = {
    "project": {
        "jobs": "isn't run: whit compose up runs services",
        "models": "isn't run: there is no runner of models",
    },
    "service.deploy": dict.fromkeys(("endpoint_mode", "placement", "rollback_config", "labels"), _HOSTS),
    "service.deploy.restart_policy": {"delay": _WAITS, "window": _WAITS},
    "service.deploy.update_config": dict.fromkeys(
        ("failure_action", "max_failure_ratio", "monitor", "parallelism"), _HOSTS
    ),
    "service.volumes.bind": {"selinux": "labels nothing: whit leaves SELinux's labels of the host's files alone"},
    "secret": {"labels": _UNLABELLED},
    "config": {"labels": _UNLABELLED},
}  # fmt: skip
TOLD: Mapping[str, Mapping[str, str]] = _with_hooks(_TOLD)
"""What has no effect, and does no harm: said once, by its place."""

ONLY: Mapping[tuple[str, str], tuple[tuple[str, ...], str]] = {
    ("service.deploy", "mode"): (("replicated", "global"), "replicated, or global"),
    ("service.volumes", "type"): (("bind", "volume", "tmpfs"), "bind, volume or tmpfs"),
    ("service.pre_start.volumes", "type"): (("bind", "volume", "tmpfs"), "bind, volume or tmpfs"),
    ("service.build", "network"): (("default", "none", "host"), "default, none or host"),
    ("network", "driver"): (("bridge",), "networks of whit's are bridges"),
    ("network.ipam", "driver"): (("default",), ""),
    ("volume", "driver"): (("local",), "there is local alone"),
}
"""Keys of which some values are honoured, and a hint for the others."""
