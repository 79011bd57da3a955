"""All stages that a target needs, independent ones side by side, and the image that comes of it."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.buildfile.build.assembling import assemble
from whit.packer.buildfile.build.stages import StageBuilder

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from whit.packer.buildfile.build.cache import StepCache
    from whit.packer.buildfile.build.chain import Chain
    from whit.packer.buildfile.build.progress import Progress
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


def build_target(plan: Plan, tools: Tools, settings: Settings, held: ExitStack) -> Chain:
    """The target's files, there as long as they are ``held``.

    The first thing that goes wrong ends everything. Raises :class:`WhitError`.
    """
    builder = StageBuilder(tools.cache, tools.runner, tools.progress, settings, tools.image, {}, held)
    several = len(plan.stages) > 1
    left = list(plan.stages)
    running: dict[Future[Chain], StagePlan] = {}
    workers = min(_MOST_STAGES, max(2, os.cpu_count() or 1))
    with ThreadPoolExecutor(workers) as pool:
        try:
            while left or running:
                for stage in [one for one in left if all(index in builder.chains for index in one.needs)]:
                    left.remove(stage)
                    running[pool.submit(builder.build, stage, stage.name if several else "")] = stage
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    builder.chains[running.pop(future).index] = future.result()
        except BaseException:
            tools.runner.stop()
            for future in running:
                future.cancel()
            raise
    return builder.chains[plan.target]


def keep_image(plan: Plan, chain: Chain, tools: Tools, names: tuple[Reference, ...], seconds: int) -> Descriptor:
    """Keep the target as an image under its names; its manifest."""
    telling = tools.progress.begin("exporting to image")
    descriptor, image_id = assemble(tools.cache, chain, plan.stage(plan.target).config, names, seconds)
    telling.say(f"#{telling.number} writing image {image_id}")
    for name in names:
        telling.say(f"#{telling.number} naming to {name}")
    telling.done()
    return descriptor
