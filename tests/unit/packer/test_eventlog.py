"""What happens to images of the store, as events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.unit.packer.test_store import add
from whit.packer.image.reference import parse_reference
from whit.packer.store.eventlog import CURRENT
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path


def told(store: Store) -> list[tuple[str, str, str]]:
    """Action, ID and name of all that has happened."""
    events = [json.loads(line) for line in (store.root / CURRENT).read_text().splitlines()]
    assert {event["Type"] for event in events} == {"image"}
    return [(event["Action"], event["Actor"]["ID"], event["Actor"]["Attributes"]["name"]) for event in events]


def test_names_that_an_image_gets_and_loses_are_told_and_its_end(tmp_path: Path) -> None:
    store = Store(tmp_path / "root")
    image = add(store, "one", "two")
    # given a name that it has already: nothing has happened
    add(store, "one")
    store.tag("one", parse_reference("more/three:3"))
    store.remove("two")
    store.remove(image.digest, force=True)
    assert told(store) == [
        ("tag", image.image_id, "one:latest"),
        ("tag", image.image_id, "two:latest"),
        ("tag", image.image_id, "more/three:3"),
        ("untag", image.image_id, "two:latest"),
        ("untag", image.image_id, "one:latest"),
        ("untag", image.image_id, "more/three:3"),
        ("delete", image.image_id, image.image_id),
    ]
