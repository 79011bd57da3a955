"""How an image is run: whom as, what with, and whether what it names is there."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Linkage
from whit.packer.image.spec import NONROOT_ID
from whit.packer.lint.model import Found, Level, Place, Rule
from whit.packer.support.counting import counted
from whit.packer.tar.member import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.lint.image import Image, ImageFile
    from whit.packer.lint.model import Program

_ANNOTATIONS = "https://github.com/opencontainers/image-spec/blob/main/annotations.md"
_CONFIG = "https://github.com/opencontainers/image-spec/blob/main/config.md"
_DOCKERFILE = "https://docs.docker.com/reference/dockerfile/"
_BEST_PRACTICES = "https://docs.docker.com/build/building/best-practices/"

_LABELS = ("source", "revision", "version", "licenses")
_PREFIX = "org.opencontainers.image."
_SHELL_NAMES = frozenset({"sh", "bash", "ash", "dash", "zsh"})
_FIRST_FREE_PORT = 1024
_EXECUTABLE = 0o111


def _user(image: Image) -> str:
    return image.run.user.partition(":")[0]


def _accounts(image: Image) -> dict[str, int]:
    """Name → user id of the image's /etc/passwd."""
    passwd = image.lookup("/etc/passwd")
    lines = (passwd.content or b"").decode("utf-8", "replace").splitlines() if passwd else []
    fields = [line.split(":") for line in lines]
    return {line[0]: int(line[2]) for line in fields if len(line) > 2 and line[2].isdigit()}  # noqa: PLR2004 - passwd(5)


def is_root(image: Image) -> bool:
    """Whether its containers run as root unless told otherwise."""
    user = _user(image)
    if user.isdigit():
        return int(user) == 0
    return not user or _accounts(image).get(user, 0 if user == "root" else -1) == 0


def _root(image: Image) -> Iterator[Found]:
    if is_root(image) and not image.is_module:
        yield Found(f"its user is {image.run.user!r}" if image.run.user else "it names no user")


def _unknown_user(image: Image) -> Iterator[Found]:
    user = _user(image)
    if user and not user.isdigit() and user not in _accounts(image):
        yield Found(f"its user is {user!r}, and its /etc/passwd has no such name")


def _labels(image: Image) -> Iterator[Found]:
    there = {key for key, value in (*image.run.labels, *image.annotations) if value.strip()}
    missing = [name for name in _LABELS if f"{_PREFIX}{name}" not in there]
    if missing:
        yield Found(f"neither labels nor annotations have {', '.join(f'{_PREFIX}{name}' for name in missing)}")


def _no_command(image: Image) -> Iterator[Found]:
    if not image.command:
        yield Found("it has neither an entrypoint nor a command")


def _missing_program(image: Image) -> Iterator[Found]:
    if not image.command:
        return
    name = image.command[0]
    file = image.program(name)
    if file is None:
        yield Found(f"it starts {name}, which isn't in it")
    elif file.kind is Kind.DIRECTORY:
        yield Found(f"it starts {name}, which is a folder", Place(file.path, file.layer))
    elif file.kind is Kind.FILE and not file.mode & _EXECUTABLE:
        yield Found(f"it starts {name}, which nobody may execute (mode {file.mode:04o})", Place(file.path, file.layer))
    elif (interpreter := _interpreter(file)) and image.lookup(interpreter) is None:
        what = f"it starts {name}, a script for {interpreter!r}, which isn't in it"
        yield Found(what, Place(file.path, file.layer))


def _interpreter(file: ImageFile) -> str | None:
    """What a script's first line names (execve(2)); a carriage return belongs to the name."""
    if not (file.content or b"").startswith(b"#!"):
        return None
    line = (file.content or b"")[2:].split(b"\n", 1)[0].strip(b" \t")
    return re.split(rb"[ \t]", line, maxsplit=1)[0].decode("utf-8", "replace") or None


def _runs_shell(command: tuple[str, ...]) -> bool:
    """``["/bin/sh", "-c", "…"]``: what builders make of an ENTRYPOINT or CMD that isn't a JSON list."""
    return len(command) > 2 and posixpath.basename(command[0]) in _SHELL_NAMES and command[1] == "-c"  # noqa: PLR2004


def _shell_form(image: Image) -> Iterator[Found]:
    if not _runs_shell(image.command):
        return
    if image.program(image.command[0]) is None:
        yield Found(f"its command is for {image.command[0]}, and it has no shell", level=Level.ERROR)
    elif not re.match(r"\s*exec\s", image.command[2]):
        yield Found(f"{image.command[0]} is its first process, and what it starts is that one's child")


def _unused_command(image: Image) -> Iterator[Found]:
    """docker: "if ENTRYPOINT is in shell form, CMD is ignored"; the arguments become the shell's $0, $1 …"""
    if _runs_shell(image.run.entrypoint) and image.run.cmd:
        yield Found("its entrypoint is in shell form, so that its command is never looked at")


def _low_ports(image: Image) -> Iterator[Found]:
    if is_root(image):
        return
    for port in image.run.exposed_ports:
        digits = re.match(r"\d+", port)
        if digits and 0 < int(digits[0]) < _FIRST_FREE_PORT:
            yield Found(f"it exposes {port} and runs as {image.run.user}")


def _platform(image: Image) -> Iterator[Found]:
    """Of the program that it starts an error; files beside it may be meant for other machines."""
    wanted = image.config.platform
    program = image.program(image.command[0]) if image.command else None
    for file in image.files.values():
        if file.platform is None or file.platform.architecture == wanted.architecture:
            continue
        what = f"it is for {file.platform}, the image for {wanted}"
        starts = program is not None and file.path == program.path
        yield Found(what, Place(file.path, file.layer), None if starts else Level.NOTE)


def _loader(program: Program) -> Iterator[Found]:
    if program.run is None and program.analysis.linkage is Linkage.DYNAMIC and program.analysis.interpreter:
        yield Found(
            f"it asks for {program.analysis.interpreter} and {counted(len(program.analysis.libraries), 'library', 'libraries')}"
        )


_LOW_USER = f"{NONROOT_ID}:{NONROOT_ID}"


RULES = (
    Rule(
        "dynamic",
        Level.NOTE,
        "It needs a loader and libraries beside it",
        'In an image without them it fails with "no such file or directory", though the file itself is there.',
        "Link it statically (CGO_ENABLED=0 for Go, a musl target for Rust, -static), or pack it with whit pack, which brings its libraries.",
        "https://man7.org/linux/man-pages/man8/ld.so.8.html",
        program=_loader,
    ),
    Rule(
        "root-user",
        Level.WARNING,
        "It runs as root",
        "A hole in the program is then a hole as root: files that root owns, more of the kernel, and the host if the "
        "container is left.",
        f"Set USER to a number, such as {_LOW_USER}: what whit pack does by itself.",
        f"{_BEST_PRACTICES}#user",
        image=_root,
    ),
    Rule(
        "unknown-user",
        Level.ERROR,
        "Its user isn't known inside",
        "Runtimes look the name up in the image's own /etc/passwd and refuse to start without it.",
        "Use a number, or put a line for the name into /etc/passwd.",
        f"{_DOCKERFILE}#user",
        image=_unknown_user,
    ),
    Rule(
        "missing-labels",
        Level.NOTE,
        "It doesn't say where it comes from",
        "Registries, scanners and whoever is woken up at night find source, revision and licence by these keys.",
        "whit pack --label or --annotation org.opencontainers.image.source=URL …, or LABEL in a Dockerfile.",
        _ANNOTATIONS,
        image=_labels,
    ),
    Rule(
        "no-command",
        Level.ERROR,
        "It doesn't say what to run",
        "Every runtime refuses to start it unless a command is given.",
        'Set ENTRYPOINT ["/program"].',
        _CONFIG,
        image=_no_command,
    ),
    Rule(
        "missing-program",
        Level.ERROR,
        "What it starts isn't there",
        'A container of it fails at once with "no such file or directory" or "permission denied".',
        "Give the program's absolute path in the image as entrypoint, and mode 0555.",
        _CONFIG,
        image=_missing_program,
    ),
    Rule(
        "shell-form",
        Level.WARNING,
        "A shell stands before the program",
        "The shell gets the container's signals and doesn't pass them on: stopping takes until the kill. And an image "
        "needs a shell for nothing else.",
        'Write ENTRYPOINT and CMD as JSON lists: ENTRYPOINT ["/program", "--flag"].',
        f"{_DOCKERFILE}#shell-and-exec-form",
        image=_shell_form,
    ),
    Rule(
        "unused-command",
        Level.WARNING,
        "Its command has no effect",
        "Arguments after the shell's own become its variables $0, $1 …, not the program's arguments.",
        'Write ENTRYPOINT as a JSON list: ENTRYPOINT ["/program"].',
        f"{_DOCKERFILE}#understand-how-cmd-and-entrypoint-interact",
        image=_unused_command,
    ),
    Rule(
        "low-port",
        Level.WARNING,
        "It listens on a port that may be root's",
        "Below 1024 a program needs CAP_NET_BIND_SERVICE, unless the runtime lowers "
        "net.ipv4.ip_unprivileged_port_start: docker does, Kubernetes and podman leave it.",
        "Let it listen on 8080 or the like, and map the port outside.",
        "https://man7.org/linux/man-pages/man7/capabilities.7.html",
        image=_low_ports,
    ),
    Rule(
        "wrong-architecture",
        Level.ERROR,
        "It is for another machine than the image says",
        'It fails with "exec format error" wherever the image is pulled by its platform.',
        "Build it for the image's platform, or give the image the program's: whit pack takes it from the ELF header.",
        _CONFIG,
        image=_platform,
    ),
)
