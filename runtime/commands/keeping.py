"""The options of ``run`` and ``create`` that are about a container that is kept. What they come to is in runtime/verbs/keeping.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

_MANY: dict[str, Any] = {"multiple": True}

_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--name",), {"metavar": "NAME", "help": "The container's name.  [default: made up]"}),
    (("-t", "--tty"), {"is_flag": True, "help": "Give it a terminal."}),
    (
        ("-p", "--publish"),
        {
            **_MANY,
            "metavar": "[IP:][HOST:]CONTAINER[/udp]",
            "help": "Publish a port; at 127.0.0.1 unless told otherwise.",
        },
    ),
    (("-P", "--publish-all"), {"is_flag": True, "help": "Publish all exposed ports at free ones."}),
    (("--expose",), {**_MANY, "metavar": "PORT[/udp]", "help": "Expose a port, beside the image's."}),
    (
        ("--restart",),
        {"metavar": "POLICY", "help": "Start it again: no, always, unless-stopped, on-failure[:MOST].  [default: no]"},
    ),
    (("-l", "--label"), {**_MANY, "metavar": "NAME=VALUE", "help": "A label of the container's."}),
    (("--label-file",), {**_MANY, "metavar": "FILE", "help": "Labels, a line each."}),
    (("--stop-signal",), {"metavar": "SIGNAL", "help": "What stops it.  [default: the image's, or SIGTERM]"}),
    (
        ("--stop-timeout",),
        {"type": int, "metavar": "SECONDS", "help": "How long it may take to stop; -1: for ever.  [default: 10]"},
    ),
    (
        ("--health-cmd",),
        {"metavar": "COMMAND", "help": 'It is well when this succeeds: a line for its shell, or ["PROGRAM", …].'},
    ),
    (("--health-tcp",), {"metavar": "[ADDRESS]:PORT", "help": "It is well when it takes connections."}),
    (("--health-http",), {"metavar": "[ADDRESS]:PORT/PATH", "help": "It is well when it answers 2xx or 3xx."}),
    (("--health-interval",), {"metavar": "TIME", "help": "How often that is looked at.  [default: 30s]"}),
    (("--health-timeout",), {"metavar": "TIME", "help": "How long an answer may take.  [default: 30s]"}),
    (("--health-start-period",), {"metavar": "TIME", "help": "How long it may take to become well.  [default: 0s]"}),
    (("--health-start-interval",), {"metavar": "TIME", "help": "How often it is looked at meanwhile.  [default: 5s]"}),
    (
        ("--health-retries",),
        {"type": int, "metavar": "NUMBER", "help": "After so many failures it is unwell.  [default: 3]"},
    ),
    (("--no-healthcheck",), {"is_flag": True, "help": "Don't look, whatever the image says."}),
    (("--log-driver",), {"metavar": "cri|none", "help": "Where its output goes: a file (whit logs), or nowhere."}),
    (
        ("--log-opt",),
        {**_MANY, "metavar": "NAME=VALUE", "help": "max-size=10m, max-file=3, labels=, env= (for logs --details)."},
    ),
    (("--network-alias", "--net-alias"), {**_MANY, "metavar": "NAME", "help": "One more name in its first network."}),
    (("--ip",), {"metavar": "ADDRESS", "help": "Its address in its first network."}),
    (("--ip6",), {"metavar": "ADDRESS", "help": "Its IPv6 address there."}),
    (("--mac-address",), {"metavar": "ADDRESS", "help": "Its MAC address there."}),
    (("--add-host",), {**_MANY, "metavar": "NAME:ADDRESS", "help": "A line for its /etc/hosts."}),
    (("--dns",), {**_MANY, "metavar": "ADDRESS", "help": "Its name server."}),
    (("--dns-search",), {**_MANY, "metavar": "DOMAIN", "help": "Where names without dots are sought."}),
    (("--dns-option",), {**_MANY, "metavar": "OPTION", "help": "An option of its resolv.conf."}),
    (
        ("--read-only/--writable",),
        {"default": None, "help": "Whether its root can be written.  [default: not, in images that whit packed]"},
    ),
    (("--storage-opt",), {**_MANY, "metavar": "size=SIZE", "help": "How much it may write to its root."}),
    (("--mount",), {**_MANY, "metavar": "type=…,source=…,target=…", "help": "A bind, volume or tmpfs."}),
    (("--volumes-from",), {**_MANY, "metavar": "CONTAINER[:ro]", "help": "The volumes of another container."}),
    (
        ("--secret",),
        {
            **_MANY,
            "metavar": "source=FILE,target=NAME",
            "help": "A file in memory, in /run/secrets; env=NAME: a variable's value.",
        },
    ),
    (("--cidfile",), {"metavar": "FILE", "help": "Write the container's ID there."}),
)


def keeping_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command every option of a container that is kept."""
    for names, settings in reversed(_OPTIONS):
        function = click.option(*names, **settings)(function)
    return function
