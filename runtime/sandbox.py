"""``--sandbox strict``: what a program is left when it is left as little as is known of it. Pure.

``strict[,bind=PORT]…[,connect=PORT]…[,exec=PATH]…[,log]``: ports and programs beside those that the image tells of, and
whether the kernel's audit log gets what Landlock refuses. The same text is the annotation ``dev.whit.sandbox`` of an OCI configuration.
"""

from __future__ import annotations

import struct

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.model import Op

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.image.spec import RunConfig
    from whit.runtime.listening import Port
    from whit.runtime.options import Program, RunOptions

ANNOTATION = "dev.whit.sandbox"
USER = "65532:65532"
"""Who a program is whose image says nothing of that: as in images that whit packs."""

STARTS = frozenset({"execve", "execveat"})
_BIND, _CONNECT = 1, 2
"""LANDLOCK_ACCESS_NET_BIND_TCP, LANDLOCK_ACCESS_NET_CONNECT_TCP (landlock(7))."""

_STRICT, _LOGGED = 1, 2
"""What LANDLOCK's ``how`` is made of (runtime/launcher/ops_landlock.c)."""

_LAST_PORT = 65535
_HINT = "strict,bind=8080,connect=5432,exec=/bin/tool: what it may do more than what the image tells of"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """TCP ports to listen at, those to connect to (all where none is named), and what may be executed beside the program."""

    bind: tuple[int, ...] = ()
    connect: tuple[int, ...] = ()
    programs: tuple[str, ...] = ()
    logged: bool = False
    where: str = ""
    """The same ports with where each was found, for people."""

    def __str__(self) -> str:
        """As :func:`parse_sandbox` reads it."""
        pairs = (("bind", self.bind), ("connect", self.connect), ("exec", self.programs))
        words = [f"{name}={value}" for name, values in pairs for value in values]
        return ",".join(["strict", *words, *(["log"] if self.logged else [])])


@dataclass(frozen=True, slots=True)
class Walls:
    """What decides the filter: whether there is a network, and what is known of the program."""

    has_network: bool
    is_known: bool = False
    """All of its code is in the file: none is made while it runs."""

    is_wasm: bool = False


def _port(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_LAST_PORT)) and int(text) <= _LAST_PORT):
        raise UsageError(f"{where}: '{text}' is no port", hint=_HINT)
    return int(text)


def parse_sandbox(text: str, where: str) -> Sandbox:
    """The text, found at ``where``. Raises :class:`UsageError`."""
    word, *items = text.split(",")
    if word != "strict":
        raise UsageError(f"{where}: there is no '{word}'", hint=_HINT)
    bind, connect, programs = [], [], []
    logged = "log" in items
    for item in filter("log".__ne__, items):
        name, _, value = item.partition("=")
        if name == "bind":
            bind.append(_port(value, where))
        elif name == "connect":
            connect.append(_port(value, where))
        elif name == "exec" and value.startswith("/") and "\0" not in value:
            programs.append(value)
        else:
            raise UsageError(f"{where}: '{item}' is none of bind=PORT, connect=PORT, exec=/PATH and log", hint=_HINT)
    return Sandbox(tuple(bind), tuple(connect), tuple(programs), logged)


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of the program's ports elsewhere: its command line's words, its environment, what is exposed and published."""

    words: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    exposed: tuple[str, ...] = ()
    published: tuple[int, ...] = ()


def said_of(program: Program, options: RunOptions, words: tuple[str, ...]) -> Said:
    """Of a command line ``words``, whose first is the program."""
    image = tuple((name, value) for name, _, value in (item.partition("=") for item in program.config.env))
    from whit.runtime.listening import said_words  # noqa: PLC0415 - few ask for it

    return Said(said_words(words), tuple(dict((*image, *options.env)).items()))


def listening(sandbox: Sandbox, program: Program, said: Said) -> tuple[Port, ...]:
    """The TCP ports at which it may listen, each with where it was found.

    They are the sandbox's own, the exposed and the published; where the sandbox names none, also those that the command
    line, the environment and the program's code tell of.
    """
    from whit.runtime.listening import Port, exposed_ports, variable_ports, word_ports  # noqa: PLC0415 - few ask for it

    asked = [Port(number, f"bind={number}") for number in sandbox.bind]
    outside = [Port(number, "published") for number in said.published]
    exposed = exposed_ports((*program.config.exposed_ports, *said.exposed))
    if asked:
        return (*asked, *exposed, *outside)
    return (*exposed, *outside, *word_ports(said.words), *variable_ports(said.variables), *program.listens)


def refuse_mounted(executable: str, mounted: Iterable[str]) -> None:
    """Raises :class:`UsageError` for an ``executable`` that is in what is ``mounted``."""
    for target in mounted:
        if executable == target or executable.startswith(f"{target}/"):
            raise UsageError(
                f"--sandbox strict: {executable} is in what is mounted on {target}, of which nothing is executed",
                hint="put it into the image: whit pack --add SOURCE:/TARGET",
            )


def settled(sandbox: Sandbox, program: Program, executable: str, said: Said, *, mounted: tuple[str, ...]) -> Sandbox:
    """With what is known of the program: where it listens, and what it executes.

    What the image has may be executed if the program's code executes others; folders on which something is ``mounted``
    may not. Raises :class:`UsageError` for an ``executable`` that is in what is mounted.
    """
    from whit.runtime.listening import told  # noqa: PLC0415 - as above

    refuse_mounted(executable, mounted)
    listens = listening(sandbox, program, said)
    programs = sandbox.programs
    if program.calls is not None and program.calls.names & STARTS:
        taken = {target.split("/")[1] for target in mounted} | {"dev", "proc", "sys", "tmp"}
        programs += tuple(f"/{name}" for name in program.folders if name not in taken)
    numbers = tuple(sorted({port.number for port in listens}))
    return replace(sandbox, bind=numbers, programs=programs, where=told(listens))


def user_of(options: RunOptions, config: RunConfig) -> str:
    """Who it is: root only where the image or the person says so, in a sandbox."""
    if options.user is not None:
        return options.user
    return config.user or (USER if options.sandbox else "")


def walls_of(program: Program, *, has_network: bool) -> Walls:
    """What its filter is made from."""
    is_wasm = program.wasm is not None
    return Walls(has_network, is_known=program.calls is not None and not is_wasm, is_wasm=is_wasm)


def nameless_op() -> Op:
    """Before Landlock, in a PID namespace that is the container's alone."""
    return Op("NAMELESS", (), "files without a name aren't executed either, of which Landlock knows nothing")


def landlock_op(writable: tuple[str, ...], sandbox: Sandbox | None, nameless: bytes, why: str = "") -> Op:
    """The program executes nothing but itself and what the sandbox names, and writes below these paths only.

    ``nameless`` is the filter (runtime/seccomp/nameless.py) that is loaded where NAMELESS couldn't do it.
    """
    if sandbox is None:
        meant = "it executes nothing but itself, and writes only where something is mounted for it"
        return Op("LANDLOCK", (writable, (), 0, 0, b"", nameless), why or meant)
    # Through /proc/self/mem a program writes also to memory that it may only execute.
    writable = tuple(path for path in writable if path != "/proc")
    # Port 0 is one of the kernel's choice. Who listens without bind gets such a one anyway, and clients bind their own end to it.
    ports = [(_BIND, port) for port in sorted({0, *sandbox.bind})] + [(_CONNECT, port) for port in sandbox.connect]
    rules = b"".join(struct.pack("=QQ", right, port) for right, port in ports)
    limited = _BIND | (_CONNECT if sandbox.connect else 0)
    where = sandbox.where or ", ".join(map(str, sandbox.bind)) or "no port"
    meant = f"it executes and writes only what it has to, and listens at {where} of TCP's"
    how = _STRICT | (_LOGGED if sandbox.logged else 0)
    return Op("LANDLOCK", (writable, sandbox.programs, how, limited, rules, nameless), why or meant)
