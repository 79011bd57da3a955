"""The command-line root: the only place that sees every part. What commands raise is shown by main.py.

Commands are loaded when they are called, so that ``whit --help`` imports nothing but click.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from whit.packer.support.errors import UsageError, WhitError
from whit.runtime.groups import Root

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from whit.packer.buildfile.build.steps import StepRunner
    from whit.packer.lint.fix import Outcome
    from whit.packer.store.layout import Layout

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("whit.runtime.commands.run", "Pack an executable, or take an image, and run it confined"),
    "create": ("whit.runtime.commands.create", "Make a container that can be started"),
    "ps": ("whit.runtime.commands.ps", "List containers"),
    "start": ("whit.runtime.commands.start", "Start containers"),
    "stop": ("whit.runtime.commands.stop", "Stop containers"),
    "restart": ("whit.runtime.commands.restart", "Stop containers and start them again"),
    "kill": ("whit.runtime.commands.kill", "Send a signal to containers"),
    "pause": ("whit.runtime.commands.pause", "Let containers stand still"),
    "unpause": ("whit.runtime.commands.unpause", "Let containers go on"),
    "wait": ("whit.runtime.commands.wait", "Wait for the end of containers"),
    "attach": ("whit.runtime.commands.attach", "See what a container writes, and type for it"),
    "rename": ("whit.runtime.commands.rename", "Give a container another name"),
    "rm": ("whit.runtime.commands.rm", "Remove containers"),
    "exec": ("whit.runtime.commands.exec", "Execute a command in a container that runs"),
    "debug": ("whit.runtime.commands.debug", "Start a shell with tools beside a container's programs"),
    "top": ("whit.runtime.commands.top", "Show the processes of a container"),
    "stats": ("whit.runtime.commands.stats", "Show what containers use"),
    "update": ("whit.runtime.commands.update", "Change the limits and the restart policy of containers"),
    "cp": ("whit.runtime.commands.cp", "Copy files into a container and out of it"),
    "diff": ("whit.runtime.commands.diff", "Show what a container has changed"),
    "commit": ("whit.runtime.commands.commit", "Make an image of what a container has changed"),
    "export": ("whit.runtime.commands.export", "Write a container's files as a tar"),
    "logs": ("whit.runtime.commands.logs", "Show what a container wrote"),
    "events": ("whit.runtime.commands.events", "Show what happens, as it happens"),
    "volume": ("whit.runtime.commands.volume", "Manage volumes"),
    "compose": (
        "whit.runtime.compose.commands.group",
        "Manage what a Compose file describes: several containers as one",
    ),
    "network": ("whit.runtime.commands.network", "Manage networks"),
    "manifest": ("whit.packer.commands.manifest", "Manage indexes of images for several platforms"),
    "pack": ("whit.packer.commands.pack", "Make the smallest image that runs an executable"),
    "build": ("whit.packer.commands.build", "Build an image from a folder"),
    "toolchains": ("whit.toolchains.commands.toolchains", "List the compilers that whit build takes for sources"),
    "explain": ("whit.packer.commands.explain", "Show why a path is in an executable's image, or why it isn't"),
    "inspect": ("whit.runtime.commands.inspect", "Show what an executable, container, image or network is"),
    "syscalls": ("whit.runtime.commands.syscalls", "Find the system calls that an executable can make, in its code"),
    "lint": ("whit.packer.commands.lint", "Find what is wrong with an executable or image, and say how to mend it"),
    "images": ("whit.packer.commands.images", "List the images in the store"),
    "rmi": ("whit.packer.commands.rmi", "Remove images from the store"),
    "history": ("whit.packer.commands.history", "Show how an image came to be"),
    "save": ("whit.packer.commands.save", "Save images to an archive"),
    "load": ("whit.packer.commands.load", "Load images from an archive"),
    "import": ("whit.packer.commands.importing", "Make an image of a root file system's tar"),
    "pull": ("whit.packer.commands.pull", "Take images from a registry into the store"),
    "push": ("whit.packer.commands.push", "Send images of the store to a registry"),
    "copy": ("whit.packer.commands.copy", "Copy images between registries, the store, folders and archives"),
    "login": ("whit.packer.commands.login", "Log in to a registry"),
    "logout": ("whit.packer.commands.logout", "Log out from a registry"),
    "search": ("whit.packer.commands.search", "Search registries for images"),
    "tag": ("whit.packer.commands.tag", "Give an image one more name"),
    "sbom": ("whit.packer.commands.sbom", "Show what an image is made of, as SPDX or CycloneDX"),
    "scan": ("whit.packer.commands.scan", "Find known vulnerabilities in an image, by a database on disk"),
    "sign": ("whit.packer.commands.sign", "Sign images with a key, as cosign does"),
    "verify": ("whit.packer.commands.verify", "Tell whether an image is signed by a key"),
    "referrers": ("whit.packer.commands.referrers", "List what is attached to an image: SBOMs, provenance, signatures"),
    "trace": ("whit.runtime.commands.trace", "Run a program confined and tell what it opens, executes and misses"),
    "plan": ("whit.runtime.commands.plan", "Show how an executable or image would be launched: each operation, why"),
    "bundle": ("whit.runtime.commands.bundle", "Make one file of a program: launcher, plan and files"),
    "port": ("whit.runtime.commands.port", "Show where a container's ports are published"),
    "info": ("whit.runtime.commands.info", "Show the machine, the store and what is in it"),
    "version": ("whit.runtime.commands.version", "Show whit's version"),
    "completion": ("whit.runtime.commands.completion", "Print the script that completes command lines in a shell"),
}
"""Verb → module that holds a click command called ``command``, and the line that ``--help`` shows."""

INTERNAL: dict[str, str] = {
    "_explain": "whit.runtime.commands.explain",
    "_emptied": "whit.runtime.commands.emptied",
    "_step": "whit.runtime.commands.step",
}
"""Verbs that the launcher calls; see runtime/launcher/main.c. One more, ``_ended``, is in plain.py."""


@click.group(cls=Root, table=COMMANDS, hidden_verbs=INTERNAL, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="whit", message="whit %(version)s")
@click.pass_context
def root(context: click.Context) -> None:
    """Not a whit more than it needs: small images from executables, confined processes from images."""
    from whit.packer.showing.console import has_colours

    if not has_colours():
        context.color = False
    context.obj = {
        "run_confined": _run_confined,
        "layouts": _layout_of,
        "step_runner": _step_runner,
        "source_builder": _source_builder,
        "image_builder": build_image,
    }


def _run_confined(path: Path, name: str, arguments: tuple[str, ...]) -> Outcome:
    """What a command of the packer's may not import: a run in a container (design.md, 4)."""
    from whit.runtime.trial import run_confined

    return run_confined(path, name, arguments)


def _layout_of(target: str) -> AbstractContextManager[Layout | None]:
    """The images in files that a command of the packer's reads: it knows nothing of bundles."""
    from whit.runtime.bundle.asimage import layout_of

    return layout_of(target)


def _step_runner(store: Path) -> StepRunner:
    """What executes a build's steps, which the packer may not import either."""
    from whit.runtime.building.runner import make_runner

    return make_runner(store)


def _source_builder(words: dict[str, Any]) -> int:
    """What builds source trees, which the packer may not import either; ``words`` are the command line's."""
    from whit.toolchains.commands.building import build_sources

    return build_sources(words, _step_runner)


def build_image(words: list[str]) -> None:
    """``whit build`` with these words, for what a Compose file has built."""
    from whit.packer.commands.build import command

    means = {"step_runner": _step_runner, "source_builder": _source_builder}
    code = command.main(words, prog_name="whit build", standalone_mode=False, obj=means)
    if code:
        raise WhitError("the image couldn't be built", exit_code=code)


def answer(arguments: list[str]) -> int:
    """The exit code of the command that the words mean. Raises :class:`WhitError` for what they shouldn't be, and all that it raises."""
    if "_WHIT_COMPLETE" in os.environ:
        from whit.runtime.completion import register

        register()
    if any(word.startswith("-") and "=" in word for word in arguments):
        from whit.runtime.pflags import settled

        arguments = settled(root, arguments)
    try:
        result = root.main(arguments, prog_name="whit", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f"see '{context.command_path} --help'" if context else None
        raise UsageError(error.format_message().rstrip("."), hint=hint) from error
    return result if isinstance(result, int) else 0
