"""The words of ``whit bundle`` → what is written: the image made ready, its options, and what is left to the start."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from whit.packer.image.callsclaim import Calls
from whit.packer.support.errors import UsageError
from whit.runtime.bundle.plans import entrypoint_words
from whit.runtime.mounts import container_path
from whit.runtime.prepare import prepare
from whit.runtime.request import Words, environment_of, parse_request
from whit.runtime.rootview import RootView

if TYPE_CHECKING:
    from whit.packer.image.callsclaim import Refusal
    from whit.packer.store.store import Store
    from whit.runtime.options import RunOptions
    from whit.runtime.prepare import Prepared

NETWORKS = ("none", "host")

OWN_PLACES = ("cache", "runtime")
"""Folders of whoever starts a bundle, where its files may be kept: $XDG_CACHE_HOME and $XDG_RUNTIME_DIR."""

NOWHERE = "none"
"""Its files are copied into memory at each start."""


def _volume(text: str) -> str:
    """A volume of another machine's: only its form can be looked at."""
    source, _, rest = text.partition(":")
    target, _, word = rest.partition(":")
    if not source or not target or word not in {"", "ro", "rw"}:
        raise UsageError(f"--volume: '{text}' is no volume", hint="write SOURCE:/TARGET or SOURCE:/TARGET:ro")
    if "/" not in source and source not in {".", ".."}:
        raise UsageError(f"--volume: '{text}': '{source}' is no path", hint=f"for a folder there write ./{source}")
    container_path(target, text)
    return text


def settings(words: Words, *, writable: bool, unpack: str | None = None) -> tuple[str, ...]:
    """What the launcher reads at each start, and a person may give otherwise then. Raises :class:`UsageError`."""
    if unpack is not None:
        _check_unpack(unpack, writable=writable)
    if writable and words.sandbox is not None:
        raise UsageError("--writable and --sandbox strict", hint="leave one of them out")
    if len(words.network) > 1 or not set(words.network) <= set(NETWORKS):
        raise UsageError(
            f"--network: a bundle can't be in '{' '.join(words.network)}'",
            hint="its network is none or host: whit run has more",
        )
    given = (("memory", words.memory), ("cpus", words.cpus), ("pids-limit", words.pids_limit))
    # What is named alone is passed on from where the bundle is started.
    known, _ = environment_of(replace(words, env=tuple(text for text in words.env if "=" in text)))
    passed = tuple(text for text in words.env if "=" not in text)
    return (
        *(f"{name}={value}" for name, value in given if value is not None),
        *(f"network={name}" for name in words.network),
        *(f"volume={_volume(text)}" for text in words.volume),
        *(f"env={name}={value}" for name, value in known),
        *(f"env={name}" for name in passed),
        *(("writable=1",) if writable else ()),
        *((f"unpack={unpack}",) if unpack not in {None, NOWHERE} else ()),
    )


def _check_unpack(place: str, *, writable: bool) -> None:
    if place == NOWHERE:
        return
    if place not in OWN_PLACES and (not place.startswith("/") or "\0" in place):
        raise UsageError(
            f"--unpack: '{place}' is no place on each machine", hint="write cache, runtime, none, or a path from / on"
        )
    if writable:
        raise UsageError("--writable and --unpack", hint="leave one of them out: what is kept stays as it is")


def ready(
    words: Words, store: Store, refusal: Refusal | None = None, added: frozenset[str] = frozenset()
) -> tuple[Prepared, RunOptions]:
    """The image, packed or found, and the options that its plans are made of.

    With ``refusal`` its filter allows the calls of the program's code, and ``added`` ones, alone. Raises what ``whit run`` does, and
    :class:`UnsupportedError` where the calls can't be told.
    """
    request = parse_request(replace(words, env=(), env_file=(), volume=(), network=("none",)))
    if request.options.time_offset is not None:
        raise UsageError("a bundle has no --time-offset", hint="'whit run' has")
    ready = prepare(request, store, ())
    return ready if refusal is None else _proven(ready, request.options, refusal, added), request.options


def _proven(ready: Prepared, options: RunOptions, refusal: Refusal, added: frozenset[str]) -> Prepared:
    """With the calls that the program's code makes, those that the image tells of or that are found in it now."""
    program = ready.program
    if not entrypoint_words(options, program):
        raise UsageError(
            f"--seccomp auto: {program.name} has no entrypoint: what it executes may be another program each time",
            hint="give it one: --entrypoint /PROGRAM",
        )
    known = program.calls.names if program.calls else frozenset()
    names = known if known and not _starts_others(added - known) else known | _found(ready, added)
    return replace(ready, program=replace(program, calls=Calls(names | added, refusal)))


def _starts_others(added: frozenset[str]) -> bool:
    """Whether calls are added by which it executes other programs of the image: what those make is needed, too."""
    from whit.packer.syscalls.names import STARTS  # noqa: PLC0415 - for this alone

    return bool(added & STARTS)


def _found(ready: Prepared, added: frozenset[str]) -> frozenset[str]:
    from whit.packer.syscalls.offolder import calls_in  # noqa: PLC0415 - its libraries are an extra

    path = RootView(ready.program.rootfs).resolve(ready.executable)
    return calls_in(ready.program.rootfs, path, added).names if path else frozenset()


def warning_of(image: Prepared, words: Words) -> tuple[str, str] | None:
    """What a person should know: a server that nobody can reach."""
    ports = image.image.config.run.exposed_ports
    if not ports or "host" in words.network:
        return None
    return (
        f"the image exposes {', '.join(ports)}, and the bundle has no network unless it is asked for",
        "bundle it with --network host, or start it with --whit-network host",
    )
