"""A whole build: Dockerfile, context and wishes → plan → image."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.buildfile.build.agents import Agents
from whit.packer.buildfile.build.building import Tools, build_target, keep_image
from whit.packer.buildfile.build.cache import StepCache
from whit.packer.buildfile.build.chain import empty_chain
from whit.packer.buildfile.build.exporting import export_files, export_image
from whit.packer.buildfile.build.stages import Settings
from whit.packer.buildfile.dockerfile.evaluate import Wishes, evaluate
from whit.packer.buildfile.dockerfile.parsing import parse
from whit.packer.support import durable
from whit.packer.support.light import replace
from whit.packer.buildfile.remote.sources import Sources
from whit.packer.pipeline import source_date_epoch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from whit.packer.buildfile.build.bases import Bases
    from whit.packer.buildfile.build.chain import Chain
    from whit.packer.buildfile.build.exporting import Output
    from whit.packer.buildfile.build.progress import Progress
    from whit.packer.buildfile.build.reading import Begun
    from whit.packer.buildfile.build.steps import StepRunner
    from whit.packer.buildfile.dockerfile.checks import Finding
    from whit.packer.buildfile.dockerfile.plan import Plan
    from whit.packer.image.oci import Descriptor
    from whit.packer.image.reference import Reference
    from whit.packer.store.store import Store

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built, and how."""

    begun: Begun
    wishes: Wishes
    names: tuple[Reference, ...] = ()
    uses_cache: bool = True
    network: str = "default"
    output: Output | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """The image's manifest, None where only files were asked for; and what the checks found."""

    descriptor: Descriptor | None
    findings: tuple[Finding, ...]


@contextlib.contextmanager
def opened(
    store: Store, secrets: Mapping[str, bytes], agents: Mapping[str, tuple[str, ...]], *, rewrites_times: bool = False
) -> Iterator[Sources]:
    """What a build takes from elsewhere; what has been fetched for it alone is gone when the block ends.

    ``rewrites_times``: SOURCE_DATE_EPOCH counts as 0 where it isn't set.
    """
    cache = StepCache(store)
    epoch = source_date_epoch() if rewrites_times or os.environ.get("SOURCE_DATE_EPOCH") else None
    with cache.using(), contextlib.ExitStack() as held:
        folder = durable.temporary_beside(cache.snapshots / "agents")
        held.callback(durable.remove_tree, folder)
        yield Sources(cache, held, Agents(agents, folder, held), secrets, epoch)


def plan_of(order: Order, bases: Bases, *, all_stages: bool = False) -> Plan:
    """The plan. Raises :class:`DockerfileError`, and what finding the base images raises."""
    dockerfile = parse(order.begun.data, order.begun.name)
    wishes = replace(order.wishes, ignore=order.begun.ignore, all_stages=all_stages)
    return evaluate(dockerfile, wishes, bases.config)


def build(order: Order, sources: Sources, runner: StepRunner, progress: Progress, bases: Bases) -> Built:
    """Build it, within :func:`opened`. Raises :class:`WhitError`; then nothing has changed but the cache."""
    cache, store = sources.cache, sources.cache.store
    descriptor: Descriptor | None = None
    with _context(order.begun.folder, cache) as context, contextlib.ExitStack() as held:
        plan = plan_of(order, bases)
        epoch, secrets = sources.epoch, sources.secrets
        settings = Settings(context, order.begun.ignore, sources, sources.agents, epoch, order.uses_cache, order.network, secrets)
        tools = Tools(cache, runner, progress, bases.image)
        chain = build_target(plan, tools, settings, held)
        if order.output is None or order.output.is_image or order.names:
            descriptor = keep_image(plan, chain, tools, order.names, settings.seconds)
        if order.output:
            _export(order, store, runner, chain, descriptor)
    return Built(descriptor, plan.findings)


def _export(order: Order, store: Store, runner: StepRunner, chain: Chain, descriptor: Descriptor | None) -> None:
    if order.output and order.output.is_image and descriptor:
        export_image(store, descriptor, order.names, order.output)
    elif order.output:
        with runner.root(chain.layers) as root:
            export_files(root, order.output)


@contextlib.contextmanager
def _context(folder: Path | None, cache: StepCache) -> Iterator[int]:
    """The context, open; an empty folder where there is none."""
    descriptor = os.open(folder or empty_chain(cache).lowers[0], _FOLDER)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
