"""Instructions that change an image's configuration and no file: configuration → configuration, and its history's line. Pure.

As BuildKit does it (dockerfile2llb/convert.go); the words are expanded already.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.buildfile.dockerfile.text import integer, shown_duration
from whit.packer.support.goquoted import quoted
from whit.packer.support.light import replace
from whit.packer.support.signals import ALIASES, NAMES
from whit.packer.template.goprint import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.buildfile.dockerfile.instructions import CommandLine, Pair
    from whit.packer.image.spec import HealthCheck, RunConfig

DEFAULT_SHELL = ("/bin/sh", "-c")
_SIGNALS = frozenset((*NAMES, *ALIASES))
_REALTIME = re.compile(r"RTMIN(\+([1-9]|1[0-5]))?|RTMAX(-([1-9]|1[0-4]))?", re.ASCII)

Changed = tuple["RunConfig", str]
"""The configuration after an instruction, and what the history says of it."""


def with_shell(run: RunConfig, command: CommandLine) -> tuple[str, ...]:
    """The words that are run: those of a text are a shell's."""
    return (*(run.shell or DEFAULT_SHELL), " ".join(command.words)) if command.for_shell else command.words


def with_env(run: RunConfig, pairs: Iterable[Pair]) -> Changed:
    """ENV: a name that is there keeps its place."""
    pairs = tuple(pairs)
    values = {name: value for name, _, value in (item.partition("=") for item in run.env)}
    values.update((pair.name, pair.value) for pair in pairs)
    told = "".join(f" {pair}" for pair in pairs)
    return replace(run, env=tuple(f"{name}={value}" for name, value in values.items())), f"ENV{told}"


def with_labels(run: RunConfig, pairs: Iterable[Pair]) -> Changed:
    """LABEL."""
    pairs = tuple(pairs)
    labels = dict(run.labels) | {pair.name: pair.value for pair in pairs}
    return replace(run, labels=tuple(sorted(labels.items()))), f"LABEL{''.join(f' {pair}' for pair in pairs)}"


def with_cmd(run: RunConfig, command: CommandLine) -> Changed:
    """CMD."""
    words = with_shell(run, command)
    return replace(run, cmd=words), f"CMD {_quoted(words)}"


def with_entrypoint(run: RunConfig, command: CommandLine, *, keeps_cmd: bool) -> Changed:
    """ENTRYPOINT: a CMD that the stage itself hasn't set goes, since it was meant for another entrypoint."""
    words = with_shell(run, command)
    changed = replace(run, entrypoint=words, cmd=run.cmd if keeps_cmd else ())
    return changed, f"ENTRYPOINT {_quoted(words)}"


def with_health(run: RunConfig, health: HealthCheck) -> Changed:
    """HEALTHCHECK."""
    times = {
        "Interval": health.interval,
        "Timeout": health.timeout,
        "StartPeriod": health.start_period,
        "StartInterval": health.start_interval,
    }
    told = " ".join(f"{name}:{shown_duration(time)}" for name, time in times.items())
    test = text_of(list(health.test))
    return replace(run, health=health), f"HEALTHCHECK {{Test:{test} {told} Retries:{health.retries}}}"


def with_ports(run: RunConfig, ports: Iterable[str]) -> Changed:
    """EXPOSE."""
    ports = list(ports)
    return replace(run, exposed_ports=tuple(sorted({*run.exposed_ports, *ports}))), f"EXPOSE {text_of(ports)}"


def with_volumes(run: RunConfig, paths: Iterable[str]) -> Changed:
    """VOLUME. Raises Fault for an empty path."""
    paths = list(paths)
    if not all(paths):
        raise Fault("VOLUME of an empty path")
    return replace(run, volumes=tuple(sorted({*run.volumes, *paths}))), f"VOLUME {text_of(paths)}"


def with_stop_signal(run: RunConfig, signal: str) -> Changed:
    """STOPSIGNAL. Raises Fault for what is none."""
    name = signal.upper().removeprefix("SIG")
    number = integer(signal)
    if not number and name not in _SIGNALS and not _REALTIME.fullmatch(name):
        raise Fault(f"'{signal}' is no signal", "as in SIGTERM, INT, 9")
    return replace(run, stop_signal=signal), f"STOPSIGNAL {signal}"


def with_user(run: RunConfig, user: str) -> Changed:
    """USER."""
    return replace(run, user=user), f"USER {user}"


def with_directory(run: RunConfig, path: str) -> Changed:
    """WORKDIR: a path that isn't absolute goes on from where it was."""
    directory = in_directory(run.working_dir, path)
    return replace(run, working_dir=directory), f"WORKDIR {directory}"


def with_shell_words(run: RunConfig, words: tuple[str, ...]) -> Changed:
    """SHELL."""
    return replace(run, shell=words), f"SHELL {text_of(list(words))}"


def in_directory(directory: str, path: str, *, keeps_slash: bool = False) -> str:
    """A path from a folder on; one that is absolute stays as it is written. ``keeps_slash`` is for targets of COPY."""
    parent = posixpath.join("/", directory or "/")
    if path.startswith("/"):
        return path
    joined = joined_path(parent, path)
    if keeps_slash and path.endswith("/") and not joined.endswith("/"):
        return f"{joined}/"
    if keeps_slash and path.endswith("/."):
        return f"{joined}/." if joined != "/" else "/."
    return joined


def target_in(directory: str, path: str) -> str:
    """Where a target of COPY is, cleaned; a slash at its end, or ``/.``, stays: it says that this is a folder."""
    whole = in_directory(directory, "./" if path in ("", ".") else path, keeps_slash=True)
    cleaned = joined_path("/", whole)
    if whole.endswith("/") and cleaned != "/":
        return f"{cleaned}/"
    return f"{cleaned.rstrip('/')}/." if whole.endswith("/.") else cleaned


def joined_path(*parts: str) -> str:
    """Go's ``path.Join``: cleaned."""
    normal = posixpath.normpath("/".join(part for part in parts if part))
    return f"/{normal.lstrip('/')}" if normal.startswith("/") else normal


def _quoted(words: Iterable[str]) -> str:
    return f"[{' '.join(map(quoted, words))}]"
