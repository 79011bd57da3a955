"""The options of ``run`` and ``create`` about what a container may do beyond the default. What they come to is in runtime/verbs/powers.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

_MANY: dict[str, Any] = {"multiple": True}

_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--memory-swap",), {"metavar": "SIZE", "help": "Memory and swap together; -1: any.  [default: no swap]"}),
    (("--memory-reservation",), {"metavar": "SIZE", "help": "What it is to keep where memory is short."}),
    (("-c", "--cpu-shares"), {"type": int, "metavar": "NUMBER", "help": "Its weight among others: 1024 is usual."}),
    (("--cpu-period",), {"type": int, "metavar": "MICROSECONDS", "help": "The period of --cpu-quota."}),
    (("--cpu-quota",), {"type": int, "metavar": "MICROSECONDS", "help": "CPU time in a period; -1: any."}),
    (("--cpuset-cpus",), {"metavar": "LIST", "help": "The processors that it may use: 0-3,7."}),
    (("--cpuset-mems",), {"metavar": "LIST", "help": "The memory nodes that it may use."}),
    (("--blkio-weight",), {"type": int, "metavar": "NUMBER", "help": "Its weight at block devices: 10 to 1000."}),
    (("--cap-drop",), {**_MANY, "metavar": "CAPABILITY", "help": "Take away what --cap-add ALL or --privileged gave."}),
    (("--privileged",), {"is_flag": True, "help": "Every capability and device, no filter: no wall at all."}),
    (("--security-opt",), {**_MANY, "metavar": "OPTION", "help": "seccomp=FILE|unconfined, apparmor=PROFILE, …"}),
    (("--device",), {**_MANY, "metavar": "SOURCE[:TARGET][:rwm]", "help": "A device of the host's."}),
    (("--device-cgroup-rule",), {**_MANY, "metavar": "RULE", "help": "Let it use devices: 'c 10:200 rwm'."}),
    (("--group-add",), {**_MANY, "metavar": "GROUP", "help": "One more group of its user's."}),
    (("--shm-size",), {"metavar": "SIZE", "help": "The size of its /dev/shm.  [default: 64m]"}),
    (("--sysctl",), {**_MANY, "metavar": "NAME=VALUE", "help": "A kernel parameter of its namespaces."}),
    (("--oom-score-adj",), {"type": int, "metavar": "NUMBER", "help": "How soon the kernel kills it for memory."}),
    (("--pid",), {"metavar": "host|container:NAME", "help": "Whose processes it sees."}),
    (("--ipc",), {"metavar": "host|container:NAME|none", "help": "Whose shared memory and queues it has."}),
    (("--uts",), {"metavar": "host", "help": "Have the host's name."}),
    (("--cgroupns",), {"metavar": "host|private", "help": "Whose cgroups it sees."}),
    (("--cgroup-parent",), {"metavar": "PATH", "help": "The cgroup above its own.  [default: /whit]"}),
    (("--domainname",), {"metavar": "NAME", "help": "Its NIS domain name."}),
)


def power_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command every such option."""
    for names, settings in reversed(_OPTIONS):
        function = click.option(*names, **settings)(function)
    return function
