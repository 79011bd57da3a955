"""Bridges and rules of stores that are gone: whoever was to remove them was killed, and the next whit on the host does it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import until
from tests.integration.netlab import Lab
from whit.runtime.engine.networks import folder, managing
from whit.runtime.engine.networks.bridging import host_end
from whit.runtime.engine.networks.leaving import remove_gone, remove_idle
from whit.runtime.engine.networks.making import Wishes
from whit.runtime.engine.networks.model import Joining

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.netlab import Container

pytestmark = [pytest.mark.root, pytest.mark.peer("nft", "ip", "setpriv", "unshare", "nsenter")]


@pytest.fixture
def other(place: Lab, tmp_path: Path) -> Iterator[Lab]:
    """Another store on the same host."""
    root = tmp_path / "other"
    root.mkdir(mode=0o700)
    made = Lab(root, place.host, place.client)
    yield made
    for container in list(made.containers):
        made.end(container)


def devices(place: Lab) -> list[str]:
    """The bridges there are."""
    return sorted(place.host.command("ip -br link show type bridge | cut -d' ' -f1").split())


def tables(place: Lab) -> list[str]:
    return sorted(place.host.command("nft list tables").split()[2::3])


def end(store: Lab, container: Container) -> None:
    """Nobody tidies up, but the kernel, which takes its time."""
    names = [host_end(container.id, folder.load(store.root, endpoint.network).id) for endpoint in container.endpoints]
    store.end(container)
    until(lambda: not any(name in store.host.command("ip -o link") for name in names))


def named(store: Lab) -> str:
    """A network of the store's own; its bridge."""
    return store.host.do(lambda: managing.create(store.root, Wishes("mine"))).device


def test_what_a_store_that_is_gone_has_left_goes_with_the_next_bridge_that_is_made(place: Lab, other: Lab) -> None:
    # given two networks of a store that was removed with all that could have tidied up
    device = named(other)
    end(other, other.start("web", networks=(Joining(), Joining("mine"))))
    shutil.rmtree(other.root)
    assert devices(place) == tables(place) == ["whit0", device]
    # then the next bridge that is made is the only one, and has the first name
    place.start("web")
    assert devices(place) == tables(place) == ["whit0"]


def test_what_is_in_use_or_another_store_s_or_nobody_s_stays(place: Lab, other: Lab) -> None:
    # given a bridge whose store is gone but that somebody is in, one that nobody is in and whose store is there, and one of somebody else's
    device = named(other)
    other.start("web")
    kept = named(place)
    end(place, place.start("web", networks=(Joining("mine"),)))
    place.host.command(
        "ip link add whit_0123456789 type bridge; nft add table inet whit; nft add table inet whit_0123456789"
    )
    shutil.rmtree(other.root)
    before = devices(place), tables(place)
    assert set(before[0]) == {"whit0", kept, "whit_0123456789"}
    # when bridges are made
    third = Lab(other.root.with_name("third"), place.host, place.client)
    third.root.mkdir(mode=0o700)
    third.stop(third.start("web"))
    # then all of them are there still
    assert (devices(place), tables(place)) == before
    assert device not in before[0]


def test_a_table_whose_bridge_somebody_has_removed_goes(place: Lab, other: Lab) -> None:
    end(other, other.start("web"))
    place.host.command("ip link delete whit0")
    assert tables(place) == ["whit0"]

    place.host.do(lambda: folder.make_default(place.root, ()))
    place.host.do(lambda: remove_idle(place.root))

    assert tables(place) == []


def test_a_store_that_was_moved_loses_no_bridge_that_it_uses(place: Lab) -> None:
    web = place.start("web")
    network = folder.load(place.root, "bridge")
    number = int(network.id[:13], 16)
    place.root = place.root.rename(place.root.with_name("moved"))
    gone = place.root.with_name("root")

    place.host.do(lambda: remove_gone(gone, "whit0", number))
    assert devices(place) == ["whit0"]

    # when nobody is in it any more
    end(place, web)
    place.host.do(lambda: remove_gone(gone, "whit0", number + (1 << 20)))
    assert devices(place) == ["whit0"]
    place.host.do(lambda: remove_gone(gone, "whit0", number))
    assert devices(place) == tables(place) == []


def test_the_watcher_finds_a_store_that_was_moved_and_has_left_a_link(place: Lab, whit: Path) -> None:
    # given a bridge that nobody is in
    web = place.start("web")
    network = folder.load(place.root, "bridge")
    end(place, web)
    folder.release(place.root, network.name, web.id)
    kept = place.root.rename(place.root.with_name("kept"))
    place.root.symlink_to(kept)

    words: list[str | Path] = [whit, "_idle", place.root / "networks", network.device, str(int(network.id[:13], 16))]
    place.host.do(lambda: subprocess.run(words, check=True, timeout=60))

    assert devices(place) == tables(place) == []


def test_a_bridge_says_whose_it_is_where_there_is_room_for_that(place: Lab, tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["x" * 100] * 3)
    deep.mkdir(parents=True, mode=0o700)
    far = Lab(deep, place.host, place.client)

    place.start("web")
    end(far, far.start("web"))

    aliases = place.host.command("ip -o link show type bridge | grep -o 'alias .*' || true")
    assert aliases.split() == [
        "alias",
        "whit",
        str(Path("/proc/self/ns/mnt").stat().st_ino),
        str(place.root / "networks" / "bridge"),
    ]
