"""``whit system restore``: what the machine's restart has left is swept, and containers come back as their policies say."""

from __future__ import annotations

import contextlib
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from whit.packer.support import durable
from whit.packer.support.errors import NotFoundError, UsageError, WhitError, as_whit_error
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine import ending, lifecycle
from whit.runtime.engine.model import CONTAINER
from whit.runtime.engine.networks import attaching
from whit.runtime.engine.reading import is_id
from whit.runtime.engine.restorable import Found, goes_away, turns
from whit.runtime.machine import oci_launcher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from whit.runtime.engine.folder import Containers, Kept
    from whit.runtime.engine.model import Container

_MOST_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of one; ``error`` is why it couldn't be started."""

    name: str
    error: WhitError | None = None


def restore(containers: Containers) -> Iterator[Restored]:
    """Start what is to come back, and tell of each. Two of them at once: the second finds everything done."""
    if not containers.folder.is_dir():
        return
    with contextlib.ExitStack() as held:
        with durable.store_errors("bring containers back"):
            held.enter_context(durable.locked(containers.folder / "restoring", exclusive=True))
        found = dict(_look(containers))
        with ThreadPoolExecutor(_at_once()) as pool:
            list(pool.map(lambda one: _sweep(containers, one[0], one[1]), found.values()))
            containers.sweep()
            _forget_removed(containers)
            attaching.sweep(containers.root, lambda key: key in found and found[key][0].status.supervised)
            for turn in turns({key: one for key, (_, one) in found.items()}):
                yield from pool.map(lambda one: _start(containers, found[one.container.id][0]), turn)


def _at_once() -> int:
    return min(_MOST_AT_ONCE, 2 * (os.cpu_count() or 1))


def _look(containers: Containers) -> Iterator[tuple[str, tuple[Kept, Found]]]:
    for kept in containers.list():
        yield kept.container.id, (kept, Found(kept.container, kept.status, tuple(needs(containers, kept.container))))


def needs(containers: Containers, container: Container) -> Iterator[str]:
    """The IDs of those whose namespaces it shares, as far as they are there."""
    network = [container.network.removeprefix(CONTAINER)] if container.network.startswith(CONTAINER) else []
    for name in (*network, *(name for _, name in container.joins)):
        with contextlib.suppress(NotFoundError, UsageError):
            yield containers.find(name).container.id


def _sweep(containers: Containers, kept: Kept, found: Found) -> None:
    if found.status.supervised:
        return
    with contextlib.suppress(WhitError, OSError):
        if goes_away(found.container, found.status):
            ending.remove(containers, kept)
            return
        with containers.locked(kept) as got:
            if got:
                ending.clear(containers, kept)


def _forget_removed(containers: Containers) -> None:
    """Records of containers that aren't there any more: a removal was killed between the two."""
    known = set(containers.ids())
    for record in _records(containers.records):
        if record not in known:
            words = [oci_launcher(), "--root", str(containers.records), "delete", "--force", record]
            subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _records(folder: Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return [path.name for path in folder.iterdir() if is_id(path.name)]
    return []


def _start(containers: Containers, kept: Kept) -> Restored:
    name = kept.container.name
    try:
        lifecycle.start_stopped(containers, kept)
    except FileNotFoundError:
        return Restored(name, NotFoundError(f"container {name} was removed meanwhile"))
    except (WhitError, OSError) as error:
        # Somebody else may have started it just then, or is about to.
        return Restored(name, None if kept.status.supervised else as_whit_error(error))
    return Restored(name)
