"""``whit exec``: another process in a container that runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from whit.runtime.engine.executing import Target
    from whit.runtime.engine.further import Wish
    from whit.runtime.oci.process import Process


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("-d", "--detach", is_flag=True, help="Return as soon as it runs.")
@click.option("-i", "--interactive", is_flag=True, help="Give it this input.")
@click.option("-t", "--tty", is_flag=True, help="Give it a terminal.")
@click.option("-e", "--env", multiple=True, metavar="NAME[=VALUE]", help="Set a variable, or pass on your own.")
@click.option("--env-file", multiple=True, metavar="FILE", help="Set the variables of a file, a line each.")
@click.option("-u", "--user", metavar="USER[:GROUP]", help="Whom it runs as; names are looked up in the container.")
@click.option("-w", "--workdir", default="", metavar="DIRECTORY", help="Where it begins.")
@click.option("--detach-keys", default="ctrl-p,ctrl-q", show_default=True, help="What lets go of it.")
@click.option("--privileged", is_flag=True, help="All capabilities; the filter of system calls stays.")
@click.argument("container")
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND [ARG]...")
def command(
    container: str,
    arguments: tuple[str, ...],
    detach: bool,
    interactive: bool,
    tty: bool,
    **given: Any,  # noqa: ANN401 - click's
) -> None:
    """Execute COMMAND in a CONTAINER that runs, confined as that is. The exit status is the command's."""
    from whit.packer.store.places import private_root
    from whit.runtime.commands.attach import key_bytes
    from whit.runtime.engine.executing import become, find_target, placed, plan_of
    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.further import ALL_CAPABILITIES, Wish

    keys = key_bytes(given["detach_keys"])
    check_terminal(tty=tty, reads=interactive and not detach)
    wish = Wish(
        command=arguments,
        env=variables(given["env"], given["env_file"]),
        directory=given["workdir"],
        terminal=tty,
        capabilities=ALL_CAPABILITIES if given["privileged"] else 0,
    )
    target = find_target(Containers(private_root()).find(container))
    reads = interactive and not detach
    plan = placed(
        target,
        plan_of(target, asked_process(target, wish, given["user"])),
        arguments,
        reads=reads,
        detached=detach,
        keys=keys,
    )
    if not (tty or given["user"] or depends_on_caller(given["env"], given["env_file"]) or target.kept.container.users):
        from whit.runtime.engine.remembering import remember_exec

        remember_exec(target, plan)
    become(target, plan, reads=reads, detached=detach, keys=keys)


def depends_on_caller(env: tuple[str, ...], files: tuple[str, ...]) -> bool:
    """Whether variables come from elsewhere than the command line."""
    return bool(files) or not all("=" in text for text in env)


def check_terminal(*, tty: bool, reads: bool) -> None:
    """Raises docker's error for a terminal whose keys would come from a pipe or a file."""
    from whit.packer.support.errors import UsageError

    if tty and reads and not sys.stdin.isatty():
        raise UsageError(
            "the input device is not a TTY", hint="leave -t out where the input is a pipe or a file", exit_code=1
        )


def variables(env: tuple[str, ...], files: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """What ``-e`` and ``--env-file`` say, as ``run`` reads them."""
    from whit.runtime.request import Words, environment_of

    return environment_of(Words(target="", env=env, env_file=files))[0] if env or files else ()


def asked_process(target: Target, wish: Wish, user: str | None) -> Process:
    """The process; users are looked up in the container as it is now."""
    from whit.packer.image.accounts import identify
    from whit.packer.support.errors import ExitCode, UsageError
    from whit.runtime.engine.further import further_process

    if user is None:
        return further_process(target.process, wish, None, None)
    from whit.runtime.engine.inside import accounts

    known = accounts(target.running)
    try:
        identity = identify(user, known)
    except UsageError as error:
        message = error.message.replace("the image has", "the container has")
        raise UsageError(message, hint=error.hint, exit_code=ExitCode.NOT_EXECUTABLE) from None
    own = identify(str(target.process.user.uid), known)
    return further_process(target.process, wish, own, identity)
