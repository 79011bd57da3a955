"""One container of a service, for what is done in one."""

from __future__ import annotations

from whit.packer.support.errors import LaunchError, NotFoundError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.runtime.compose.running.session import Session
    from whit.runtime.engine.folder import Kept


def container_at(session: Session, service: str, number: int = 0, *, running: bool = False) -> Kept:
    """The container of a service with this number, or its first. Raises :class:`NotFoundError`, and :class:`LaunchError` for one that doesn't run."""
    found = containers_of(session, service, number)
    chosen = next((one for one in found if one.status.is_up), found[0])
    if running and not chosen.status.is_up:
        raise LaunchError(f"service {service} is not running", hint=f"whit compose up -d {service}", exit_code=1)
    return chosen


def containers_of(session: Session, service: str, number: int = 0) -> tuple[Kept, ...]:
    """All containers of a service, or the one with this number. Raises :class:`NotFoundError` where there is none."""
    view = session.look()
    session.check_services(view)
    found = tuple(view.kept[one.id] for one in view.present.of(service) if number in {0, one.number})
    if not found:
        what = f"container {number}" if number else "container"
        raise NotFoundError(f"service {service} has no {what}", hint=f"whit compose up -d {service}")
    return found
