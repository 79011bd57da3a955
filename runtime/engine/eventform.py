"""One event: docker's form of it, in JSON and as text, and which filters it passes. Pure."""

from __future__ import annotations

from whit.packer.store.eventlog import made
from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.lightjson import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from whit.packer.store.eventlog import Event

_SECOND = 1_000_000_000
_KINDS = ("container", "image", "network", "volume")
FILTERS = (*_KINDS, "event", "label", "scope", "type")
_BEGIN_ENOUGH = ("health_status", "exec_create", "exec_start", "exec_die")


def parsed(line: bytes) -> Event | None:
    """The event that a line tells; None for what is none."""
    try:
        document: Any = load(line)
        actor = document["Actor"]
        if not isinstance(document["timeNano"], int) or not isinstance(actor["Attributes"], dict):
            return None
        attributes = {str(name): str(value) for name, value in actor["Attributes"].items()}
        event = made(str(document["Type"]), str(document["Action"]), str(actor["ID"]), attributes, document["timeNano"])
        event["scope"] = str(document.get("scope", "local"))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return event


def parse_filters(texts: Iterable[str]) -> dict[str, list[str]]:
    """``--filter``'s words. Raises :class:`UsageError`."""
    filters: dict[str, list[str]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().lower()
        if not equals or not value:
            raise UsageError(f"--filter '{text}' has no value", hint="as in --filter container=web")
        if name not in FILTERS:
            raise UsageError(f"--filter: there is no filter '{name}' of events", hint=f"there are {', '.join(FILTERS)}")
        filters.setdefault(name, []).append(value.strip())
    return filters


def matches(event: Event, filters: Mapping[str, Sequence[str]]) -> bool:
    """Whether it passes: one value of each filter has to fit, and all labels."""
    return all(_fits(event, name, values) for name, values in filters.items())


def _fits(event: Event, name: str, values: Sequence[str]) -> bool:
    attributes = event["Actor"]["Attributes"]
    if name == "label":
        return all(_has_label(attributes, value) for value in values)
    if name == "event":
        return any(_is_action(event["Action"], value) for value in values)
    if name in {"type", "scope"}:
        return (event["Type"] if name == "type" else event["scope"]) in values
    if name == "image":
        image = attributes.get("name" if event["Type"] == "image" else "image", "")
        return any(value in {event["Actor"]["ID"], image, image.rpartition(":")[0]} for value in values)
    known = [event["Actor"]["ID"], attributes.get("name", "")] if event["Type"] == name else [attributes.get(name, "")]
    return any(one.startswith(value) for value in values for one in known)


def _is_action(action: str, wanted: str) -> bool:
    return action == wanted or (wanted in _BEGIN_ENOUGH and action.startswith(f"{wanted}:"))


def _has_label(attributes: Mapping[str, str], wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return name in attributes and (not equals or attributes[name] == value)


def line_of(event: Event) -> str:
    """Docker's text, with the machine's own time."""
    from datetime import datetime  # noqa: PLC0415 - those who record need none

    seconds, fraction = divmod(event["timeNano"], _SECOND)
    local = datetime.fromtimestamp(seconds).astimezone()
    zone = local.strftime("%z")
    shown_zone = "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:5]}"
    attributes = ", ".join(f"{name}={value}" for name, value in sorted(event["Actor"]["Attributes"].items()))
    actor = event["Actor"]["ID"] + (f" ({attributes})" if attributes else "")
    return f"{local:%Y-%m-%dT%H:%M:%S}.{fraction:09}{shown_zone} {event['Type']} {event['Action']} {actor}"


def fields_of(event: Event) -> dict[str, object]:
    """As a template sees it: docker's names."""
    attributes = event["Actor"]["Attributes"]
    is_container = event["Type"] == "container"
    return {
        "Type": event["Type"],
        "Action": event["Action"],
        "Actor": {"ID": event["Actor"]["ID"], "Attributes": dict(attributes)},
        "Scope": event["scope"],
        "Time": event["time"],
        "TimeNano": event["timeNano"],
        "Status": event["Action"] if event["Type"] in {"container", "image"} else "",
        "ID": event["Actor"]["ID"] if event["Type"] in {"container", "image"} else "",
        "From": attributes.get("image", "") if is_container else "",
    }
