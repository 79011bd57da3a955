"""Keys of steps that mean the same on every machine: of what is in the files below, not of which snapshot holds them.

What stands below a step is told by the diff_ids of its layers. Files that come from a stage or an image are told by
theirs, too, so that a step can be found while nothing of that stage is there; where all is there, by the files themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.buildfile.build.cache import step_key
from whit.packer.buildfile.build.owners import numeric_owner
from whit.packer.buildfile.build.pieces import change_of, pieces_of
from whit.packer.buildfile.build.running import key_of
from whit.packer.buildfile.dockerfile.plan import FileStep, OriginKind, RunStep, WorkdirStep
from whit.packer.buildfile.dockerfile.problems import at
from whit.packer.support.userns import is_alone, read_ids

if TYPE_CHECKING:
    from whit.packer.buildfile.build.chain import Chain
    from whit.packer.buildfile.build.running import Supplies
    from whit.packer.buildfile.build.stages import Settings
    from whit.packer.buildfile.dockerfile.plan import Origin, Step

EMPTY = step_key("portable", "scratch")
_ELSEWHERE = (OriginKind.STAGE, OriginKind.IMAGE)


def of_base(diff_ids: tuple[str, ...]) -> str:
    """What stands for an image's files."""
    return step_key("portable", "base", *diff_ids)


def after(below: str, diff_id: str) -> str:
    """With one layer more."""
    return step_key("portable", below, diff_id)


def key_by_origins(chain: Chain, step: Step, supplies: Supplies, settings: Settings) -> str | None:
    """A step's key, of origins by their layers; None where those aren't known. Raises what reading the context does."""
    if chain.portable is None:
        return None
    if isinstance(step, RunStep):
        origins = [planned.origin for planned in step.mounts if planned.origin.kind in _ELSEWHERE]
        known = [supplies.chain(origin).portable for origin in origins]
        if None in known:
            return None
        told = key_of(step, chain.portable, supplies, settings.epoch, by_origins=True)
        return step_key("portable", told, is_alone(read_ids()))
    if isinstance(step, WorkdirStep):
        return step_key("portable", "folder", chain.portable, step.path, step.user, settings.seconds)
    if isinstance(step, FileStep):
        return _of_files(chain, step, supplies, settings)
    return None


def _of_files(chain: Chain, step: FileStep, supplies: Supplies, settings: Settings) -> str | None:
    if step.origin.kind in _ELSEWHERE:
        origin = supplies.chain(step.origin).portable
        sources = [[source.kind, source.value, source.content] for source in step.sources]
        words = [sources, step.keeps_parents, step.excludes]
        return _copied(chain, step, ["from", origin, words], settings) if origin else None
    owner = numeric_owner(step.owner) if step.owner else None
    with supplies.files(step.origin) as files, at(step.source.place):
        change = change_of(step, owner, settings.seconds, is_context=files.is_context)
        pieces = pieces_of(step, files, change, settings.remote)
        parts = [[piece.kind, piece.name, piece.below, piece.digest()] for piece in pieces]
    return _copied(chain, step, ["files", parts], settings)


def key_by_content(chain: Chain, step: FileStep, parts: list[list[str]], settings: Settings) -> str | None:
    """The key of a step that copies from a stage or an image, by the very files."""
    if chain.portable is None or step.origin.kind not in _ELSEWHERE:
        return None
    return _copied(chain, step, ["content", parts], settings)


def _copied(chain: Chain, step: FileStep, what: list[object], settings: Settings) -> str:
    below = EMPTY if step.is_linked else chain.portable
    return step_key("portable", "copy", below, what, step.target, step.owner, step.mode, settings.seconds)


def by_origin(supplies: Supplies, origin: Origin) -> str | None:
    """What stands for an origin's files, where it is a stage or an image."""
    return supplies.chain(origin).portable if origin.kind in _ELSEWHERE else None
