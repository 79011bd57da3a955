"""What must stand before. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.plan import OriginKind
from whit.packer.buildfile.dockerfile.problems import DockerfileError

if TYPE_CHECKING:
    from whit.packer.buildfile.dockerfile.plan import Origin
    from whit.packer.buildfile.dockerfile.problems import Place
    from whit.packer.buildfile.dockerfile.state import StageState


def require_before(state: StageState, origin: Origin, written: str, place: Place) -> None:
    """Raises :class:`DockerfileError` for a stage that comes later, or is this very one."""
    if origin.kind is OriginKind.STAGE and origin.stage >= state.index:
        name = state.around.graph.nodes[origin.stage].stage.name
        where = "is this very stage" if origin.stage == state.index else "comes later"
        raise DockerfileError(place, f"{written}: the stage {name} {where}", "move it before this one")
