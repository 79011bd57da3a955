"""The options that ``run``, ``plan`` and ``trace`` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("-e", "--env"), {"multiple": True, "metavar": "NAME[=VALUE]", "help": "Set a variable, or pass on your own."}),
    (("--env-file",), {"multiple": True, "metavar": "FILE", "help": "Set the variables of a file, a line each."}),
    (("--entrypoint",), {"metavar": "PROGRAM", "help": "Run this instead of the image's own program."}),
    (("-u", "--user"), {"metavar": "USER[:GROUP]", "help": "Run as this user; names are looked up in the image."}),
    (("-w", "--workdir"), {"metavar": "DIRECTORY", "help": "Start in this directory."}),
    (("-h", "--hostname"), {"metavar": "NAME", "help": "The container's host name."}),
    (
        ("--network", "--net"),
        {
            "multiple": True,
            "metavar": "NETWORK",
            "help": "What it is connected to: bridge, none, host, or networks of whit's (docs/networks.md).  [default: bridge]",
        },
    ),
    (("-m", "--memory"), {"metavar": "SIZE", "help": "At most this much memory: 64m, 1.5g."}),
    (("--cpus",), {"metavar": "NUMBER", "help": "At most this much CPU time: 0.5, 2."}),
    (
        ("--pids-limit",),
        {"metavar": "NUMBER", "help": "At most so many processes and threads, or 'max'. [default: 4096]"},
    ),
    (
        ("--ulimit",),
        {"multiple": True, "metavar": "NAME=SOFT[:HARD]", "help": "A resource limit, as setrlimit(2) has it."},
    ),
    (
        ("--cap-add",),
        {"multiple": True, "metavar": "CAPABILITY", "help": "Leave it this capability; none is left otherwise."},
    ),
    (
        ("-v", "--volume"),
        {"multiple": True, "metavar": "SOURCE:TARGET[:ro]", "help": "Show it a file or folder of the host."},
    ),
    (("--tmpfs",), {"multiple": True, "metavar": "TARGET[:OPTIONS]", "help": "An empty place to write, in memory."}),
    (
        ("--landlock",),
        {
            "is_flag": True,
            "help": "Let it execute nothing but itself, and write only where something is mounted for it.",
        },
    ),
    (
        ("--sandbox",),
        {
            "metavar": "strict[,bind=PORT][,connect=PORT][,exec=PATH][,log]",
            "help": "Leave it as little as is known of it: its own calls, its ports, no writing, no executing (docs/security.md).",
        },
    ),
    (("--init",), {"is_flag": True, "help": "A first process that reaps orphans and passes signals on."}),
    (
        ("--time-offset",),
        {"type": int, "metavar": "SECONDS", "help": "Set clocks since boot ahead, in a time namespace."},
    ),
    (("--timeout",), {"metavar": "TIME", "help": "End a WebAssembly program after this time: 500ms, 10s, 1m30s."}),
    (
        ("--fuel",),
        {
            "type": click.IntRange(1, (1 << 63) - 1),
            "metavar": "UNITS",
            "help": "End a WebAssembly program after about so many instructions, at the same one each time.",
        },
    ),
    (
        ("--sources",),
        {
            "type": click.Choice(["packages", "host"]),
            "default": "packages",
            "show_default": True,
            "help": "Whose certificates and time zones, when a file is packed: certifi and tzdata, or this machine.",
        },
    ),
    (
        ("--sysroot",),
        {"metavar": "FOLDER", "help": "Whose libraries, when a dynamic file is packed.  [default: this machine's]"},
    ),
    (
        ("--add",),
        {
            "multiple": True,
            "metavar": "SOURCE:/TARGET[:MODE]",
            "help": "Put a file or folder of yours beside a file when it is packed; --volume shows it without a copy.",
        },
    ),
    (
        ("--needs",),
        {
            "multiple": True,
            "metavar": "+NEED,-NEED…",
            "help": "Give a file that is packed what a need asks for, or leave it out: +zones,-mime.",
        },
    ),
)


def launch_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the arguments TARGET and ARGUMENTS and every option of a launch."""
    function = click.argument("arguments", nargs=-1, type=click.UNPROCESSED)(function)
    function = click.argument("target", metavar="FILE|IMAGE")(function)
    for names, settings in reversed(_OPTIONS):
        function = click.option(*names, **settings)(function)
    return function


def pull_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """When the image is pulled, for what runs it, and the image of which platform."""
    text = "Pull the image if it isn't there, each time, or not at all."
    kinds = click.Choice(["missing", "always", "never"])
    function = click.option("--pull", type=kinds, default="missing", show_default=True, help=text)(function)
    text = "Run the image's program for it: wasi/wasm where there is one for linux, too.  [default: this machine's]"
    return click.option("--platform", metavar="PLATFORM", help=text)(function)


SETTINGS = {"allow_interspersed_args": False, "help_option_names": ["--help"]}
"""Arguments after the target are the program's; -h is docker's short form of --hostname."""
