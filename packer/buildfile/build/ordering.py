"""A whole build: Dockerfile, context and wishes → plan → image."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.buildfile.build.agents import Agents
from whit.packer.buildfile.build.building import Tools, build_targets, keep_image
from whit.packer.buildfile.build.cache import StepCache
from whit.packer.buildfile.build.chain import empty_chain
from whit.packer.buildfile.build.emulation import read_handlers, refuse_unexecutable
from whit.packer.buildfile.build.emulation import read_handlers, refuse_unexecutable
from whit.packer.buildfile.build.exporting import export_files, export_image
from whit.packer.buildfile.build.notes import Annotations
from whit.packer.buildfile.build.origins import Files
from whit.packer.buildfile.build.sharing import PlaceKind, Shared
from whit.packer.buildfile.build.stages import Settings
from whit.packer.buildfile.dockerfile.evaluate import Wishes, evaluate
from whit.packer.buildfile.dockerfile.parsing import parse
from whit.packer.support import durable
from whit.packer.support.errors import WhitError
from whit.packer.support.light import replace
from whit.packer.buildfile.remote.sources import Sources
from whit.packer.pipeline import source_date_epoch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from whit.packer.buildfile.build.bases import Bases
    from whit.packer.buildfile.build.building import Finished
    from whit.packer.buildfile.build.exporting import Output
    from whit.packer.buildfile.build.progress import Progress
    from whit.packer.buildfile.build.reading import Begun
    from whit.packer.buildfile.build.sharing import Place
    from whit.packer.buildfile.build.steps import StepRunner
    from whit.packer.registry.registries import Registries
    from whit.packer.buildfile.dockerfile.checks import Finding
    from whit.packer.buildfile.dockerfile.plan import Plan
    from whit.packer.buildfile.remote.named import Named
    from whit.packer.image.oci import Descriptor
    from whit.packer.image.platform import Platform
    from whit.packer.image.reference import Reference
    from whit.packer.store.store import Store

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def no_registries() -> Registries:
    """Where none is needed."""
    raise WhitError("this build has no registries")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built, and how. ``platforms`` is empty for this machine's alone; ``anew`` as in :class:`Settings`."""

    begun: Begun
    wishes: Wishes
    names: tuple[Reference, ...] = ()
    uses_cache: bool = True
    network: str = "default"
    output: Output | None = None
    platforms: tuple[Platform, ...] = ()
    annotations: Annotations = Annotations()
    anew: frozenset[str] = frozenset()
    pushes: bool = False
    contexts: Mapping[str, Named] = field(default_factory=dict)
    cache_from: tuple[Place, ...] = ()
    cache_to: tuple[Place, ...] = ()
    registries: Callable[[], Registries] = no_registries


@dataclass(frozen=True, slots=True)
class Built:
    """The image's manifest or index, None where only files were asked for; each platform's; and what the checks found."""

    descriptor: Descriptor | None
    images: tuple[Descriptor, ...]
    findings: tuple[Finding, ...]


@contextlib.contextmanager
def opened(
    store: Store, secrets: Mapping[str, bytes], agents: Mapping[str, tuple[str, ...]], *, rewrites_times: bool = False, writes: bool = True
) -> Iterator[Sources]:
    """What a build takes from elsewhere; what has been fetched for it alone is gone when the block ends.

    ``rewrites_times``: SOURCE_DATE_EPOCH counts as 0 where it isn't set. Unless it ``writes`` nothing is built or fetched.
    """
    cache = StepCache(store)
    epoch = source_date_epoch() if rewrites_times or os.environ.get("SOURCE_DATE_EPOCH") else None
    with cache.using() if writes else contextlib.nullcontext(), contextlib.ExitStack() as held:
        folder = durable.temporary_beside(cache.snapshots / "agents")
        held.callback(durable.remove_tree, folder)
        yield Sources(cache, held, Agents(agents, folder, held), secrets, epoch)


def plan_of(order: Order, bases: Bases, platform: Platform | None, *, all_stages: bool = False) -> Plan:
    """The plan for a platform. Raises :class:`DockerfileError`, and what finding the base images raises."""
    dockerfile = parse(order.begun.data, order.begun.name)
    contexts = {name: one.origin for name, one in order.contexts.items()}
    wishes = replace(
        order.wishes, platform=platform, ignore=order.begun.ignore, all_stages=all_stages, contexts=contexts
    )
    return evaluate(dockerfile, wishes, bases.config)


def build(order: Order, sources: Sources, runner: StepRunner, progress: Progress, bases: Bases) -> Built:
    """Build it, within :func:`opened`. Raises :class:`WhitError`; then nothing has changed but the cache."""
    cache = sources.cache
    kept: Descriptor | None = None
    images: tuple[Descriptor, ...] = ()
    with _context(order.begun.folder, cache) as context, contextlib.ExitStack() as held:
        plans = [plan_of(order, bases, platform) for platform in order.platforms or (None,)]
        refuse_unexecutable(plans, order.wishes.here, read_handlers())
        settings = Settings(
            context, order.begun.ignore, sources, sources.agents, sources.epoch, order.uses_cache, order.network,
            sources.secrets, order.anew, _opened_contexts(order, held),
        )  # fmt: skip
        is_inline = any(place.kind is PlaceKind.INLINE for place in order.cache_to)
        shared = Shared(cache, exports=bool(order.cache_to), is_inline=is_inline)
        if order.cache_from:
            from whit.packer.buildfile.build.exchanging import imported  # noqa: PLC0415 - few builds have such

            shared.entries = imported(order.cache_from, order.registries, progress)
        tools = Tools(cache, runner, progress, bases.image, shared)
        platforms = [str(_platform(plan)) if len(plans) > 1 else "" for plan in plans]
        targets = build_targets(plans, tools, settings, held, platforms)
        if order.output is None or order.output.is_image or order.names:
            kept, images = keep_image(targets, tools, order.names, order.annotations, settings.seconds)
        if order.output:
            _export(order, runner, cache.store, targets, kept)
        for place in (one for one in order.cache_to if one.kind is not PlaceKind.INLINE):
            _share(place, order, targets, tools)
    return Built(kept, images, tuple(dict.fromkeys(finding for plan in plans for finding in plan.findings)))


def _opened_contexts(order: Order, held: contextlib.ExitStack) -> dict[str, Files]:
    """Named contexts that are folders."""
    found = {}
    for name, one in order.contexts.items():
        if one.folder:
            found[name] = Files(held.enter_context(_context(one.folder, None)), is_context=True, ignore=one.ignore)
    return found


def _share(place: Place, order: Order, targets: tuple[Finished, ...], tools: Tools) -> None:
    from whit.packer.buildfile.build.exchanging import export  # noqa: PLC0415 - few builds have such
    from whit.packer.registry.progress import Silent  # noqa: PLC0415

    telling = tools.progress.begin(f"exporting cache to {place.where}")
    chains = [
        chain
        for target in targets
        for index, chain in sorted(target.builder.chains.items())
        if place.is_full or index == target.plan.target
    ]
    try:
        made = export(place, chains, tools.shared, order.registries, Silent())
    except WhitError as error:
        telling.failed(error.message)
        raise
    telling.say(f"#{telling.number} writing cache manifest {made.digest}")
    telling.done()


def _platform(plan: Plan) -> Platform:
    return plan.stage(plan.target).config.platform


def _export(
    order: Order, runner: StepRunner, store: Store, targets: tuple[Finished, ...], kept: Descriptor | None
) -> None:
    if order.output is None:
        return
    if order.output.is_image and kept:
        export_image(store, kept, order.names, order.output)
        return
    with contextlib.ExitStack() as held:
        roots = [(_platform(one.plan), held.enter_context(runner.root(one.whole.layers))) for one in targets]
        export_files(roots, order.output, targets[0].builder.settings.seconds)


@contextlib.contextmanager
def _context(folder: Path | None, cache: StepCache | None) -> Iterator[int]:
    """The context, open; an empty folder where there is none."""
    empty = empty_chain(cache).lowers[0] if cache and not folder else "/"
    descriptor = os.open(folder or empty, _FOLDER)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
