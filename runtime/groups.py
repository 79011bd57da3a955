"""The command line's groups: verbs by what they are about, as docker has them, loaded when they are called.

A verb of a group is most often one that is there without it, under the same module: nothing is written twice.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

Table = dict[str, tuple[str, str]]
"""Verb → module, or MODULE:NAME, that holds a click command (called ``command``), and the line that ``--help`` shows."""

COMMON = ("run", "exec", "ps", "logs", "stop", "rm", "pack", "images", "inspect", "lint", "trace")
"""What ``--help`` shows first."""

_SETTINGS = {"help_option_names": ["-h", "--help"]}
_HERE = "whit.runtime.commands"
_SWARM = "whit.runtime.scaleout.swarm.commands"
_ALSO = {"list": "ls", "ps": "ls", "remove": "rm"}
"""Docker's other names for verbs of its groups."""

GROUPS: dict[str, tuple[str, str, Table]] = {
    "container": (
        "Manage containers",
        """attach commit cp create debug diff exec export kill logs ls=ps pause port rename restart rm run
        start stats stop top unpause update wait""",
        {
            "inspect": (f"{_HERE}.inspect:container", "Show containers in full"),
            "prune": (f"{_HERE}.prune:container", "Remove all containers that don't run"),
        },
    ),
    "image": (
        "Manage images",
        "build history import load pull push save tag ls=images rm=rmi",
        {
            "diff": ("whit.packer.commands.imagediff", "Show what one image has that another hasn't"),
            "inspect": (f"{_HERE}.inspect:image", "Show images in full"),
            "prune": (f"{_HERE}.prune:image", "Remove unused images"),
        },
    ),
    "builder": (
        "Manage builds",
        "build",
        {"prune": (f"{_HERE}.prune:builder", "Remove what builds keep")},
    ),
    "system": (
        "Manage all that whit keeps",
        "events info",
        {
            "df": (f"{_HERE}.df", "Show how much of the disk is used"),
            "prune": (f"{_HERE}.prune:system", "Remove what isn't used"),
            "restore": (f"{_HERE}.restore", "Start containers again after the machine's restart"),
        },
    ),
    "kube": (
        "Manage what Kubernetes is given",
        "",
        {
            "generate": (
                "whit.runtime.scaleout.kubernetes.commands.generate",
                "Write a Compose file's services as Kubernetes manifests",
            )
        },
    ),
    "stack": (
        "Manage Compose files on Docker Swarm",
        "",
        {
            "deploy": (f"{_SWARM}.deploy", "Have a swarm run what a Compose file describes"),
            "config": (f"{_SWARM}.config", "Show a Compose file as a stack file, and what is otherwise there"),
            "ls": (f"{_SWARM}.listing", "List stacks"),
            "ps": (f"{_SWARM}.listing:tasks", "List a stack's tasks"),
            "services": (f"{_SWARM}.listing:services", "List a stack's services"),
            "scale": (f"{_SWARM}.changing", "Have so many tasks of services"),
            "rm": (f"{_SWARM}.changing:remove", "Remove stacks"),
        },
    ),
    "generate": ("Write files for other programs", "", {"systemd": (f"{_HERE}.systemd", "Write units for systemd")}),
}
"""Group → its line, the verbs that are there without it (GROUP'S=THAT), and its own."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def __init__(
        self,
        name: str | None = None,
        *,
        table: Table,
        hidden_verbs: dict[str, str] | None = None,
        **settings: Any,  # noqa: ANN401 - click's
    ) -> None:
        super().__init__(name, **settings)
        self.table = table
        self.hidden_verbs = hidden_verbs or {}

    @property
    def lines(self) -> dict[str, str]:
        """Verb → what it does, for completion."""
        return {verb: line for verb, (_, line) in self.table.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002, D102 - click's signature
        return list(self.lines)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002, D102
        place = self.hidden_verbs.get(cmd_name) or self.table.get(cmd_name, ("", ""))[0]
        return load(place) if place else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The verbs and their lines, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self.lines.items()))


class Managing(LazyGroup):
    """A group of verbs about one kind of thing."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: D102 - click's
        return super().get_command(ctx, cmd_name if cmd_name in self.table else _ALSO.get(cmd_name, cmd_name))


class Root(LazyGroup):
    """All verbs, and the groups, some of which are modules of their own."""

    @property
    def lines(self) -> dict[str, str]:
        """Verb → what it does."""
        return {**super().lines, **{name: line for name, (line, _, _) in GROUPS.items()}}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: D102 - click's
        if cmd_name in GROUPS:
            table, line = group_table(cmd_name, self.table), GROUPS[cmd_name][0]
            return Managing(cmd_name, table=table, help=f"{line}.", context_settings=_SETTINGS)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """In docker's sections."""
        lines = self.lines
        about = sorted(verb for verb, line in lines.items() if line.startswith(("Manage ", "Write files ")))
        sections = {
            "Common Commands": [verb for verb in COMMON if verb in lines],
            "Management Commands": about,
            "Commands": sorted(set(lines) - set(COMMON) - set(about)),
        }
        widest = max(map(len, lines))
        for title, verbs in sections.items():
            with formatter.section(title):
                formatter.write_dl([(verb.ljust(widest), lines[verb]) for verb in verbs])


def group_table(name: str, verbs: Table) -> Table:
    """A group's verbs: its own, and those of ``verbs`` that belong to it, as far as there are such."""
    _, shared, own = GROUPS[name]
    pairs = (word.partition("=") for word in shared.split())
    return {verb: verbs[that or verb] for verb, _, that in pairs if (that or verb) in verbs} | own


def load(place: str) -> click.Command:
    """The command of a module, or of MODULE:NAME."""
    module, _, name = place.partition(":")
    command: click.Command = getattr(importlib.import_module(module), name or "command")
    return command
