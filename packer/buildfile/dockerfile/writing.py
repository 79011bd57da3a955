"""Checks of how a Dockerfile is written, before anything in it is expanded. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.checks import Checker, Rule
from whit.packer.buildfile.dockerfile.instructions import Arg, From, Instruction, Maintainer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.buildfile.dockerfile.instructions import Dockerfile, Source

RESERVED = ("context", "scratch")


def check_writing(dockerfile: Dockerfile, checker: Checker) -> None:
    """Everything that needs no variables."""
    for place in dockerfile.empty_continuations:
        checker.report(Rule.NO_EMPTY_CONTINUATION, place, "Empty continuation line")
    for instruction in _in_order(dockerfile):
        _check_one(instruction, checker.within(instruction.source.comments))
    _check_names(dockerfile, checker)
    _check_casing(dockerfile, checker)


def _in_order(dockerfile: Dockerfile) -> Iterator[Instruction]:
    yield from dockerfile.global_args
    for stage in dockerfile.stages:
        yield stage.start
        yield from stage.instructions


def _check_one(instruction: Instruction, checker: Checker) -> None:
    source = instruction.source
    if isinstance(instruction, Maintainer):
        message = "Maintainer instruction is deprecated in favor of using label"
        checker.report(Rule.MAINTAINER_DEPRECATED, source.place, message)
    elif isinstance(instruction, Arg):
        _check_description(source, "ARG", tuple(one.name for one in instruction.arguments), checker)
    elif isinstance(instruction, From) and instruction.name:
        _check_from(instruction, checker)
        _check_description(source, "FROM", (instruction.name,), checker)


def _check_from(start: From, checker: Checker) -> None:
    word, place = start.source.word, start.source.place
    if start.written_name != start.written_name.lower():
        message = f"Stage name '{start.written_name}' should be lowercase"
        checker.report(Rule.STAGE_NAME_CASING, place, message)
    matches = start.written_as == (start.written_as.lower() if word == word.lower() else start.written_as.upper())
    if _is_consistent(word) and not matches:
        message = f"'{start.written_as}' and '{word}' keywords' casing do not match"
        checker.report(Rule.FROM_AS_CASING, place, message)


def _check_description(source: Source, word: str, names: tuple[str, ...], checker: Checker) -> None:
    """A comment right before a definition describes it, and begins with its name."""
    if source.comments and source.comments[-1].split(" ")[0] not in names:
        example = names[0] if len(names) == 1 else "<arg_key>"
        message = f"Comment for {word} should follow the format: `# {example} <description>`"
        checker.report(Rule.INVALID_DEFINITION_DESCRIPTION, source.place, message)


def _check_names(dockerfile: Dockerfile, checker: Checker) -> None:
    seen: set[str] = set()
    for stage in dockerfile.stages:
        name, place = stage.start.name, stage.start.source.place
        if name in RESERVED:
            message = f'Stage name should not use the same name as reserved stage "{name}"'
            checker.report(Rule.RESERVED_STAGE_NAME, place, message)
        if name and name in seen:
            message = f'Duplicate stage name "{name}", stage names should be unique'
            checker.report(Rule.DUPLICATE_STAGE_NAME, place, message)
        seen.add(name)


def _is_consistent(word: str) -> bool:
    return word in (word.lower(), word.upper())


def _check_casing(dockerfile: Dockerfile, checker: Checker) -> None:
    sources = [one.source for stage in dockerfile.stages for one in (stage.start, *stage.instructions)]
    consistent = [source.word for source in sources if _is_consistent(source.word)]
    lower = sum(word == word.lower() for word in consistent)
    is_lower = lower > len(consistent) - lower
    for source in sources:
        wanted = source.word.lower() if is_lower else source.word.upper()
        if source.word != wanted:
            case = "lowercase" if is_lower else "uppercase"
            message = f"Command '{source.word}' should match the case of the command majority ({case})"
            checker.report(Rule.CONSISTENT_INSTRUCTION_CASING, source.place, message)
