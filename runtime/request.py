"""The words of a ``whit run`` command line → :class:`RunOptions`, with what was read of the host on the way."""

from __future__ import annotations

import os
from pathlib import Path

from whit.packer.registry.obtaining import Pull
from whit.packer.resolution.choices import DEFAULT, Choices, parse_choices
from whit.packer.support.errors import InvalidFileError, NotFoundError, UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.capabilities import NAMES, parse_capability
from whit.runtime.limits import Limits, parse_cpus, parse_memory, parse_pids, parse_timeout, parse_ulimit
from whit.runtime.mounts import Volume, container_path, parse_tmpfs
from whit.runtime.options import FileIdentity, Network, RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from whit.packer.image.platform import Platform
    from whit.runtime.sandbox import Sandbox

    T = TypeVar("T")

_ALSO_BRIDGE = {"default": Network.BRIDGE}
"""Docker's other name for it."""


@dataclass(frozen=True, slots=True)
class Words:
    """The option values of ``whit run`` and ``whit plan`` as they stand on the command line."""

    target: str
    arguments: tuple[str, ...] = ()
    entrypoint: str | None = None
    env: tuple[str, ...] = ()
    env_file: tuple[str, ...] = ()
    user: str | None = None
    workdir: str | None = None
    hostname: str | None = None
    network: tuple[str, ...] = ()
    memory: str | None = None
    cpus: str | None = None
    pids_limit: str | None = None
    ulimit: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    volume: tuple[str, ...] = ()
    tmpfs: tuple[str, ...] = ()
    init: bool = False
    landlock: bool = False
    sandbox: str | None = None
    time_offset: int | None = None
    timeout: str | None = None
    fuel: int | None = None
    sources: str = "packages"
    sysroot: str | None = None
    add: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    pull: str = Pull.NEVER
    platform: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed command line. What else it depends on: variables (name, value), files read, the working directory.

    ``choices`` are for a file that is packed: an image has been made.
    """

    target: str
    options: RunOptions
    variables: tuple[tuple[str, str | None], ...] = ()
    files: tuple[FileIdentity | None, ...] = ()
    uses_directory: bool = False
    choices: Choices = DEFAULT
    pull: str = Pull.NEVER
    platform: Platform | None = None


def identity_of(path: str) -> FileIdentity | None:
    """What tells one state of a file from another; None if it isn't there."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a text path
    except OSError:
        return None
    return path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _assignment(text: str, where: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name or "\0" in text:
        raise UsageError(f"{where}: '{text}' sets no variable", hint="write NAME=VALUE, or NAME to pass on your own")
    return name, value


def _lines(path: str) -> list[tuple[str, str]]:
    """(assignment, where it stands) of a file of variables, read as docker reads one."""
    try:
        text = Path(path).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidFileError(f"{path}: not a text file in UTF-8", hint="write a NAME=VALUE a line") from None
    except FileNotFoundError:
        raise NotFoundError(f"--env-file: there is no {path}", hint="check its spelling") from None
    except IsADirectoryError:
        raise InvalidFileError(f"--env-file: {path} is a folder", hint="name a file in it") from None
    found = []
    # Only line feeds end a line: a value may hold what else Python takes for an end.
    for number, line in enumerate(text.split("\n"), 1):
        content, where = line.removesuffix("\r").lstrip(), f"{path}:{number}"
        if not content or content.startswith("#"):
            continue
        name = content.partition("=")[0]
        if name.split() != [name]:
            raise UsageError(f"{where}: '{content}' sets no variable", hint="write NAME=VALUE, without 'export'")
        found.append((content, where))
    return found


def environment_of(words: Words) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str | None], ...]]:
    """(variables for the program, variables of the caller that were asked for). Raises what :func:`parse_request` does."""
    variables: list[tuple[str, str]] = []
    inherited: list[tuple[str, str | None]] = []
    lines = [line for path in words.env_file for line in _lines(path)]
    for text, where in [*lines, *((text, "--env") for text in words.env)]:
        name, value = _assignment(text, where)
        if "=" in text:
            variables.append((name, value))
            continue
        own = os.environ.get(name)
        inherited.append((name, own))
        if own is not None:
            variables.append((name, own))
    return tuple(dict(variables).items()), tuple(inherited)


def _volume(text: str) -> Volume:
    source, colon, rest = text.partition(":")
    target, _, words = rest.partition(":")
    options = [word for word in words.split(",") if word]
    unknown = [word for word in options if word not in {"ro", "rw", "z", "Z"}]
    if not colon or not source or not target or unknown:
        wrong = f"'{unknown[0]}' is no option" if unknown else "it needs a source and a target"
        raise UsageError(f"'{text}': {wrong}", hint="write SOURCE:/TARGET or SOURCE:/TARGET:ro")
    if "/" not in source and source not in {".", ".."}:
        raise UsageError(f"'{text}': '{source}' is no path", hint=f"for a folder here write ./{source}:{target}")
    path = Path(source).absolute()
    if not path.exists():
        raise NotFoundError(f"'{text}': there is no {path}", hint="create it first: what would be in it?")
    return Volume(str(path), container_path(target, text), "ro" in options, path.is_dir())


def _network(words: Words) -> Network:
    """Of a container that isn't kept: whit's default one unless another is asked for."""
    texts = [_ALSO_BRIDGE.get(text, text) for text in words.network or (Network.BRIDGE,)]
    alone = next((text for text in texts if text in (Network.NONE, Network.HOST)), None)
    if alone and len(texts) > 1:
        raise UsageError(f"--network {alone} goes with no other network", hint="leave it out, or the others")
    for text in texts:
        if text not in set(Network):
            raise UsageError(
                f"--network: a container that isn't kept can't be in '{text}'",
                hint="give it a name, by which it is kept",
            )
    if len(texts) > 1:
        raise UsageError(f"--network {texts[0]} is given twice", hint="a container is in a network once")
    return Network(texts[0])


def _volumes(words: Words, network: Network) -> tuple[Volume, ...]:
    """What was asked for, and how the host finds names for a container on the host's network."""
    volumes = tuple(_parsed("--volume", text, _volume) for text in words.volume)
    if network is not Network.HOST:
        return volumes
    taken = {volume.target for volume in volumes}
    names = [path for path in ("/etc/hosts", "/etc/resolv.conf") if path not in taken and Path(path).is_file()]
    return (*(Volume(path, path, read_only=True, is_directory=False) for path in names), *volumes)


def _capabilities(texts: tuple[str, ...]) -> frozenset[str]:
    if any(text.upper() == "ALL" for text in texts):
        return frozenset(NAMES)
    return frozenset(_parsed("--cap-add", text, parse_capability) for text in texts)


def _parsed(option: str, text: str, parse: Callable[[str], T]) -> T:
    """An option's value, with the option's name in what is said about a bad one."""
    try:
        return parse(text)
    except WhitError as error:
        raise type(error)(f"{option}: {error.message}", hint=error.hint) from None


def _sandbox(text: str, capabilities: tuple[str, ...]) -> Sandbox:
    from whit.runtime.sandbox import parse_sandbox  # noqa: PLC0415 - few ask for one

    if capabilities:
        raise UsageError(f"--cap-add {capabilities[0]} and --sandbox strict", hint="a strict sandbox has no capability")
    return parse_sandbox(text, "--sandbox")


def _limits(words: Words) -> Limits:
    limits = Limits()
    if words.memory is not None:
        limits = replace(limits, memory=_parsed("--memory", words.memory, parse_memory))
    if words.cpus is not None:
        limits = replace(limits, cpu_quota_us=_parsed("--cpus", words.cpus, parse_cpus))
    if words.pids_limit is not None:
        limits = replace(limits, pids=_parsed("--pids-limit", words.pids_limit, parse_pids), pids_asked=True)
    return limits


def parse_request(words: Words) -> Request:
    """Everything that can be said about a command line without an image. Raises :class:`UsageError` and its like."""
    files = tuple(map(identity_of, words.env_file))
    env, inherited = environment_of(words)
    network = _network(words)
    rlimits = [_parsed("--ulimit", text, parse_ulimit) for text in words.ulimit]
    options = RunOptions(
        arguments=words.arguments[1:] if words.arguments[:1] == ("--",) else words.arguments,
        entrypoint=words.entrypoint,
        env=env,
        user=words.user,
        working_dir=words.workdir,
        hostname=words.hostname,
        network=network,
        limits=_limits(words),
        rlimits=tuple({limit.resource: limit for limit in rlimits}.values()),
        add_capabilities=_capabilities(words.cap_add),
        volumes=_volumes(words, network),
        tmpfs=tuple(_parsed("--tmpfs", text, parse_tmpfs) for text in words.tmpfs),
        init=words.init,
        landlock=words.landlock,
        sandbox=None if words.sandbox is None else _sandbox(words.sandbox, words.cap_add),
        time_offset=words.time_offset,
        timeout_ms=None if words.timeout is None else _parsed("--timeout", words.timeout, parse_timeout),
        fuel=words.fuel,
    )
    choices = parse_choices(words.sources, words.sysroot, words.needs, words.add)
    paths = (*words.volume, *words.env_file, *words.add, *filter(None, (words.sysroot,)))
    relative = any(not text.startswith("/") for text in paths)
    platform = _platform(words.platform) if words.platform is not None else None
    return Request(words.target, options, inherited, files, relative, choices, words.pull, platform)


def _platform(text: str) -> Platform:
    from whit.packer.image.platform import machine_platform, parse_platform  # noqa: PLC0415 - few ask for one

    return parse_platform(text, machine_platform(os.uname().machine))
