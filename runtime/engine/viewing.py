"""What whoever debugs a container sees of files: operations that make a view of them, and change nothing of the container's. Pure.

With busybox's tools all of the container's files are where its programs have them, and the tools are in /.whit-debug; with
an image's, that image's files are, because its programs need their libraries, and the container's are below /container.
"""

from __future__ import annotations

from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.model import LaunchPlan, Op
from whit.runtime.oci.filesystem import ENTER

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOLS, CONTAINER = ".whit-debug", "container"
"""Where they are in the view."""

KERNEL = ("proc", "dev", "sys")
"""What is the container's in any view: its processes, its devices, its limits."""

NAME_FILES = ("hosts", "resolv.conf", "hostname")
READ_ONLY, HARDENED = 1, 1 | 2 | 4
MOST = 400
"""At the container's root: each takes a mount, and a plan has its bounds."""

_TEMPORARY = "tmp"
_WHY = "a view of the container's files, with tools beside them"


def _check(names: tuple[str, ...]) -> None:
    if len(names) > MOST:
        raise UnsupportedError(
            f"there are {len(names)} files and folders at the root, and a view holds {MOST}",
            hint="with --image the container's are below /container, whatever their number",
        )


def _begin(*, whole: bool) -> Iterator[Op]:
    yield Op("VIEW_BEGIN", (int(whole),), _WHY)
    yield Op("TREE_TAKE", (0,), "the tools")
    yield Op("TREE_ATTACH", (f"/{TOOLS}", 0), "the tools")


def _end() -> Iterator[Op]:
    # What is made at the root would be lost, and be nowhere in the container.
    yield Op("PATH_ATTRIBUTES", ("/", READ_ONLY, 0, 0), _WHY)
    yield Op("ROOT_SWITCH", (ENTER,), _WHY)


def _theirs(name: str) -> Op:
    return Op("VIEW_BIND", (0, name, f"/{name}"), "the container's own")


def container_view(names: tuple[str, ...]) -> tuple[Op, ...]:
    """The container's root, whose entries have these names, with tools beside it."""
    _check(names)
    return (*_begin(whole=False), *(_theirs(name) for name in names if name != TOOLS), *_end())


def image_view(names: tuple[str, ...], name_files: tuple[str, ...]) -> tuple[Op, ...]:
    """An image's root, whose entries have these names, with the container below /container.

    ``name_files`` are those in the image's /etc that the container's are mounted over.
    """
    _check(names)
    own = (name for name in names if name not in {*KERNEL, TOOLS, CONTAINER, _TEMPORARY})
    return (
        *_begin(whole=True),
        *(Op("VIEW_BIND", (1, f"{TOOLS}/{name}", f"/{name}"), "the tools") for name in own),
        *map(_theirs, KERNEL),
        *(Op("VIEW_BIND", (0, f"etc/{name}", f"/etc/{name}"), "the container's own") for name in name_files),
        Op("TREE_TAKE", (1,), "the container's own"),
        Op("TREE_ATTACH", (f"/{CONTAINER}", 0), "the container's own"),
        Op("TREE_NEW", ("tmpfs", "tmpfs", ("mode=1777",), 2 | 4), "tools need a place for their own files"),
        Op("TREE_ATTACH", (f"/{_TEMPORARY}", 0), "tools need a place for their own files"),
        *_end(),
    )


def with_tools(plan: LaunchPlan, folder: str, lock: str) -> LaunchPlan:
    """The plan of a further process, which opens the tools while paths are still the host's."""
    at = next(index for index, op in enumerate(plan.ops) if op.name == "CLONE_FREE") + 1
    locked = (Op("HOLD_LOCK", (lock,), "the tools stay while they are used"),) if lock else ()
    opened = (
        Op("TREE_BIND", (folder, 1), "the tools"),
        Op("TREE_ATTRIBUTES", (HARDENED, 0, 1), "the tools are only read"),
        Op("TREE_KEEP", (), "the tools, for the view"),
    )
    return LaunchPlan(plan.version, (*locked, *plan.ops[:at], *opened, *plan.ops[at:]))
