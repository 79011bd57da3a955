"""Whose files are, in numbers of the container's: a user's containers have a user namespace of their own. Pure but for reading."""

from __future__ import annotations

import json

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from whit.runtime.engine.folder import Kept

Owner = tuple[int, int]
NOBODY = 65534

_Ranges = list[tuple[int, int, int]]


def process_of(kept: Kept) -> dict[str, object]:
    """``process`` of the container's configuration."""
    process: dict[str, object] = _document(kept)["process"]
    return process


def _document(kept: Kept) -> dict[str, dict[str, object]]:
    document: dict[str, dict[str, object]] = json.loads((kept.folder / "bundle" / "config.json").read_bytes())
    return document


def user_of(kept: Kept) -> Owner:
    """The user that the container's program runs as, in the container's numbers."""
    user = process_of(kept)["user"]
    assert isinstance(user, dict)  # noqa: S101 - for the type checker
    return int(user["uid"]), int(user["gid"])


def into(kept: Kept) -> Callable[[int, int], Owner] | None:
    """From the numbers outside to the container's; None where they are the same."""
    return _changing(kept, "hostID", "containerID")


def out_of(kept: Kept) -> Callable[[int, int], Owner] | None:
    """From the container's numbers to those outside; None where they are the same."""
    return _changing(kept, "containerID", "hostID")


def _changing(kept: Kept, old: str, new: str) -> Callable[[int, int], Owner] | None:
    linux = _document(kept)["linux"]
    users, groups = (_ranges(linux.get(f"{kind}Mappings"), old, new) for kind in ("uid", "gid"))
    if not users:
        return None
    return lambda uid, gid: (changed(uid, users), changed(gid, groups))


def _ranges(maps: object, old: str, new: str) -> _Ranges:
    items: Iterable[Mapping[str, int]] = maps if isinstance(maps, list) else ()
    return [(item[old], item[new], item["size"]) for item in items]


def changed(number: int, ranges: _Ranges) -> int:
    """The number on the other side; nobody's for one that isn't there."""
    for first, other, size in ranges:
        if first <= number < first + size:
            return other + number - first
    return NOBODY
