"""``whit-oci``: the runtime under which container engines call whit (OCI runtime-spec, with runc's command line)."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Answer this process's command line; see cli.py."""
    from whit.runtime.oci.cli import main as run  # noqa: PLC0415 - what imports this package may want one module of it

    run()
