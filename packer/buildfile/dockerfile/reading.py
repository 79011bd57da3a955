"""One reader an instruction: a line's flags and words → its record. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile import instructions as made
from whit.packer.buildfile.dockerfile.flags import FlagKind, Flags, read_flags
from whit.packer.buildfile.dockerfile.health import read_healthcheck
from whit.packer.buildfile.dockerfile.lexing import Heredoc, heredoc_of
from whit.packer.buildfile.dockerfile.mounts import source_of
from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.buildfile.dockerfile.splitting import blank_words, json_words, quoted_words, split_line
from whit.packer.buildfile.dockerfile.text import BLANKS, SPACE
from whit.packer.support.light import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whit.packer.buildfile.dockerfile.instructions import Instruction, Source

_STAGE_NAME = re.compile(r"[a-z][a-z0-9\-_.]*", re.ASCII)
_ONBUILD = re.compile(r"\A[\t\n\f\r ]*ONBUILD[\t\n\f\r ]*", re.IGNORECASE | re.ASCII)
_NO_FLAGS: Mapping[str, FlagKind] = {}
_RUN_FLAGS = {
    "mount": FlagKind.LIST,
    "network": FlagKind.TEXT,
    "security": FlagKind.TEXT,
    "device": FlagKind.LIST,
}
_FILE_FLAGS = {
    "chown": FlagKind.TEXT,
    "chmod": FlagKind.TEXT,
    "link": FlagKind.SWITCH,
    "exclude": FlagKind.LIST,
}
_COPY_FLAGS = {**_FILE_FLAGS, "from": FlagKind.TEXT, "parents": FlagKind.SWITCH}
_ADD_FLAGS = {
    **_FILE_FLAGS,
    "keep-git-dir": FlagKind.SWITCH,
    "checksum": FlagKind.TEXT,
    "unpack": FlagKind.SWITCH,
}
_NETWORKS = ("default", "none", "host")
_SECURITY = ("sandbox", "insecure")


@dataclass(frozen=True, slots=True)
class Parts:
    """A line split: ``rest`` is what follows the flags, ``line`` all of it."""

    source: Source
    flags: tuple[str, ...]
    rest: str
    escape: str
    line: str
    heredocs: tuple[Heredoc, ...]

    @property
    def name(self) -> str:
        """The instruction's name for errors."""
        return self.source.word.upper()

    def read(self, known: Mapping[str, FlagKind] = _NO_FLAGS) -> Flags:
        """Its flags. Raises Fault."""
        return read_flags(self.flags, known)

    def only_word(self) -> str:
        """What follows, as one text that must be there."""
        if not self.rest:
            raise Fault(f"{self.name} needs exactly one argument")
        return self.rest


def _from(parts: Parts) -> Instruction:
    words = blank_words(parts.rest)
    name = ""
    if len(words) == 3 and words[1].casefold() == "as":  # noqa: PLR2004 - FROM BASE AS NAME
        name = words[2].lower()
        if not _STAGE_NAME.fullmatch(name):
            raise Fault(
                f"'{words[2]}' is no stage's name", "it begins with a letter, and has letters, digits and - _ . only"
            )
    elif len(words) != 1:
        raise Fault("FROM needs one argument or three", "FROM IMAGE, or FROM IMAGE AS NAME")
    flags = parts.read({"platform": FlagKind.TEXT})
    written = words[1:] or ("", "")
    return made.From(parts.source, words[0], name, flags.text("platform"), written[1], written[0])


def _arg(parts: Parts) -> Instruction:
    # ARG takes flags and passes them over, as BuildKit does.
    words = quoted_words(parts.rest, parts.escape)
    if not words:
        raise Fault("ARG needs at least one argument", "ARG NAME, or ARG NAME=DEFAULT")
    arguments = []
    for word in words:
        name, equals, default = word.partition("=")
        if equals and not name:
            raise Fault("ARG without a name before the equals sign")
        arguments.append(made.Argument(name, default if equals else None))
    return made.Arg(parts.source, tuple(arguments))


def _pairs(parts: Parts) -> tuple[made.Pair, ...]:
    parts.read()
    words = quoted_words(parts.rest, parts.escape)
    if not words:
        raise Fault(f"{parts.name} needs at least one argument", f"as in {parts.name} NAME=VALUE")
    if "=" not in words[0]:
        name, *value = BLANKS.split(parts.rest, maxsplit=1)
        if not value:
            raise Fault(f"{parts.name} needs a name and a value", f"as in {parts.name} {name[:40]}=VALUE")
        return (made.Pair(name, value[0], is_legacy=True),)
    for word in words:
        if "=" not in word:
            raise Fault(f"'{word[:80]}' has no equals sign", "quote what has spaces: NAME='two words'")
        if word.startswith("="):
            raise Fault(f"{parts.name} without a name before the equals sign")
    split = (word.partition("=") for word in words)
    return tuple(made.Pair(name, value) for name, _, value in split)


def command_line(text: str, heredocs: tuple[Heredoc, ...] = ()) -> made.CommandLine:
    """The exec form where it is a JSON list, else the shell form. Raises Fault."""
    words = json_words(text)
    if words is not None:
        return made.CommandLine(words, for_shell=False, heredocs=heredocs)
    return made.CommandLine((text,) if text else (), for_shell=True, heredocs=heredocs)


def _run(parts: Parts) -> Instruction:
    flags = parts.read(_RUN_FLAGS)
    network = flags.text("network", "default")
    if network not in _NETWORKS:
        raise Fault(f"--network={network} isn't known", f"one of {', '.join(_NETWORKS)}")
    security = flags.text("security", "sandbox")
    if security not in _SECURITY:
        raise Fault(f"--security={security} isn't known", f"one of {', '.join(_SECURITY)}")
    mounts = flags.list("mount")
    return made.Run(
        parts.source,
        command_line(parts.rest, parts.heredocs),
        mounts,
        tuple(map(source_of, mounts)),
        network,
        security,
        flags.list("device"),
    )


def _files(parts: Parts) -> tuple[tuple[str, ...], tuple[Heredoc, ...], str]:
    """Sources that are paths, those that are here-documents, and the target."""
    words = json_words(parts.rest)
    words = blank_words(parts.rest) if words is None else words
    if len(words) < 2:  # noqa: PLR2004 - a source and a target
        raise Fault(f"{parts.name} needs at least two arguments: what, and where to")
    target = words[-1]
    if _announced(target):
        raise Fault(f"{parts.name} can't have a here-document as its target")
    by_name = {one.name: one for one in parts.heredocs}
    paths, heredocs = [], []
    for word in words[:-1]:
        heredoc = _announced(word)
        if heredoc is None:
            paths.append(word)
        else:
            heredocs.append(replace(heredoc, content=by_name.get(heredoc.name, heredoc).content))
    return tuple(paths), tuple(heredocs), target


def _announced(word: str) -> Heredoc | None:
    try:
        return heredoc_of(word)
    except Fault:
        return None  # then it is a path


def _copy(parts: Parts) -> Instruction:
    sources, heredocs, target = _files(parts)
    flags = parts.read(_COPY_FLAGS)
    return made.Copy(
        parts.source,
        sources,
        heredocs,
        target,
        origin=flags.text("from"),
        owner=flags.text("chown"),
        mode=flags.text("chmod"),
        is_linked=flags.switch("link"),
        keeps_parents=flags.switch("parents"),
        excludes=flags.list("exclude"),
    )


def _add(parts: Parts) -> Instruction:
    sources, heredocs, target = _files(parts)
    flags = parts.read(_ADD_FLAGS)
    return made.Add(
        parts.source,
        sources,
        heredocs,
        target,
        owner=flags.text("chown"),
        mode=flags.text("chmod"),
        checksum=flags.text("checksum"),
        is_linked=flags.switch("link"),
        keeps_git_dir=flags.switches.get("keep-git-dir"),
        unpacks=flags.switches.get("unpack"),
        excludes=flags.list("exclude"),
    )


def _shell(parts: Parts) -> Instruction:
    parts.read()
    words = json_words(parts.rest)
    if words is None and parts.rest:
        raise Fault("SHELL takes a JSON list only", 'as in SHELL ["/bin/bash", "-c"]')
    if not words:
        raise Fault("SHELL needs at least one argument")
    return made.Shell(parts.source, words)


def _onbuild(parts: Parts) -> Instruction:
    first = blank_words(parts.rest)
    if not first:
        raise Fault("ONBUILD needs at least one argument", "as in ONBUILD COPY . /src")
    parts.read()
    trigger = first[0].upper()
    if trigger == "ONBUILD":
        raise Fault("ONBUILD of an ONBUILD isn't allowed")
    if trigger in ("FROM", "MAINTAINER"):
        raise Fault(f"ONBUILD of {trigger} isn't allowed")
    _check_trigger(parts, trigger)
    ended = "".join(f"\n{one.content}{one.name}" for one in parts.heredocs)
    return made.Onbuild(parts.source, _ONBUILD.sub("", parts.line) + ended)


def _check_trigger(parts: Parts, trigger: str) -> None:
    """What can't even be split is refused where it is written; all else where it is triggered, as BuildKit does."""
    split = split_line(parts.rest, parts.escape)
    inner = Parts(parts.source, (), split.rest, parts.escape, parts.line, ())
    if trigger in ("ENV", "LABEL") and split.rest:
        _pairs(inner)
    elif trigger in ("RUN", "CMD", "ENTRYPOINT", "SHELL", "COPY", "ADD", "VOLUME"):
        json_words(split.rest)
    elif trigger == "HEALTHCHECK":
        json_words(BLANKS.split(split.rest, maxsplit=1)[-1])


def _healthcheck(parts: Parts) -> Instruction:
    return made.HealthcheckSet(parts.source, read_healthcheck(parts.rest, parts.flags))


def _expose(parts: Parts) -> Instruction:
    words = blank_words(parts.rest)
    if not words:
        raise Fault("EXPOSE needs at least one argument", "as in EXPOSE 8080 53/udp")
    parts.read()
    return made.Expose(parts.source, tuple(sorted(words)))


def _volume(parts: Parts) -> Instruction:
    words = json_words(parts.rest)
    words = blank_words(parts.rest) if words is None else words
    if not words:
        raise Fault("VOLUME needs at least one argument", "as in VOLUME /data")
    parts.read()
    paths = tuple(word.strip(SPACE) for word in words)
    if not all(paths):
        raise Fault("VOLUME of an empty path")
    return made.Volume(parts.source, paths)


def _one(make: Callable[[Source, str], Instruction]) -> Callable[[Parts], Instruction]:
    def read(parts: Parts) -> Instruction:
        parts.read()
        return make(parts.source, parts.only_word())

    return read


def _stopsignal(parts: Parts) -> Instruction:
    # Flags are passed over, as BuildKit does.
    return made.Stopsignal(parts.source, parts.only_word())


def _commanded(make: Callable[[Source, made.CommandLine], Instruction]) -> Callable[[Parts], Instruction]:
    def read(parts: Parts) -> Instruction:
        parts.read()
        return make(parts.source, command_line(parts.rest))

    return read


READERS: dict[str, Callable[[Parts], Instruction]] = {
    "FROM": _from,
    "ARG": _arg,
    "RUN": _run,
    "COPY": _copy,
    "ADD": _add,
    "ENV": lambda parts: made.Env(parts.source, _pairs(parts)),
    "LABEL": lambda parts: made.Label(parts.source, _pairs(parts)),
    "CMD": _commanded(made.Cmd),
    "ENTRYPOINT": _commanded(made.Entrypoint),
    "SHELL": _shell,
    "HEALTHCHECK": _healthcheck,
    "ONBUILD": _onbuild,
    "STOPSIGNAL": _stopsignal,
    "USER": _one(made.User),
    "WORKDIR": _one(made.Workdir),
    "EXPOSE": _expose,
    "VOLUME": _volume,
    "MAINTAINER": _one(made.Maintainer),
}
"""By the instruction's name in capitals."""
