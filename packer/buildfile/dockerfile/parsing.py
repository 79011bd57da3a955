"""A Dockerfile's bytes → its stages and instructions. Pure.

As BuildKit understands them (frontend/dockerfile/instructions/parse.go): what it takes is taken, what it refuses is
refused, with file, line and the nearest word that would have been right.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.directives import check_syntax, leading_directives
from whit.packer.buildfile.dockerfile.instructions import Arg, Dockerfile, From, Instruction, Source, Stage
from whit.packer.buildfile.dockerfile.lexing import lex
from whit.packer.buildfile.dockerfile.problems import DockerfileError, Fault, Place, at, did_you_mean
from whit.packer.buildfile.dockerfile.reading import READERS, Parts
from whit.packer.buildfile.dockerfile.splitting import split_line

if TYPE_CHECKING:
    from whit.packer.buildfile.dockerfile.lexing import Line

_COMMENT_LINES = re.compile(r"[^\n]*\n?")


def parse(data: bytes, file: str = "Dockerfile") -> Dockerfile:
    """A whole Dockerfile. Raises :class:`DockerfileError`."""
    lexed = lex(data, file)
    for directive in lexed.directives:
        if directive.name == "syntax":
            with at(Place(file, directive.line, directive.line)):
                check_syntax(directive.value)
    global_args: list[Arg] = []
    stages: list[tuple[From, list[Instruction]]] = []
    for line in lexed.lines:
        instruction = parse_line(line, lexed.escape)
        if isinstance(instruction, From):
            stages.append((instruction, []))
        elif stages:
            stages[-1][1].append(instruction)
        elif isinstance(instruction, Arg):
            global_args.append(instruction)
        else:
            raise DockerfileError(
                line.place,
                f"{instruction.source.word} stands before the first FROM",
                "only ARG may; begin a stage with FROM, FROM scratch for an empty one",
            )
    return Dockerfile(
        file=file,
        escape=lexed.escape,
        check=_check(data),
        global_args=tuple(global_args),
        stages=tuple(Stage(index, start, tuple(found)) for index, (start, found) in enumerate(stages)),
        empty_continuations=lexed.empty_continuations,
    )


def _check(data: bytes) -> str:
    """The first word of ``# check=``: BuildKit takes no more of it."""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    lines = (match[0] for match in _COMMENT_LINES.finditer(text))
    found = leading_directives(lines).get("check")
    return found.value.partition(" ")[0] if found else ""


def parse_line(line: Line, escape: str) -> Instruction:
    """One instruction. Raises :class:`DockerfileError`."""
    with at(line.place):
        split = split_line(line.text, escape)
        read = READERS.get(split.word.upper())
        if read is None:
            near = did_you_mean(split.word.upper(), READERS)
            raise Fault(f"unknown instruction: {split.word[:80]}", near or f"one of {', '.join(READERS)}")
        source = Source(line.place, line.text.strip(), split.word, line.comments)
        return read(Parts(source, split.flags, split.rest, escape, line.text, line.heredocs))


def parse_trigger(text: str, place: Place, escape: str = "\\") -> Instruction:
    """An ONBUILD instruction of a base image's, which has the place of the FROM that brings it. Raises :class:`DockerfileError`."""
    lines = lex(text.encode("utf-8", "surrogateescape"), place.file).lines
    if len(lines) != 1:
        raise DockerfileError(place, "an ONBUILD instruction of the base image isn't one instruction")
    line = type(lines[0])(place, lines[0].text, lines[0].comments, lines[0].heredocs)
    found = parse_line(line, escape)
    if isinstance(found, From):
        raise DockerfileError(place, "an ONBUILD instruction of the base image is a FROM")
    return found
