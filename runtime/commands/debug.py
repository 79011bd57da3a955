"""``whit debug``: a shell with tools beside a container that has neither."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from whit.runtime.engine.tools import Tools


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--image", metavar="IMAGE", help="The tools.  [default: this machine's static busybox]")
@click.option("-t", "--tty", is_flag=True, help="Give it a terminal.  [default: where this is one]")
@click.option("-e", "--env", multiple=True, metavar="NAME[=VALUE]", help="Set a variable, or pass on your own.")
@click.option("-u", "--user", metavar="USER[:GROUP]", help="Whom it runs as.  [default: as the container]")
@click.option("-w", "--workdir", default="/", metavar="DIRECTORY", help="Where it begins.")
@click.option("--cap-add", multiple=True, metavar="CAPABILITY", help="One more capability: SYS_PTRACE for strace.")
@click.option("--privileged", is_flag=True, help="All capabilities.")
@click.option("--detach-keys", default="ctrl-p,ctrl-q", show_default=True, help="What lets go of it.")
@click.argument("container")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[COMMAND] [ARG]...")
def command(container: str, arguments: tuple[str, ...], tty: bool, **given: Any) -> None:  # noqa: ANN401 - click's
    """Start a shell with tools, or COMMAND, beside the programs of a CONTAINER that runs.

    It sees the container's processes, network and files, and changes nothing that the container could notice.
    """
    from whit.packer.store.store import Store
    from whit.runtime.engine.debugging import default_command, environment, plan_of, take_own_mounts
    from whit.runtime.engine.executing import become, find_target
    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.further import Wish
    from whit.runtime.verbs.exec import asked_process, check_terminal, variables
    from whit.runtime.verbs.keys import key_bytes

    keys = key_bytes(given["detach_keys"])
    check_terminal(tty=tty, reads=True)
    more = _capabilities(given["cap_add"], privileged=given["privileged"])
    store = Store.open()
    kept = Containers(store.root).find(container)
    # Before the container's users are joined, where those are others: only the store's owner can unpack an image.
    tools = _tools(store, given["image"])
    target = find_target(kept)
    wish = Wish(
        command=arguments or default_command(tools),
        env=(*environment(target.process, tools), *variables(given["env"], ())),
        directory=given["workdir"],
        terminal=tty or (sys.stdin.isatty() and sys.stdout.isatty()),
        capabilities=more,
    )
    process = asked_process(target, wish, given["user"])
    if not target.host.first_users:
        take_own_mounts()
    become(target, plan_of(target, process, wish, tools), reads=True, detached=False, keys=keys)


def _tools(store: Any, image: str | None) -> Tools:  # noqa: ANN401 - the store's class isn't loaded yet
    from whit.runtime.engine.tools import busybox_tools, image_tools

    return image_tools(store, image) if image else busybox_tools(store)


def _capabilities(names: tuple[str, ...], *, privileged: bool) -> int:
    """The kernel's mask of what is asked for."""
    from whit.packer.support.errors import UsageError
    from whit.runtime.capabilities import NAMES, parse_capability
    from whit.runtime.engine.further import ALL_CAPABILITIES

    if privileged or any(name.upper() == "ALL" for name in names):
        return ALL_CAPABILITIES
    mask = 0
    for name in names:
        try:
            mask |= 1 << NAMES.index(parse_capability(name))
        except UsageError as error:
            raise UsageError(f"--cap-add: {error.message}", hint=error.hint) from None
    return mask
