"""Kernel parameters of a container's network: its supervisor sets them, in whose network whit-oci finds itself already. Pure."""

from __future__ import annotations

from whit.packer.support.errors import InvalidFileError, UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.model import HOST

if TYPE_CHECKING:
    from typing import Any

    Document = dict[str, Any]

_NETWORK = "net/"


def taken_out(document: Document, network: str) -> tuple[Document, tuple[tuple[str, str], ...]]:
    """(the configuration without them, (file below /proc/sys, value) of each). Raises :class:`UsageError` where the network is the host's."""
    asked = document["linux"].get("sysctl")
    if not asked:
        return document, ()
    from whit.runtime.oci.namespaces import sysctl_file  # noqa: PLC0415 - few containers have any

    kept: dict[str, str] = {}
    found: list[tuple[str, str]] = []
    for name, value in asked.items():
        try:
            file = sysctl_file(name)
        except InvalidFileError:
            raise UsageError(
                f"--sysctl: '{name}' is no kernel parameter", hint="NAME=VALUE, as in net.core.somaxconn=1024"
            ) from None
        if not file.startswith(_NETWORK):
            kept[name] = value
        elif network == HOST:
            raise UsageError(
                f"--sysctl {name}: the container has the host's network, and it would change that",
                hint="leave it out, or give the container a network of its own",
            )
        else:
            found.append((file, value))
    return {**document, "linux": {**document["linux"], "sysctl": kept}}, tuple(found)
