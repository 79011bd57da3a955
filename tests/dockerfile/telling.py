"""Dockerfiles as the tests compare them: what whit makes of one, in the words in which BuildKit's oracle tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whit.packer.buildfile.dockerfile import instructions as made
from whit.packer.buildfile.dockerfile.parsing import parse

if TYPE_CHECKING:
    from whit.packer.buildfile.dockerfile.lexing import Heredoc


def told(text: str) -> dict[str, Any]:
    """A whole file. Raises as :func:`parse` does."""
    dockerfile = parse(text.encode("utf-8", "surrogateescape"))
    return {
        "escape": dockerfile.escape,
        "args": [_told(one) for one in dockerfile.global_args],
        "stages": [_stage(stage) for stage in dockerfile.stages],
        "empty": [place.first for place in dockerfile.empty_continuations],
    }


def _lines(source: made.Source) -> list[int]:
    return [source.place.first, source.place.last]


def _stage(stage: made.Stage) -> dict[str, Any]:
    start = stage.start
    return {
        "base": start.base,
        "name": start.name,
        "platform": start.platform,
        "lines": _lines(start.source),
        "comments": list(start.source.comments),
        "instructions": [_told(one) for one in stage.instructions],
    }


def _told(one: made.Instruction) -> dict[str, Any]:
    source = one.source
    common = {"name": source.word, "lines": _lines(source), "comments": list(source.comments), "code": source.text}
    return {**_fields(one), **common}


def _fields(one: made.Instruction) -> dict[str, Any]:  # noqa: PLR0911 - one a kind
    match one:
        case made.Arg():
            return {"args": [[arg.name, arg.default] for arg in one.arguments]}
        case made.Env() | made.Label():
            return {"pairs": [[pair.name, pair.value, pair.is_legacy] for pair in one.pairs]}
        case made.Run():
            kept = {"mounts": list(one.mount_sources), "network": one.network, "security": one.security}
            return {**_command(one.command), **kept}
        case made.Cmd() | made.Entrypoint():
            return _command(one.command)
        case made.Copy():
            flags = {"from": one.origin, "parents": one.keeps_parents}
            return {**_files(one), **flags}
        case made.Add():
            return {**_files(one), "checksum": one.checksum, "git": one.keeps_git_dir, "unpack": one.unpacks}
        case made.Onbuild():
            return {"trigger": one.trigger}
        case made.HealthcheckSet():
            health = one.health
            times = [health.interval, health.timeout, health.start_period, health.start_interval]
            return {"health": [list(health.test), *times, health.retries]}
    return _words(one)


def _words(one: made.Instruction) -> dict[str, Any]:  # noqa: PLR0911 - as above
    match one:
        case made.Workdir():
            return {"text": one.path}
        case made.User():
            return {"text": one.user}
        case made.Maintainer():
            return {"text": one.name}
        case made.Stopsignal():
            return {"text": one.signal}
        case made.Expose():
            return {"texts": list(one.ports)}
        case made.Volume():
            return {"texts": list(one.paths)}
        case made.Shell():
            return {"texts": list(one.words)}
    raise AssertionError(one)


def _command(command: made.CommandLine) -> dict[str, Any]:
    files = [[one.name, one.content, one.strips_tabs] for one in command.heredocs]
    return {"words": list(command.words), "shell": command.for_shell, "files": files}


def _inline(one: Heredoc) -> list[Any]:
    return [one.name, one.text, one.expands]


def _files(one: made.Copy | made.Add) -> dict[str, Any]:
    return {
        "sources": list(one.sources),
        "inline": [_inline(heredoc) for heredoc in one.heredocs],
        "target": one.target,
        "chown": one.owner,
        "chmod": one.mode,
        "link": one.is_linked,
        "exclude": list(one.excludes),
    }
