"""What becomes of a service's keys on Swarm: kept, told of and left out, or refused. Pure.

The dialect is docker/cli's Compose file format 3.13, as ``docker stack config`` checks it; what it takes and then passes over
(``privileged``, ``devices`` …) is refused here by its name, for a program would do without and nobody would know.
"""

from __future__ import annotations

KEPT = frozenset(
    [
        "cap_add",
        "cap_drop",
        "command",
        "dns",
        "dns_search",
        "entrypoint",
        "hostname",
        "image",
        "init",
        "isolation",
        "labels",
        "logging",
        "read_only",
        "stdin_open",
        "stop_grace_period",
        "stop_signal",
        "sysctls",
        "tty",
        "ulimits",
        "user",
        "working_dir",
    ]
)
"""As they are."""

CHANGED = frozenset(
    [
        "configs",
        "cpus",
        "depends_on",
        "deploy",
        "environment",
        "extra_hosts",
        "healthcheck",
        "links",
        "mem_limit",
        "mem_reservation",
        "network_mode",
        "networks",
        "pids_limit",
        "platform",
        "ports",
        "restart",
        "scale",
        "secrets",
        "shm_size",
        "tmpfs",
        "volumes",
    ]
)
"""Each with a function of its own in dialect.py, mounting.py or networking.py."""

SILENT = frozenset(("env_file", "extends", "label_file", "profiles"))
"""What the canonical configuration has worked out already."""

LEFT_OUT = {
    "attach": "a stack's logs are those of 'docker service logs'",
    "build": "the image is built and pushed before; nodes pull it",
    "container_name": "tasks are called STACK_SERVICE.NUMBER.ID",
    "develop": "nothing is watched on Swarm",
    "expose": "all ports are open to whoever is in the same network",
    "pull_policy": "each node pulls what it doesn't have",
    "pull_refresh_after": "each node pulls what it doesn't have",
}
"""Told of, in these words."""

REFUSED = {
    "cgroup_parent": "deploy.resources sets limits",
    "cpu_period": "cpus, or deploy.resources.limits.cpus",
    "cpu_quota": "cpus, or deploy.resources.limits.cpus",
    "cpu_shares": "deploy.resources.reservations.cpus",
    "cpuset": "cpus, or deploy.resources.limits.cpus",
    "credential_spec": "it is for Windows",
    "devices": "Swarm gives none: deploy.resources.reservations.generic_resources, and a volume for the device",
    "domainname": "put it into hostname",
    "ipc": "Swarm's tasks share nothing with each other",
    "memswap_limit": "mem_limit; the nodes decide on swap",
    "oom_kill_disable": "mem_limit gives it more",
    "pid": "Swarm's tasks share nothing with each other",
    "post_start": "let the program do it; Swarm has no hooks",
    "pre_start": "let the program do it; Swarm has no hooks",
    "pre_stop": "let the program do it; Swarm has no hooks",
    "privileged": "name what it needs: cap_add",
    "security_opt": "Swarm's tasks have the engine's own",
    "userns_mode": "the engines decide on it",
    "uts": "Swarm's tasks share nothing with each other",
    "volumes_from": "name the volumes in both services",
}
"""With what to write instead; any other key that isn't in these tables is refused without."""

OFF: tuple[object, ...] = (None, False, "", [], {}, ())
"""Values that say no more than none."""
