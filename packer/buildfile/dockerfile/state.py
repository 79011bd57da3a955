"""A stage while it is evaluated: its variables, its image so far, its steps so far. Pure."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.checks import Rule
from whit.packer.buildfile.dockerfile.configuring import in_directory
from whit.packer.buildfile.dockerfile.problems import Fault, nearest
from whit.packer.buildfile.dockerfile.scopes import MOST_ENVIRONMENT, MOST_NAMES, MOST_PORTS
from whit.packer.buildfile.dockerfile.words import Expansion, Reading
from whit.packer.image.oci import History, ImageConfig
from whit.packer.image.spec import DEFAULT_PATH, RunConfig
from whit.packer.support.light import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.packer.buildfile.dockerfile.checks import Checker
    from whit.packer.buildfile.dockerfile.graph import Graph
    from whit.packer.buildfile.dockerfile.ignorefile import IgnoreRules
    from whit.packer.buildfile.dockerfile.instructions import Source
    from whit.packer.buildfile.dockerfile.plan import Step
    from whit.packer.buildfile.dockerfile.problems import Place
    from whit.packer.buildfile.dockerfile.scopes import Budget, GlobalScope
    from whit.packer.image.platform import Platform

COMMENT = "buildkit.dockerfile.v0"
"""The history's comment on each line that comes from a Dockerfile: tools tell such images by it."""

_NO_VARIABLES = ("BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE")
_TITLE = {"raw_quotes": True, "raw_escapes": True, "keep_unset": True}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all stages of a build share."""

    escape: str
    scope: GlobalScope
    given: Mapping[str, str]
    proxies: tuple[str, ...]
    graph: Graph
    budget: Budget
    ignore: IgnoreRules | None


@dataclass(slots=True)
class StageState:
    """One stage. ``variables`` are ENV's and ARG's; ``args`` those of ARG, which the history of RUN tells."""

    around: Surroundings
    checker: Checker
    index: int
    platform: Platform
    image: ImageConfig
    variables: dict[str, str] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    has_directory: bool = False
    seen: dict[str, Place] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    is_trigger: bool = False
    size: int = 0

    @property
    def run(self) -> RunConfig:
        """How the image is run so far."""
        return self.image.run

    @property
    def directory(self) -> str:
        """Where RUN runs and targets that aren't absolute begin."""
        return self.run.working_dir or "/"

    def set_run(self, run: RunConfig) -> None:
        """Another configuration. Raises Fault where it holds more than any image needs."""
        _require_few(run)
        self.image = replace(self.image, run=run)

    def tell(self, created_by: str, *, has_layer: bool = False) -> None:
        """Another line of the history."""
        line = History(created_by, empty_layer=not has_layer, comment=COMMENT)
        self.image = replace(self.image, history=(*self.image.history, line))

    def set_variable(self, name: str, value: str) -> None:
        """For what follows. Raises Fault where the environment gets too large for any program."""
        if name in _NO_VARIABLES:
            return
        # One that is set again comes last.
        earlier = self.variables.pop(name, None)
        self.size += len(value) - len(earlier) if earlier is not None else len(name) + len(value)
        self.variables[name] = value
        if self.size > MOST_ENVIRONMENT or len(self.variables) > MOST_NAMES:
            raise Fault(
                f"the environment gets larger than {MOST_ENVIRONMENT} characters or {MOST_NAMES} variables",
                "files hold more: COPY <<EOF /etc/app.conf",
            )

    def expand(self, word: str, place: Place, *, plain_quotes: bool = False) -> str:
        """A word with this stage's variables; one that isn't set is told. Raises Fault."""
        return self._expansion(word, place, plain_quotes=plain_quotes).text

    def _expansion(self, word: str, place: Place, *, plain_quotes: bool) -> Expansion:
        # Here-documents have backslashes, whatever the file's escape is.
        reading = Reading(plain_quotes=True) if plain_quotes else Reading(self.around.escape)
        found = self.around.budget.expand(word, self.variables, reading)
        for name in sorted(found.missing - self.args.keys() - set(_NO_VARIABLES)):
            near = nearest(name, self.variables)
            tail = f" (did you mean ${near}?)" if near else ""
            self.checker.report(Rule.UNDEFINED_VAR, place, f"Usage of undefined variable '${name}'{tail}")
        return found

    def words(self, word: str) -> tuple[str, ...]:
        """The words that a word comes to. Raises Fault."""
        return self.around.budget.expand(word, self.variables, Reading(self.around.escape)).words

    def title(
        self, source: Source, *, is_raw: bool = False, tail: str = "", hidden: Mapping[str, str] | None = None
    ) -> str:
        """A step for people: the instruction with its variables replaced, as far as that can be done."""
        text = f"{source.text}{tail}"
        reading = Reading(self.around.escape, **_TITLE) if is_raw else Reading(self.around.escape)
        with suppress(Fault):  # then it is shown as it is written
            text = self.around.budget.expand(text, {**self.variables, **(hidden or {})}, reading).text
        word, space, rest = text.partition(" ")
        return f"{'ONBUILD ' if self.is_trigger else ''}{word.upper()}{space}{rest}"

    def once(self, word: str, source: Source) -> None:
        """Tell that an instruction stands twice where only the last one counts."""
        earlier = self.seen.get(word)
        if earlier is not None:
            message = (
                f"Multiple {source.word} instructions should not be used in the same stage "
                "because only the last one will be used"
            )
            self.checker.report(Rule.MULTIPLE_INSTRUCTIONS_DISALLOWED, earlier, message)
        self.seen[word] = source.place


def begun(around: Surroundings, checker: Checker, index: int, platform: Platform, base: ImageConfig) -> StageState:
    """A stage on an image: that has a PATH in any case, and what it says of itself holds here too. Raises Fault."""
    run = base.run
    _require_few(run)
    if not any(item.partition("=")[0] == "PATH" for item in run.env):
        run = replace(run, env=(*run.env, f"PATH={DEFAULT_PATH}"))
    directory = in_directory("", run.working_dir) if run.working_dir else ""
    image = replace(base, run=replace(run, on_build=(), working_dir=directory), created=None)
    return StageState(around, checker, index, platform, image, variables_of(run))


def begun_from(base: StageState, checker: Checker, index: int) -> StageState:
    """A stage on another one: it has that one's ARG too, but where ENV says otherwise."""
    image = replace(base.image, run=replace(base.run, on_build=()))
    own = variables_of(base.run)
    return StageState(
        base.around,
        checker,
        index,
        base.platform,
        image,
        {name: value for name, value in base.variables.items() if name not in own} | own,
        dict(base.args),
        base.has_directory,
        size=base.size,
    )


def _require_few(run: RunConfig) -> None:
    named = {"variables": run.env, "labels": run.labels, "volumes": run.volumes}
    for what, items in named.items():
        if len(items) > MOST_NAMES:
            raise Fault(f"the image gets more than {MOST_NAMES} {what}")
    if len(run.exposed_ports) > MOST_PORTS:
        raise Fault(f"the image gets more than {MOST_PORTS} ports")


def variables_of(run: RunConfig) -> dict[str, str]:
    """The environment that a program of the image has."""
    return {name: value for name, _, value in (item.partition("=") for item in run.env)}


def empty_image(platform: Platform) -> ImageConfig:
    """What FROM scratch begins with."""
    return ImageConfig(platform, RunConfig(env=(f"PATH={DEFAULT_PATH}",), working_dir="/"))
