"""All stages that the targets need, independent ones side by side, and the image that comes of them."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.buildfile.build.assembling import assemble
from whit.packer.buildfile.build.notes import Level
from whit.packer.buildfile.build.sharing import inline_note
from whit.packer.buildfile.build.stages import Fresh, StageBuilder
from whit.packer.image.oci import INDEX, Index
from whit.packer.support.light import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack

    from whit.packer.buildfile.build.cache import StepCache
    from whit.packer.buildfile.build.chain import Chain
    from whit.packer.buildfile.build.notes import Annotations
    from whit.packer.buildfile.build.progress import Progress
    from whit.packer.buildfile.build.sharing import Shared
    from whit.packer.buildfile.build.steps import StepRunner
    from whit.packer.buildfile.build.stages import Settings
    from whit.packer.buildfile.dockerfile.plan import Plan, StagePlan
    from whit.packer.image.oci import Descriptor
    from whit.packer.image.platform import Platform
    from whit.packer.image.reference import Reference
    from whit.packer.store.store import StoredImage

_MOST_STAGES = 8


@dataclass(frozen=True, slots=True)
class Tools:
    """What a build works with; ``image`` gives a base image that the store has by now."""

    cache: StepCache
    runner: StepRunner
    progress: Progress
    image: Callable[[str, Platform | None], StoredImage]
    shared: Shared
    fresh: Fresh = field(default_factory=Fresh)


@dataclass(frozen=True, slots=True)
class Finished:
    """A target that is built, for one platform, with its stages."""

    plan: Plan
    builder: StageBuilder

    @property
    def chain(self) -> Chain:
        """The target; steps that were found elsewhere have no files yet."""
        return self.builder.chains[self.plan.target]

    @property
    def whole(self) -> Chain:
        """The target with all its files."""
        return self.builder.with_files(self.chain)


def build_targets(
    plans: Sequence[Plan], tools: Tools, settings: Settings, held: ExitStack, platforms: Sequence[str]
) -> tuple[Finished, ...]:
    """The target of each plan, its files there as long as they are ``held``; ``platforms`` are told where there are several.

    All stages of all plans whose needs are there are built side by side. The first thing that goes wrong ends everything.
    Raises :class:`WhitError`.
    """
    builders = [
        StageBuilder(tools.cache, tools.runner, tools.progress, settings, tools.image, {}, held, tools.fresh, tools.shared)
        for _ in plans
    ]
    left = [
        (builder, stage, " ".join(filter(None, (platform, stage.name if len(plan.stages) > 1 else ""))))
        for plan, builder, platform in zip(plans, builders, platforms, strict=True)
        for stage in plan.stages
    ]
    running: dict[Future[Chain], tuple[StageBuilder, StagePlan]] = {}
    workers = min(_MOST_STAGES, max(2, os.cpu_count() or 1))
    with ThreadPoolExecutor(workers) as pool:
        try:
            while left or running:
                for one in [one for one in left if all(index in one[0].chains for index in one[1].needs)]:
                    left.remove(one)
                    builder, stage, label = one
                    running[pool.submit(builder.build, stage, label)] = builder, stage
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    builder, stage = running.pop(future)
                    builder.chains[stage.index] = future.result()
        except BaseException:
            tools.runner.stop()
            for future in running:
                future.cancel()
            raise
    return tuple(Finished(plan, builder) for plan, builder in zip(plans, builders, strict=True))


def keep_image(
    targets: tuple[Finished, ...], tools: Tools, names: tuple[Reference, ...], notes: Annotations, seconds: int
) -> tuple[Descriptor, tuple[Descriptor, ...]]:
    """Keep the targets as an image under its names, or under none; several are an index. It, and the image of each."""
    telling = tools.progress.begin("exporting to image")
    store = tools.cache.store
    with store.adding() as layout:
        images = []
        for target in targets:
            for record in target.chain.records:
                tools.shared.have(record)
            config = target.plan.stage(target.plan.target).config
            said = notes.of(Level.MANIFEST, config.platform)
            said += inline_note(target.chain) if tools.shared.is_inline else ()
            made = assemble(tools.cache, target.chain, config, tuple(sorted(said)), seconds)
            images.append(replace(made, annotations=notes.of(Level.MANIFEST_DESCRIPTOR, config.platform)))
        (kept,) = images if len(images) == 1 else [layout.put(Index(tuple(images), notes.of(Level.INDEX)).to_json(), INDEX)]
        if names:
            store.add(kept, names)
        else:
            store.keep(kept, None)
    what = f"image {store.image(kept).image_id}" if len(images) == 1 else f"index {kept.digest}"
    telling.say(f"#{telling.number} writing {what}")
    for name in names:
        telling.say(f"#{telling.number} naming to {name}")
    telling.done()
    return kept, tuple(images)
