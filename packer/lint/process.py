"""How the program behaves as the first process of a container, and what its libc does behind its back.

The kernel drops signals whose action is the default for the first process of a PID namespace (pid_namespaces(7)): a
program that doesn't handle SIGTERM doesn't end by it. Go's runtime handles all signals and exits; Nim, C, C++ and Rust
leave SIGTERM alone unless the program says otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Libc, Linkage, Wanted
from whit.packer.lint.model import Found, Level, Rule
from whit.packer.needs.model import Grade, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.lint.model import Program

_NAMESPACES = "https://man7.org/linux/man-pages/man7/pid_namespaces.7.html"
_STATIC_GLIBC = "https://sourceware.org/glibc/wiki/FAQ#Even_statically_linked_programs_need_some_shared_libraries_which_is_not_acceptable_for_me.__What_can_I_do.3F"

_HANDLES = frozenset({"signal", "sigaction", "bsd_signal", "sysv_signal", "sigset", "sigwait", "sigwaitinfo"}) | {
    "sigtimedwait",
    "signalfd",
    "__sysv_signal",
}
_SHELL_CALLS = frozenset({"system", "popen"})
_SHELL_PATH = b"/bin/sh"
_GO_NOTIFY = ("os/signal.Notify", "os/signal.NotifyContext")
_GO_REAPS = ("github.com/hashicorp/go-reap", "github.com/ramr/go-reaper")

_RUST_CRATES = (b"signal-hook", b"async-signal", b"ctrlc-", b"/src/signal/")
"""Crates that handle signals, in the paths that panics carry; the last one is tokio's."""

WANTED = Wanted(functions=frozenset((*_GO_NOTIFY, *_HANDLES)), strings=frozenset(_RUST_CRATES))
"""What these rules ask of an executable beyond what needs ask."""


def _first_process(program: Program) -> Iterator[Found]:
    """Only where it is sure. glibc itself holds sigaction, so what matters is what else the program takes."""
    analysis = program.analysis
    if analysis.language.name not in {"c", "c++"} or not analysis.functions_known:
        return
    own = _HANDLES - {"sigaction"} if analysis.libc is Libc.GLIBC else _HANDLES
    if analysis.linkage is Linkage.DYNAMIC or analysis.functions & own:
        return
    yield Found("no function that handles or waits for signals is linked")


def _rust_first_process(program: Program) -> Iterator[Found]:
    """Rust's library handles no signal but those of a full stack; what a crate does leaves a trace, if a weak one."""
    if program.analysis.language.name == "rust" and not any(map(program.analysis.has_string, _RUST_CRATES)):
        yield Found("no crate that handles signals is known to be in it")


def _go_without_notify(program: Program) -> Iterator[Found]:
    analysis = program.analysis
    if analysis.language.name == "go" and analysis.functions_known and not analysis.functions & set(_GO_NOTIFY):
        yield Found("os/signal.Notify isn't linked")


def _orphans(program: Program) -> Iterator[Found]:
    need = program.need("exec")
    if need is None or need.verdict is not Verdict.NEEDED:
        return
    if any(path in _GO_REAPS for path, _ in program.analysis.build.dependencies):
        return
    evidence = f" ({need.evidence[0].detail})" if need.evidence else ""
    yield Found(f"it {need.reason}{evidence}")


def _shell(program: Program) -> Iterator[Found]:
    """In an image without a shell: system(3) and popen(3) are sure to ask for it, the path alone may be a library's."""
    need = program.need("exec")
    if program.run is None or program.shell or need is None or need.verdict is not Verdict.NEEDED:
        return
    if called := sorted(program.analysis.functions & _SHELL_CALLS):
        yield Found(f"it calls {' and '.join(called)}, and the image has no shell", level=Level.WARNING)
    elif program.analysis.has_string(_SHELL_PATH):
        yield Found(f"it holds the path {_SHELL_PATH.decode()}, and the image has no shell")


def _static_glibc(program: Program) -> bool:
    return program.analysis.libc is Libc.GLIBC and program.analysis.linkage is not Linkage.DYNAMIC


def _linked(program: Program, name: str) -> bool:
    need = program.need(name)
    return need is not None and need.grade in (Grade.LINKED, Grade.CALLED)


def _name_services(program: Program) -> Iterator[Found]:
    asked = [name for name in ("dns", "users", "groups", "services") if _linked(program, name)]
    if _static_glibc(program) and asked and program.analysis.functions_known:
        yield Found(f"it looks up {', '.join(asked)} through glibc's name services")


def _plug_ins(program: Program) -> Iterator[Found]:
    """Every static glibc program holds dlopen, by all its names: only where the need is sure."""
    need, analysis = program.need("dlopen"), program.analysis
    if need is None or need.verdict is not Verdict.NEEDED or analysis.linkage is Linkage.DYNAMIC:
        return
    if analysis.libc is Libc.MUSL:
        yield Found(f"{need.reason}: in a static musl program that always fails", level=Level.ERROR)
    elif _static_glibc(program):
        yield Found(need.reason)


def _converters(program: Program) -> Iterator[Found]:
    if _static_glibc(program) and _linked(program, "gconv"):
        yield Found("it calls iconv_open")


RULES = (
    Rule(
        "ignores-sigterm",
        Level.WARNING,
        "As a container's first process it doesn't end by SIGTERM",
        "The kernel drops signals that the first process of a container doesn't handle: docker stop waits ten seconds, "
        "Kubernetes thirty, and then kills it in the middle of whatever it does.",
        "Handle SIGTERM, or start it with an init: docker run --init. whit run ends it by itself.",
        _NAMESPACES,
        program=_first_process,
    ),
    Rule(
        "may-ignore-sigterm",
        Level.NOTE,
        "As a container's first process it may not end by SIGTERM",
        "Rust's standard library leaves SIGTERM alone, and the kernel drops signals that the first process of a container "
        "doesn't handle: docker stop waits ten seconds and then kills it.",
        "Handle SIGTERM (tokio::signal, signal-hook), or start it with an init: docker run --init. whit run ends it by "
        "itself.",
        _NAMESPACES,
        program=_rust_first_process,
    ),
    Rule(
        "abrupt-end",
        Level.NOTE,
        "SIGTERM ends it in the middle of what it does",
        "Go's runtime exits at once, with status 2, when nothing in the program asks for the signal: requests that are "
        "being answered are cut off.",
        "signal.NotifyContext(ctx, syscall.SIGTERM), and http.Server.Shutdown for a server.",
        "https://pkg.go.dev/os/signal#hdr-Default_behavior_of_signals_in_Go_programs",
        program=_go_without_notify,
    ),
    Rule(
        "no-reaping",
        Level.NOTE,
        "It runs programs, and nobody reaps what they leave",
        "Children of its children become those of the container's first process; if that only waits for its own, each "
        "stays as a zombie and counts against the limit of processes.",
        "Start it with an init that reaps: --init (docker, podman, whit).",
        _NAMESPACES,
        program=_orphans,
    ),
    Rule(
        "missing-shell",
        Level.NOTE,
        "It may run commands through a shell that isn't there",
        "system(3) and popen(3) start /bin/sh; without it they fail with status 127, which many programs don't look at.",
        "Let it start programs by their path and arguments (posix_spawn, execve), or use a base image with a shell.",
        "https://man7.org/linux/man-pages/man3/system.3.html",
        program=_shell,
    ),
    Rule(
        "static-glibc-names",
        Level.WARNING,
        "A static glibc loads libraries to look up names",
        "Its name services are shared libraries (libnss_*): of the very same glibc, or the lookup fails or crashes. "
        "Only files and dns are built in since 2.34.",
        "In the image's /etc/nsswitch.conf name files and dns only, as whit pack does; or link with musl.",
        _STATIC_GLIBC,
        program=_name_services,
    ),
    Rule(
        "static-dlopen",
        Level.WARNING,
        "A static program loads libraries",
        "musl can't at all; glibc can with the very same version's libraries beside it, and crashes with others.",
        "Link in what it would load, or link it dynamically.",
        _STATIC_GLIBC,
        program=_plug_ins,
    ),
    Rule(
        "static-iconv",
        Level.NOTE,
        "A static glibc converts only Unicode and ASCII by itself",
        "Every other character set is a shared library below /usr/lib/gconv: without it iconv_open fails with EINVAL.",
        "Use UTF-8, or link with musl, which has its converters inside.",
        _STATIC_GLIBC,
        program=_converters,
    ),
)
