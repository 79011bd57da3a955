"""``down`` as a whole: containers, networks, volumes, images."""

from __future__ import annotations

from whit.packer.showing.console import complain, tell, warn
from whit.packer.support.errors import NotFoundError, WhitError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose.graph.downward import Leaving, plan_down
from whit.runtime.compose.graph.model import removed_by
from whit.runtime.compose.graph.upward import orphans
from whit.runtime.compose.running.acting import Ending
from whit.runtime.compose.running.seeing import own_volumes

if TYPE_CHECKING:
    from whit.runtime.compose.graph.model import Seen
    from whit.runtime.compose.running.seeing import View
    from whit.runtime.compose.running.session import Session


@dataclass(frozen=True, slots=True)
class DownWishes:
    """What ``down`` is asked for; ``images``: ``local``, ``all`` or nothing."""

    volumes: bool = False
    images: str = ""
    orphans: bool = False
    seconds: int | None = None


def bring_down(session: Session, wishes: DownWishes) -> None:
    """Stop and remove what there is; networks and volumes only where no services are named. Raises :class:`WhitError`."""
    view = session.look()
    left: tuple[Seen, ...] = ()
    if session.services:
        chosen = session.chosen_of(view, oneoff=True)
    else:
        chosen = view.present.containers
        if session.loaded and not wishes.orphans:
            left = orphans(session.loaded.project, view.present)
            chosen = tuple(one for one in chosen if one not in left)
    leaving = Leaving() if session.services else _leaving(session, view, wishes, left)
    steps = plan_down(chosen, session.needs(view), leaving, view.present)
    if not steps and not wishes.images:
        tell(f"whit: nothing of the project {session.name} is there\n")
    if left:
        names = ", ".join(one.name for one in left)
        warn(
            f"there are containers of services that the file doesn't have: {names}",
            hint="--remove-orphans removes them",
        )
    session.act(steps, Ending(wishes.seconds, volumes=wishes.volumes, removed=removed_by(steps)))
    if wishes.images and not session.chosen.dry:
        _remove_images(session, wishes.images)


def _leaving(session: Session, view: View, wishes: DownWishes, left: tuple[Seen, ...]) -> Leaving:
    """Networks that nobody is left in, and, if that is wished for, volumes that were made for the project."""
    used = {name for one in left for name in one.networks}
    networks = tuple(name for name in view.own_networks if name not in used)
    volumes = own_volumes(session.root, session.name) if wishes.volumes else ()
    return Leaving(networks, volumes)


def _remove_images(session: Session, which: str) -> None:
    """Those of the file's services that aren't there any more are no failure; those that others use are told of."""
    for service in session.file.project.services.values():
        if which == "local" and not (service.is_built and not service.values.get("image")):
            continue
        try:
            session.store.remove(service.image)
        except NotFoundError:
            continue
        except WhitError as error:
            complain(error)
        else:
            tell(f" Image {service.image}  Removed\n")
