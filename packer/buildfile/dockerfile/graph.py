"""Which stages a Dockerfile has, what each begins with, and which need which. Pure.

As BuildKit finds them (dockerfile2llb/convert.go): FROM takes a stage by its very name, and one that stands before;
COPY and mounts take it whatever the case of its name, COPY by its number too, and what no stage is called is an image.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.checks import Checker, Rule
from whit.packer.buildfile.dockerfile.instructions import Copy, Run
from whit.packer.buildfile.dockerfile.plan import EMPTY, Origin, OriginKind
from whit.packer.buildfile.dockerfile.problems import DockerfileError, Fault, at, did_you_mean, nearest
from whit.packer.buildfile.dockerfile.text import integer
from whit.packer.buildfile.dockerfile.words import Reading, expand
from whit.packer.image.platform import parse_platform
from whit.packer.image.reference import parse_reference
from whit.packer.support.errors import UsageError
from whit.packer.support.goquoted import quoted
from whit.packer.support.light import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from whit.packer.buildfile.dockerfile.instructions import Dockerfile, Instruction, Stage
    from whit.packer.buildfile.dockerfile.problems import Place
    from whit.packer.buildfile.dockerfile.scopes import Budget, GlobalScope
    from whit.packer.buildfile.dockerfile.words import Expansion
    from whit.packer.image.platform import Platform

SCRATCH = "scratch"
MOST_STAGES = 500


@dataclass(frozen=True, slots=True)
class Node:
    """A stage with its base. ``base_text`` is the name as expanded; ``platform`` is None where FROM doesn't say.

    One that a named context ``is_replaced`` by is that, and none of its instructions counts.
    """

    stage: Stage
    base: Origin
    base_text: str
    platform: Platform | None
    is_replaced: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """All stages in order, and by name the last that has it."""

    nodes: tuple[Node, ...]
    by_name: Mapping[str, int]
    target_platform: Platform
    escape: str
    contexts: Mapping[str, Origin] = field(default_factory=dict)

    def origin(self, name: str, place: Place) -> Origin:
        """What COPY --from= and a mount's from= name. Raises :class:`DockerfileError`."""
        index = self.by_name.get(name.lower())
        if index is not None:
            return Origin(OriginKind.STAGE, stage=index)
        if name == SCRATCH:
            return EMPTY
        named = _named(name, self.contexts, self.target_platform)
        if named:
            return named
        return Origin(OriginKind.IMAGE, image=_reference(name, place, self.by_name), platform=self.target_platform)

    def copy_origin(self, copy: Copy) -> Origin:
        """Where COPY --from= takes its files from. Raises :class:`DockerfileError`."""
        place = copy.source.place
        with at(place):
            if expand(copy.origin, {}, Reading(self.escape)).text != copy.origin:
                raise Fault(
                    "--from= takes no variables", "give the image a stage: ARG before FROM, FROM $IMAGE AS NAME"
                )
            index = integer(copy.origin)
            if index is None:
                return self.origin(copy.origin, place)
            if not 0 <= index < len(self.nodes):
                raise Fault(f"--from={copy.origin}: there is no stage of this number", "stages are counted from 0")
        return Origin(OriginKind.STAGE, stage=index)

    def require_before(self, index: int, origin: Origin, written: str, place: Place) -> None:
        """Raises :class:`DockerfileError` where a stage takes files from itself, or from one that comes later."""
        if origin.kind is OriginKind.STAGE and origin.stage >= index:
            where = "is this very stage" if origin.stage == index else "comes later"
            name = self.nodes[origin.stage].stage.name
            raise DockerfileError(place, f"{written}: the stage {name} {where}", "move it before this one")

    def needs(self, instructions: Iterable[Instruction]) -> Iterator[tuple[int, Instruction]]:
        """The stages that instructions take files from."""
        for one in instructions:
            origins: list[Origin] = []
            if isinstance(one, Copy) and one.origin:
                origins.append(self.copy_origin(one))
            elif isinstance(one, Run):
                origins += (self.origin(name, one.source.place) for name in one.mount_sources if name)
            yield from ((origin.stage, one) for origin in origins if origin.kind is OriginKind.STAGE)


def context_name(name: str) -> str | None:
    """A named context's name as it is compared: short, and without ``:latest``; None for what no image can be called."""
    try:
        return parse_reference(name).familiar.removesuffix(":latest")
    except UsageError:
        return None


def _named(name: str, contexts: Mapping[str, Origin], platform: Platform) -> Origin | None:
    found = contexts.get(context_name(name) or "") if contexts else None
    return replace(found, platform=platform) if found and found.kind is OriginKind.IMAGE else found


def stage_graph(
    dockerfile: Dockerfile,
    scope: GlobalScope,
    platforms: tuple[Platform, Platform],
    checker: Checker,
    budget: Budget,
    contexts: Mapping[str, Origin],
) -> Graph:
    """The graph; ``platforms`` are what builds and what is built for. Raises :class:`DockerfileError`."""
    here, target = platforms
    if len(dockerfile.stages) > MOST_STAGES:
        place = dockerfile.stages[MOST_STAGES].start.source.place
        raise DockerfileError(place, f"more than {MOST_STAGES} stages")
    nodes: list[Node] = []
    by_name: dict[str, int] = {}
    reading = Reading(dockerfile.escape)
    for stage in dockerfile.stages:
        place = stage.start.source.place
        own = checker.within(stage.start.source.comments)
        with at(place):
            base = budget.expand(stage.start.base, scope.values, reading)
            _check_declared(base, scope, place, own)
            if not base.text:
                raise Fault(f"FROM {stage.start.base} comes to nothing", "give its ARG a default, or --build-arg")
            platform = _platform(stage, scope, here, own, budget.expand(stage.start.platform, scope.values, reading))
        replacing = _named(stage.start.name, contexts, platform or target) if stage.start.name else None
        if replacing:
            nodes.append(Node(replace(stage, instructions=()), replacing, base.text, platform, is_replaced=True))
        else:
            found = _base(base.text, by_name, contexts, platform or target, place)
            nodes.append(Node(stage, found, base.text, platform))
        if stage.start.name:
            by_name[stage.start.name] = stage.index
    graph = Graph(tuple(nodes), by_name, target, dockerfile.escape, contexts)
    _require_no_circle(graph)
    return graph


def _base(
    name: str, by_name: Mapping[str, int], contexts: Mapping[str, Origin], platform: Platform, place: Place
) -> Origin:
    if name in by_name:
        return Origin(OriginKind.STAGE, stage=by_name[name])
    if name == SCRATCH:
        return EMPTY
    named = _named(name, contexts, platform)
    return named or Origin(OriginKind.IMAGE, image=_reference(name, place, by_name), platform=platform)


def _reference(name: str, place: Place, by_name: Mapping[str, int]) -> str:
    try:
        return str(parse_reference(name))
    except UsageError as error:
        is_stage = name.lower() in by_name
        hint = f"the stage's name is {name.lower()}, in small letters" if is_stage else did_you_mean(name, by_name)
        raise DockerfileError(place, error.message, hint or error.hint) from None


def _check_declared(found: Expansion, scope: GlobalScope, place: Place, checker: Checker) -> None:
    known = (*sorted(scope.declared), *(name for name in scope.values if name not in scope.declared))
    for name in sorted(found.missing):
        if name not in known:
            near = nearest(name, known)
            tail = f" (did you mean {near}?)" if near else ""
            checker.report(Rule.UNDEFINED_ARG_IN_FROM, place, f"FROM argument '{name}' is not declared{tail}")


def _platform(stage: Stage, scope: GlobalScope, here: Platform, checker: Checker, found: Expansion) -> Platform | None:
    """What ``--platform`` says. Raises Fault."""
    written, place = stage.start.platform, stage.start.source.place
    if not written:
        return None
    _check_declared(found, scope, place, checker)
    if found.used == {"TARGETPLATFORM"} and not found.missing and found.text == scope.values["TARGETPLATFORM"]:
        message = f"Setting platform to predefined {written} in FROM is redundant as this is the default behavior"
        checker.report(Rule.REDUNDANT_TARGET_PLATFORM, place, message)
    if not found.text:
        raise Fault(f"--platform={written} comes to nothing", "give its ARG a default, or --build-arg")
    try:
        platform = parse_platform(found.text, here)
    except UsageError as error:
        raise Fault(error.message, error.hint) from None
    is_constant = not found.used and not found.missing
    if is_constant and platform.os not in stage.start.name and platform.architecture not in stage.start.name:
        message = f"FROM --platform flag should not use constant value {quoted(found.text)}"
        checker.report(Rule.FROM_PLATFORM_FLAG_CONST_DISALLOWED, place, message)
    return platform


def check_defaults(dockerfile: Dockerfile, scope: GlobalScope, checker: Checker, budget: Budget) -> None:
    """Whether every FROM is an image even where nothing is given; ``scope`` is that of the defaults."""
    for stage in dockerfile.stages:
        try:
            parse_reference(budget.expand(stage.start.base, scope.values, Reading(dockerfile.escape)).text)
        except UsageError:
            message = f"Default value for ARG {stage.start.base} results in empty or invalid base image name"
            checker.report(Rule.INVALID_DEFAULT_ARG_IN_FROM, stage.start.source.place, message)
        except Fault:
            return  # it is found again, with its place


def find_target(graph: Graph, name: str) -> int:
    """The stage that is built: the last, unless one is named. Raises :class:`UsageError`."""
    if not name:
        return len(graph.nodes) - 1
    index = graph.by_name.get(name.lower())
    if index is None:
        near = did_you_mean(name, graph.by_name) or f"its stages: {', '.join(graph.by_name) or 'none has a name'}"
        raise UsageError(f"--target {name}: the Dockerfile has no such stage", hint=near)
    return index


def _require_no_circle(graph: Graph) -> None:
    """Raises :class:`DockerfileError` where stages take files from each other in a circle."""
    edges = [tuple(graph.needs(node.stage.instructions)) for node in graph.nodes]
    done: set[int] = set()
    for first in range(len(edges)):
        trail = {first: iter(edges[first])} if first not in done else {}
        while trail:
            last = next(reversed(trail))
            edge = next(trail[last], None)
            if edge is None:
                done.add(last)
                del trail[last]
            elif edge[0] in trail:
                circle = [*trail][[*trail].index(edge[0]) :]
                names = " → ".join(graph.nodes[one].stage.name for one in (*circle, edge[0]))
                raise DockerfileError(edge[1].source.place, f"stages need each other in a circle: {names}")
            elif edge[0] not in done:
                trail[edge[0]] = iter(edges[edge[0]])
