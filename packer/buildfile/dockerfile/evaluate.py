"""A Dockerfile, what was given for the build, and the base images → a plan. Pure.

As BuildKit evaluates it (dockerfile2llb/convert.go): only stages that the target needs; each word expanded with the
variables of its place; ONBUILD instructions of a base before the stage's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from whit.packer.buildfile.dockerfile.checks import Checker, Rule, parse_settings
from whit.packer.buildfile.dockerfile.dispatch import dispatch
from whit.packer.buildfile.dockerfile.filing import add_context
from whit.packer.buildfile.dockerfile.graph import Graph, check_defaults, find_target, stage_graph
from whit.packer.buildfile.dockerfile.instructions import Dockerfile, Onbuild
from whit.packer.buildfile.dockerfile.parsing import parse_trigger
from whit.packer.buildfile.dockerfile.plan import OriginKind, Plan, StagePlan
from whit.packer.buildfile.dockerfile.problems import DockerfileError, Place, at, did_you_mean
from whit.packer.buildfile.dockerfile.scopes import Budget, global_scope, platform_args, proxies, target_platform
from whit.packer.buildfile.dockerfile.state import StageState, Surroundings, begun, begun_from, empty_image
from whit.packer.buildfile.dockerfile.writing import check_writing
from whit.packer.image.platform import Platform, normal_platform
from whit.packer.support.errors import NotFoundError
from whit.packer.support.light import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.packer.buildfile.dockerfile.graph import Node
    from whit.packer.buildfile.dockerfile.ignorefile import IgnoreRules
    from whit.packer.buildfile.dockerfile.instructions import Instruction
    from whit.packer.buildfile.dockerfile.plan import Origin
    from whit.packer.image.oci import ImageConfig


MOST_INSTRUCTIONS = 20_000
"""Of all stages that are built, each stage's with those that its base brings."""


class ReadBase(Protocol):
    """An image's configuration, for a platform: asked once for each base that is needed."""

    def __call__(self, reference: str, platform: Platform, /) -> ImageConfig:
        """The reference is in full. What it raises goes through."""
        ...


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is given for a build beside its Dockerfile.

    ``here`` is the platform that builds, ``platform`` the one that is built for (None: the same). ``ignore`` are the
    context's .dockerignore rules, for the check that asks for them. ``all_stages`` is for checks alone. ``contexts`` are named
    ones, by :func:`graph.context_name`.
    """

    here: Platform
    platform: Platform | None = None
    target: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[tuple[str, str], ...] = ()
    ignore: IgnoreRules | None = None
    all_stages: bool = False
    contexts: Mapping[str, Origin] = field(default_factory=dict)


def evaluate(dockerfile: Dockerfile, wishes: Wishes, read_base: ReadBase) -> Plan:
    """The plan. Raises :class:`DockerfileError`, UsageError for a target that isn't there, and what ``read_base`` raises."""
    with at(Place(dockerfile.file, 1, 1)):
        checker = Checker(parse_settings(dockerfile.check))
    check_writing(dockerfile, checker)
    around = _surroundings(dockerfile, wishes, checker)
    target = find_target(around.graph, wishes.target)
    needed = _needed(around.graph, range(len(around.graph.nodes)) if wishes.all_stages else [target], read_base)
    states: dict[int, StageState] = {}
    for index in sorted(needed):
        states[index] = _stage(around, checker, needed[index], states, wishes)
    plans = tuple(_planned(states[index], needed[index], is_target=index == target, wishes=wishes) for index in states)
    return Plan(plans, target, checker.findings, checker.settings.is_error)


def needed_images(dockerfile: Dockerfile, wishes: Wishes) -> tuple[tuple[str, Platform], ...]:
    """Base images that the target needs as far as the file tells, to be fetched at once; ONBUILD may bring more stages."""
    graph = _surroundings(dockerfile, wishes, Checker(parse_settings(""))).graph
    found: dict[tuple[str, Platform], None] = {}
    pending, seen = [find_target(graph, wishes.target)], set[int]()
    while pending:
        index = pending.pop()
        if index in seen:
            continue
        seen.add(index)
        node = graph.nodes[index]
        pending += (stage for stage, _ in graph.needs(node.stage.instructions))
        if node.base.kind is OriginKind.STAGE:
            pending.append(node.base.stage)
        elif node.base.kind is OriginKind.IMAGE and node.base.platform:
            found[node.base.image, node.base.platform] = None
    return tuple(found)


def _surroundings(dockerfile: Dockerfile, wishes: Wishes, checker: Checker) -> Surroundings:
    if not dockerfile.stages:
        raise DockerfileError(Place(dockerfile.file, 1, 1), "the file has no stage", "a stage begins with FROM")
    target = target_platform(wishes.platform, wishes.here)
    budget = Budget()
    named = wishes.target or dockerfile.stages[-1].start.name
    automatic = platform_args(wishes.here, target, named, wishes.args)
    check_defaults(dockerfile, global_scope(dockerfile, automatic, {}, budget), checker, budget)
    scope = global_scope(dockerfile, automatic, wishes.args, budget)
    graph = stage_graph(dockerfile, scope, (wishes.here, target), checker, budget, wishes.contexts)
    return Surroundings(dockerfile.escape, scope, wishes.args, proxies(wishes.args), graph, budget, wishes.ignore)


@dataclass(frozen=True, slots=True)
class _Needed:
    """A stage that is built: ``image`` is its base where that is an image."""

    node: Node
    triggers: tuple[Instruction, ...]
    image: ImageConfig | None
    needs: tuple[int, ...]


def _needed(graph: Graph, wanted: range | list[int], read_base: ReadBase) -> dict[int, _Needed]:
    """Stages and what they begin with; ONBUILD instructions of a base may need stages of their own."""
    found: dict[int, _Needed] = {}
    pending, count = list(wanted), 0
    while pending:
        index = pending.pop()
        if index in found:
            continue
        node = graph.nodes[index]
        place = node.stage.start.source.place
        image: ImageConfig | None = None
        lines: tuple[str, ...] = ()
        if node.base.kind is OriginKind.STAGE:
            below = graph.nodes[node.base.stage].stage.instructions
            lines = tuple(one.trigger for one in below if isinstance(one, Onbuild))
        elif node.base.kind is OriginKind.IMAGE:
            image = _base_image(graph, node, read_base)
            lines = () if node.is_replaced else image.run.on_build
        count += len(lines) + len(node.stage.instructions)
        if count > MOST_INSTRUCTIONS:
            raise DockerfileError(place, f"more than {MOST_INSTRUCTIONS} instructions, with those of ONBUILD")
        triggers = tuple(parse_trigger(line, place) for line in lines)
        needs = {stage for stage, _ in graph.needs((*triggers, *node.stage.instructions))}
        needs |= {node.base.stage} if node.base.kind is OriginKind.STAGE else set()
        found[index] = _Needed(node, triggers, image, tuple(sorted(needs)))
        pending += needs
    return found


def _base_image(graph: Graph, node: Node, read_base: ReadBase) -> ImageConfig:
    """A base that isn't there may have been meant to be a stage."""
    try:
        return read_base(node.base.image, node.base.platform or graph.target_platform)
    except NotFoundError as error:
        hint = did_you_mean(node.base_text, graph.by_name) or error.hint
        raise NotFoundError(f"{node.stage.start.source.place}: {error.message}", hint=hint) from None


def _stage(
    around: Surroundings, checker: Checker, needed: _Needed, states: Mapping[int, StageState], wishes: Wishes
) -> StageState:
    node = needed.node
    with at(node.stage.start.source.place):
        state = _begin(around, checker, needed, states, wishes)
    for is_trigger, instructions in ((True, needed.triggers), (False, node.stage.instructions)):
        state.is_trigger = is_trigger
        for instruction in instructions:
            state.checker = checker.within(instruction.source.comments)
            with at(instruction.source.place):
                dispatch(state, instruction)
    return state


def _begin(
    around: Surroundings, checker: Checker, needed: _Needed, states: Mapping[int, StageState], wishes: Wishes
) -> StageState:
    node = needed.node
    index = node.stage.index
    if node.base.kind is OriginKind.STAGE:
        return begun_from(states[node.base.stage], checker, index)
    if node.base.kind is OriginKind.NAMED:
        platform = node.platform or around.graph.target_platform
        state = begun(around, checker, index, platform, empty_image(platform))
        add_context(state, node.base, node.stage.start.source)
        return state
    if needed.image is None:
        return begun(around, checker, index, around.graph.target_platform, empty_image(around.graph.target_platform))
    image = needed.image
    platform = node.platform or around.graph.target_platform
    if node.platform is None and wishes.platform is None and image.platform.is_for(wishes.here):
        platform = wishes.here
    if not platform.is_for(image.platform):
        expected, actual = (normal_platform(one) for one in (platform, image.platform))
        message = (
            f'Base image {node.base_text} was pulled with platform "{actual}", expected "{expected}" for current build'
        )
        checker.report(Rule.INVALID_BASE_IMAGE_PLATFORM, node.stage.start.source.place, message)
    return begun(around, checker, index, platform, image)


def _planned(state: StageState, needed: _Needed, *, is_target: bool, wishes: Wishes) -> StagePlan:
    image = state.image
    if is_target:
        platform = image.platform
        if wishes.platform is not None:
            variant = wishes.platform.variant or (platform.variant if platform.is_for(wishes.platform) else None)
            platform = Platform(wishes.platform.os, wishes.platform.architecture, variant)
        labels = tuple(sorted((dict(image.run.labels) | dict(wishes.labels)).items()))
        image = replace(image, platform=normal_platform(platform), run=replace(image.run, labels=labels))
    stage = needed.node.stage
    return StagePlan(stage.index, stage.name, needed.node.base, state.platform, tuple(state.steps), needed.needs, image)
