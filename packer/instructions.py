"""``whit commit --change``: a line of a Dockerfile's that changes how an image's program is run. Pure."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

from whit.packer.errors import UsageError
from whit.packer.light import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whit.packer.imagespec import RunConfig

_PORT = re.compile(r"[0-9]{1,5}(-[0-9]{1,5})?(/(tcp|udp|sctp))?", re.ASCII)


def _list(text: str) -> tuple[str, ...] | None:
    """A JSON list of texts; None for anything else."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, list) or not all(isinstance(item, str) and "\0" not in item for item in found):
        return None
    return tuple(found)


def _command(text: str) -> tuple[str, ...]:
    listed = _list(text)
    return ("/bin/sh", "-c", text) if listed is None else listed


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--change: '{text}': {error}") from None


def _pairs(text: str) -> dict[str, str]:
    """``NAME=VALUE …``, or the older ``NAME VALUE``."""
    words = _words(text)
    if words and "=" not in words[0]:
        name, _, value = text.partition(" ")
        return {name: value.strip()}
    if not all(word.partition("=")[0] and "=" in word for word in words):
        raise UsageError(f"--change: '{text}' is not NAME=VALUE", hint="quote what has spaces: ENV NAME='two words'")
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def _env(run: RunConfig, text: str) -> RunConfig:
    variables = {name: value for name, _, value in (item.partition("=") for item in run.env)} | _pairs(text)
    return replace(run, env=tuple(f"{name}={value}" for name, value in variables.items()))


def _expose(run: RunConfig, text: str) -> RunConfig:
    ports = _words(text)
    if not ports or not all(map(_PORT.fullmatch, ports)):
        raise UsageError(f"--change: '{text}' is no port", hint="EXPOSE 8080, EXPOSE 53/udp")
    whole = (port if "/" in port else f"{port}/tcp" for port in ports)
    return replace(run, exposed_ports=tuple(sorted({*run.exposed_ports, *whole})))


def _volume(run: RunConfig, text: str) -> RunConfig:
    listed = _list(text)
    paths = _words(text) if listed is None else listed
    return replace(run, volumes=tuple(sorted({*run.volumes, *paths})))


_INSTRUCTIONS: dict[str, Callable[[RunConfig, str], RunConfig]] = {
    "CMD": lambda run, text: replace(run, cmd=_command(text)),
    "ENTRYPOINT": lambda run, text: replace(run, entrypoint=_command(text)),
    "ENV": _env,
    "EXPOSE": _expose,
    "LABEL": lambda run, text: replace(run, labels=tuple(sorted((dict(run.labels) | _pairs(text)).items()))),
    "STOPSIGNAL": lambda run, text: replace(run, stop_signal=text),
    "USER": lambda run, text: replace(run, user=text),
    "VOLUME": _volume,
    "WORKDIR": lambda run, text: replace(run, working_dir=text if text.startswith("/") else f"/{text}"),
}


def changed(run: RunConfig, changes: Iterable[str]) -> RunConfig:
    """How the program is run after these lines. Raises :class:`UsageError`."""
    for line in changes:
        word, _, text = line.strip().partition(" ")
        change = _INSTRUCTIONS.get(word.upper())
        if change is None or not text.strip() or "\0" in text:
            raise UsageError(f"--change: '{line}'", hint=f"one of {', '.join(_INSTRUCTIONS)}, and what follows it")
        run = change(run, text.strip())
    return run
