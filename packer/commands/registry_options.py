"""Options that all commands that talk to registries have, and what they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.registry.dockerconfig import Credential
    from whit.packer.registry.registries import Registries


def insecure_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--insecure``."""
    text = "Plain HTTP, or a certificate that nobody vouches for, is good enough."
    return click.option("--insecure", is_flag=True, help=text)(function)


def platform_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--platform``."""
    text = "Take the image for another platform, as linux/arm64.  [default: this machine's]"
    return click.option("--platform", metavar="PLATFORM", help=text)(function)


def registries(*, insecure: bool, credential: Credential | None = None) -> Registries:
    """What the machine's files and the command line say."""
    from whit.packer.registry.registries import Registries
    from whit.packer.registry.settings import Settings

    return Registries(Settings.read(insecure=insecure), credential)
