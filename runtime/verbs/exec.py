"""Another process in a container that runs."""

from __future__ import annotations

import sys

from whit.packer.store.places import private_root
from whit.packer.support.errors import ExitCode, UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.executing import become, find_target, placed, plan_of
from whit.runtime.engine.folder import Containers
from whit.runtime.engine.further import ALL_CAPABILITIES, Wish, further_process
from whit.runtime.verbs.keys import USUAL, key_bytes

if TYPE_CHECKING:
    from whit.runtime.engine.executing import Target
    from whit.runtime.oci.process import Process


def exec(  # noqa: A001, PLR0913 - the verb, and its options
    *,
    container: str,
    arguments: tuple[str, ...],
    detach: bool = False,
    interactive: bool = False,
    tty: bool = False,
    env: tuple[str, ...] = (),
    env_file: tuple[str, ...] = (),
    user: str | None = None,
    workdir: str = "",
    detach_keys: str = USUAL,
    privileged: bool = False,
) -> None:
    """Become it. Raises :class:`UsageError` and what finding the container does."""
    keys = key_bytes(detach_keys)
    reads = interactive and not detach
    check_terminal(tty=tty, reads=reads)
    wish = Wish(
        command=arguments,
        env=variables(env, env_file),
        directory=workdir,
        terminal=tty,
        capabilities=ALL_CAPABILITIES if privileged else 0,
    )
    target = find_target(Containers(private_root()).find(container))
    plan = plan_of(target, asked_process(target, wish, user))
    plan = placed(target, plan, arguments, reads=reads, detached=detach, keys=keys)
    if not (tty or user or _depends_on_caller(env, env_file) or target.kept.container.users):
        from whit.runtime.engine.remembering import remember_exec  # noqa: PLC0415 - not of every one

        remember_exec(target, plan)
    become(target, plan, reads=reads, detached=detach, keys=keys)


def _depends_on_caller(env: tuple[str, ...], files: tuple[str, ...]) -> bool:
    """Whether variables come from elsewhere than the command line."""
    return bool(files) or not all("=" in text for text in env)


def check_terminal(*, tty: bool, reads: bool) -> None:
    """Raises docker's error for a terminal whose keys would come from a pipe or a file."""
    if tty and reads and not sys.stdin.isatty():
        raise UsageError(
            "the input device is not a TTY", hint="leave -t out where the input is a pipe or a file", exit_code=1
        )


def variables(env: tuple[str, ...], files: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """What ``-e`` and ``--env-file`` say, as ``run`` reads them."""
    if not (env or files):
        return ()
    from whit.runtime.request import Words, environment_of  # noqa: PLC0415 - of use for these alone

    return environment_of(Words(target="", env=env, env_file=files))[0]


def asked_process(target: Target, wish: Wish, user: str | None) -> Process:
    """The process; users are looked up in the container as it is now."""
    if user is None:
        return further_process(target.process, wish, None, None)
    from whit.packer.image.accounts import identify  # noqa: PLC0415 - most are of the container's user
    from whit.runtime.engine.inside import accounts  # noqa: PLC0415 - as above

    known = accounts(target.running)
    try:
        identity = identify(user, known)
    except UsageError as error:
        message = error.message.replace("the image has", "the container has")
        raise UsageError(message, hint=error.hint, exit_code=ExitCode.NOT_EXECUTABLE) from None
    own = identify(str(target.process.user.uid), known)
    return further_process(target.process, wish, own, identity)
