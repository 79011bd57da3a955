"""Steps that root has done elsewhere, taken by a user without root; and agents of the user's."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.test_build_rootless import NO_NETWORK, context, machine, mine, roots
from tests.integration.users import Mine
from whit.packer.store.garbage import verify
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.builds import Builder
    from tests.integration.conftest import User

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.peer("busybox-static", "newuidmap", "slirp4netns", "unshare", "setpriv"),
]
__all__ = ["machine", "mine", "roots"]

LINES = (
    "FROM base", "RUN rm -r /data/old && mkdir /data/old && echo new > /data/old/new && rm /data/file && head -c 20 /dev/urandom > /random",
    "COPY --chown=1000:1001 tree /tree", "RUN ls -lnR /data /tree > /seen",
)  # fmt: skip


def test_a_user_goes_on_from_root_s_steps(user: User, machine: Path, mine: Builder, roots: Builder) -> None:
    assert isinstance(mine.engine, Mine)
    mine.engine.give_ids(machine)
    folder, shared = context(user, *LINES), user.home / "shared"
    roots.built(folder, *NO_NETWORK, "-t", "made", "--cache-to", f"type=local,dest={shared}")
    subprocess.run(["chmod", "-R", "a+rX", shared], check=True)
    told = mine.built(folder, *NO_NETWORK, "-t", "made", "--cache-from", f"type=local,src={shared}")
    assert told.count("CACHED") == 3, told
    layers = [Store(one.engine.root).resolve("made").config.diff_ids for one in (mine, roots)]
    assert layers[0] == layers[1]
    assert verify(Store(mine.engine.root)) == ()
    changed = context(user, *LINES[:-1], "RUN ls -lnR /data /tree > /seen; cat /data/old/*; test ! -e /data/file")
    told = mine.built(changed, *NO_NETWORK, "-t", "changed", "--cache-from", f"type=local,src={shared}")
    assert told.count("CACHED") == 2, told
    assert "new" in told
    files = mine.files(changed, *NO_NETWORK)
    assert {"data/old/new", "tree/a"} <= set(files)
    assert not {"data/old/kept", "data/old/gone", "data/file"} & set(files)
    assert files["tree/a"][2:4] == (1000, 1001)
