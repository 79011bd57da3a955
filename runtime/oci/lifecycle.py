"""What the lifecycle adds to a container's plan: hooks, the terminal, the gate that ``start`` opens. Pure.

Source: OCI runtime-spec, runtime, "Lifecycle", and config, "POSIX-platform Hooks".
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.packer.support.lightjson import dump
from whit.runtime.model import Op
from whit.runtime.oci.compile import Lifecycle
from whit.runtime.oci.spec import VERSION

if TYPE_CHECKING:
    from whit.packer.support.lightjson import Encodable
    from whit.runtime.oci.process import Process
    from whit.runtime.oci.spec import Hook, Spec

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for when the process has no PATH, as runc does."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line decides. ``gate`` empty: nothing waits for ``start``.

    ``console_socket`` is a path, empty for the launcher's own, None where no terminal is wanted by anybody.
    """

    gate: str = ""
    console_socket: str = ""
    preserved: int = 0
    pidfd_socket: str = ""
    keyring: bool = True
    pivot: bool = True


def hook_state(spec: Spec, container: str, bundle: str, status: str) -> tuple[str, str]:
    """The state that a hook gets on its standard input: what stands before the pid, and after it."""
    state: dict[str, Encodable] = {"ociVersion": VERSION, "id": container, "status": status, "bundle": bundle}
    if spec.annotations:
        state["annotations"] = dict(spec.annotations)
    return '{"pid": ', ", " + dump(state)[1:]


def agent_state(spec: Spec, state: tuple[str, str], pid: int = 0) -> tuple[str, str, str]:
    """What a seccomp agent is told of a process (config-linux, "The Container Process State"), but for its number.

    ``pid`` is the container's where that is another process: exec's. The number stands between the parts.
    """
    seccomp = spec.linux.seccomp
    if seccomp is None or not seccomp.notified:
        return "", "", ""
    metadata = f'"metadata": {dump(seccomp.listener_metadata)}, ' if seccomp.listener_metadata else ""
    head = f'{{"ociVersion": {dump(VERSION)}, "fds": ["seccompFd"], {metadata}"state": {state[0]}'
    tail = f'{state[1]}, "pid": '
    return (f"{head}{pid}{tail}", "", "}") if pid else (head, tail, "}")


def _hook_op(where: str, hook: Hook, when: str, state: tuple[str, str], environment: tuple[str, ...] = ()) -> Op:
    arguments = hook.args or (hook.path,)
    return Op(
        where, (hook.path, arguments, hook.env or environment, hook.timeout or 0, *state), f"config.json's {when} hook"
    )


def _search_path(process: Process) -> str:
    return next((item[5:] for item in process.env if item.startswith("PATH=")), SEARCH_PATH)


def process_ops(process: Process, wish: Wish) -> tuple[tuple[Op, ...], tuple[Op, ...], tuple[Op, ...]]:
    """(before the container exists, where /dev is there, before the program) of a container's process or exec's."""
    first: tuple[Op, ...] = ()
    console: tuple[Op, ...] = ()
    if process.terminal:
        first = (Op("CONSOLE_SOCKET", (wish.console_socket,), "the terminal goes to whoever listens there"),)
        rows, columns = process.console_size or (0, 0)
        console = (Op("TERMINAL", (rows, columns, process.user.uid), "process.terminal of config.json"),)
    if wish.pidfd_socket:
        first += (Op("PIDFD_SOCKET", (wish.pidfd_socket,), "the process goes to whoever listens there"),)
    before = []
    if wish.preserved:
        before.append(Op("KEEP_DESCRIPTORS", (wish.preserved,), "--preserve-fds"))
    before.append(Op("FIND_PROGRAM", (process.args[0], _search_path(process)), "the program itself"))
    before.append(Op("WAIT_START", (), "the container is created; start lets it go on"))
    return first, console, tuple(before)


def container_lifecycle(spec: Spec, container: str, bundle: str, wish: Wish) -> Lifecycle:
    """The lifecycle's operations for ``create`` and ``run``."""
    creating = hook_state(spec, container, bundle, "creating")
    first: tuple[Op, ...] = ()
    console: tuple[Op, ...] = ()
    before: tuple[Op, ...] = (Op("WAIT_START", (), "the container is created; start lets it go on"),)
    if spec.process is not None:
        first, console, before = process_ops(spec.process, wish)
    if wish.gate:
        first = (Op("START_GATE", (wish.gate,), "the container waits there for start"), *first)
    created = hook_state(spec, container, bundle, "created")
    own = spec.process.env if spec.process is not None else ()
    return Lifecycle(
        first=first,
        keyring=wish.keyring,
        pivot=wish.pivot,
        state=agent_state(spec, created),
        early_state=agent_state(spec, creating),
        before_root=(
            # prestart is version 1.0's, where the container was created by then.
            *(_hook_op("HOOK_OUTSIDE", hook, "prestart", created) for hook in spec.hooks.prestart),
            *(_hook_op("HOOK_OUTSIDE", hook, "createRuntime", creating) for hook in spec.hooks.create_runtime),
            *(_hook_op("HOOK_INSIDE", hook, "createContainer", creating) for hook in spec.hooks.create_container),
        ),
        console=console,
        before_exec=(
            *before,
            # It is executed in the program's place: without an environment of its own it has the program's, as with runc.
            *(_hook_op("HOOK_INSIDE", hook, "startContainer", created, own) for hook in spec.hooks.start_container),
        ),
    )
