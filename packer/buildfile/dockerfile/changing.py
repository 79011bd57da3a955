"""Single instructions that change how an image is run, without a file around them: ``--change`` of commit and import. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile import instructions as made
from whit.packer.buildfile.dockerfile.checks import Checker, CheckSettings
from whit.packer.buildfile.dockerfile.dispatch import dispatch
from whit.packer.buildfile.dockerfile.graph import Graph
from whit.packer.buildfile.dockerfile.lexing import Line
from whit.packer.buildfile.dockerfile.parsing import parse_line
from whit.packer.buildfile.dockerfile.problems import DockerfileError, Fault, Place
from whit.packer.buildfile.dockerfile.scopes import Budget, GlobalScope
from whit.packer.buildfile.dockerfile.state import StageState, Surroundings, variables_of
from whit.packer.image.oci import ImageConfig
from whit.packer.image.platform import Platform
from whit.packer.support.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.image.spec import RunConfig

_ALLOWED = (
    *(made.Cmd, made.Entrypoint, made.Env, made.Expose, made.HealthcheckSet, made.Label, made.Onbuild),
    *(made.Stopsignal, made.User, made.Volume, made.Workdir),
)
_NAMES = "CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR"
_ANY = Platform("linux", "amd64")
"""Nothing that is allowed here depends on the platform."""


def changed(run: RunConfig, lines: Iterable[str], option: str = "--change") -> RunConfig:
    """The configuration after these instructions; ``option`` names them in errors. Raises :class:`UsageError`."""
    graph = Graph((), {}, _ANY, "\\")
    around = Surroundings("\\", GlobalScope({}, frozenset()), {}, (), graph, Budget(), None)
    checker = Checker(CheckSettings())
    state = StageState(around, checker, 0, _ANY, ImageConfig(_ANY, run), variables_of(run))
    for line in lines:
        try:
            _take(state, line, option)
        except (Fault, DockerfileError) as error:
            told = error.message.removeprefix(f"{option}:1: ")
            raise UsageError(f"{option}: '{line}': {told}", hint=error.hint) from None
    return state.run


def _take(state: StageState, line: str, option: str) -> None:
    if "\0" in line:
        raise Fault("a NUL character, which no program can be given")
    word, _, text = line.strip().partition(" ")
    instruction = parse_line(Line(Place(option, 1, 1), line, (), ()), "\\") if text.strip() else None
    if not isinstance(instruction, _ALLOWED):
        raise Fault(f"{word or 'nothing'} changes no image", f"one of {_NAMES}, and what follows it")
    dispatch(state, instruction)
