"""``whit compose events``: what happens to a project's containers, in docker compose's two forms."""

from __future__ import annotations

import json
import time

from whit.packer.showing.console import say
from whit.packer.showing.present import printable
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose import labels
from whit.runtime.engine.ages import parse_moment
from whit.runtime.engine.events import read_events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.packer.store.eventlog import Event
    from whit.runtime.compose.running.session import Session

_OURS = "com.docker.compose."
_SECOND = 1_000_000_000


def show_events(session: Session, since: str | None, until: str | None, *, as_json: bool) -> None:
    """Those of the services that were named, or of all, as they happen; each a line. Raises :class:`WhitError`."""
    now = time.time_ns()
    begin = parse_moment(since, now) if since else None
    end = parse_moment(until, now, "--until") if until else None
    wanted = {"type": ["container"], "label": [f"{labels.PROJECT}={session.name}"]}
    view = session.look()
    session.check_services(view)

    def goes_on() -> bool:
        return end is None or time.time_ns() <= end

    for event in read_events(session.root, begin, end, wanted, goes_on):
        attributes: Mapping[str, str] = event["Actor"]["Attributes"]
        service = attributes.get(labels.SERVICE, "")
        if not session.services or service in session.services:
            say(json.dumps(document(event, service)) if as_json else printable(line(event)))


def _own(event: Event) -> dict[str, str]:
    """What is told of a container: all but Compose's own labels."""
    return {key: value for key, value in event["Actor"]["Attributes"].items() if not key.startswith(_OURS)}


def document(event: Event, service: str) -> dict[str, object]:
    """``time``, ``type``, ``service``, ``id``, ``action``, ``attributes``."""
    seconds, rest = divmod(event["timeNano"], _SECOND)
    return {
        "action": event["Action"],
        "attributes": _own(event),
        "id": event["Actor"]["ID"],
        "service": service,
        "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z",
        "type": "container",
    }


def line(event: Event) -> str:
    """``2026-01-31 12:00:00.000000 container start ID (image=bb, name=shop-web-1)``; in the machine's own time."""
    seconds, rest = divmod(event["timeNano"], _SECOND)
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    own = ", ".join(f"{key}={value}" for key, value in sorted(_own(event).items()))
    return f"{moment}.{rest // 1000:06d} container {event['Action']} {event['Actor']['ID']} ({own})"
