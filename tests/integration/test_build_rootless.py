"""``whit build`` with a Dockerfile as a user without root: root's image, as far as the user's ids go."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.integration.builds import Builder, base_tar, write_context
from tests.integration.conftest import USER, become
from tests.integration.kept import Engine, until
from tests.integration.users import FIRST_SUBORDINATE, Mine, engine_of, machine_of
from tests.peers import PROJECT
from whit.packer.buildfile.build.cache import StepCache
from whit.packer.store.garbage import verify
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import User

pytestmark = [
    pytest.mark.root,
    pytest.mark.peer("busybox-static", "newuidmap", "slirp4netns", "unshare", "setpriv"),
]

EPOCH = {"SOURCE_DATE_EPOCH": "1700000000"}
NO_NETWORK = ("--network", "none")
WITHOUT_OTHERS = (
    "FROM base AS one", "RUN echo 1 > /one && rm /data/old/gone && mkdir /data/new && ln -s one /two && ln /one /three",
    "RUN rm -r /data/old && mkdir -p /data/old && echo new > /data/old/new && chmod 4755 /one && touch /etc/group",
    "FROM base", "WORKDIR /home/app", "COPY --chown=app:staff tree tree", "COPY --chown=1:2 --chmod=600 tree/a /b", "ADD in.tar /added/",
    "COPY --from=one / /from/", "RUN --mount=type=cache,target=/c --mount=type=bind,source=tree,target=/t --mount=type=tmpfs,target=/m --mount=type=secret,id=word,uid=7 echo more >> /c/x && cat /t/a /run/secrets/word >> /home/app/tree/a && echo x > /m/x && rm /home/app/tree/folder/c",
    "COPY --from=0 --chown=5 /two /data/ /linked/", "USER app", 'CMD ["/bin/sh"]',
)  # fmt: skip
"""Files of many, but no RUN that makes any of another than root."""

WITH_OTHERS = (
    "FROM base", "RUN mkdir /of && echo x > /of/app && ln -s app /of/link && chown -R 1000:1001 /of && chown -h 3:4 /of/link",
    "USER app", "RUN id > /of/id && mkdir -m 700 /of/closed && touch /of/closed/file", "USER 0", "RUN chown 65534:65534 /data/file",
    "COPY --from=base --chown=app /data /home/app/data", "RUN rm -r /of/closed && chgrp staff /home/app/data/file",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _AtTime(Engine):
    """Root's engine, whose files are of one time."""

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "WHIT_ROOT": str(self.root), **EPOCH}


@dataclass(frozen=True, slots=True)
class _Mine(Mine):
    """The user's."""

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": os.environ["PATH"], **EPOCH}


@pytest.fixture
def machine(user: User) -> Path:
    return machine_of(user)


@pytest.fixture
def mine(user: User, machine: Path) -> Builder:
    """The user's builder, in whose home the contexts are."""
    made = engine_of(user, machine)
    engine = _Mine(made.program, made.root, made.before, made.home)
    engine("import", base_tar(user.home / "base.tar"), "base")
    scratch = user.home / "scratch"
    scratch.mkdir()
    os.chown(scratch, USER, USER)
    return Builder(engine, scratch)


@pytest.fixture
def roots(whit: Path, tmp_path: Path) -> Builder:
    """Root's builder."""
    engine = _AtTime(whit, tmp_path / "root")
    engine("import", base_tar(tmp_path / "base.tar"), "base")
    return Builder(engine, tmp_path)


def context(user: User, *lines: str) -> Path:
    folder = write_context(
        user.home / f"context-{os.urandom(4).hex()}",
        {"Dockerfile": "\n".join(lines), "tree/a": "a\n", "tree/folder/c": "c\n", "tree/folder/link -> ../a": "", "word": "word\n"},
    )  # fmt: skip
    with tarfile.open(folder / "in.tar", "w") as tar:
        for name, owner in (("mine", 0), ("yours", 1234), ("far", 3_000_000)):
            info = tarfile.TarInfo(name)
            info.uid = info.gid = owner
            tar.addfile(info)
            info.name, info.type, info.linkname = f"{name}.link", tarfile.SYMTYPE, name
            tar.addfile(info)
    return folder


def digest(builder: Builder, folder: Path) -> str:
    secret = ("--secret", f"id=word,src={folder / 'word'}")
    builder.built(folder, *NO_NETWORK, *secret, "--no-cache", "-t", "made")
    return Store(builder.engine.root).resolve("made").digest


@pytest.mark.parametrize("has_ids", [False, True], ids=["alone", "with subordinate ids"])
def test_a_user_s_image_is_root_s(user: User, machine: Path, mine: Builder, roots: Builder, has_ids: bool) -> None:
    assert isinstance(mine.engine, Mine)
    if has_ids:
        mine.engine.give_ids(machine)
    folder = context(user, *WITHOUT_OTHERS)
    assert digest(mine, folder) == digest(roots, folder)


SET_IDS = (
    "FROM base", "COPY --chown=7:8 --chmod=6755 Dockerfile /tool", "COPY --chown=7:8 --chmod=6755 Dockerfile /closed",
    "RUN stat -c %a /tool > /seen && cp -p /tool /copy && cp -a /tool /other && chmod 700 /closed", "RUN true",
)  # fmt: skip


def test_files_of_users_that_are_recorded_only_give_a_run_no_set_id_bits_and_the_build_says_what_it_sees(
    user: User, machine: Path, mine: Builder, roots: Builder
) -> None:
    assert isinstance(mine.engine, Mine)
    folder = context(user, *SET_IDS)
    alone, told = mine.files(folder, *NO_NETWORK), mine.built(folder, *NO_NETWORK)
    assert {name: alone[name][1:4] for name in ("tool", "closed", "copy", "other")} == {
        "tool": ("0o6755", 7, 8), "closed": ("0o700", 7, 8), "copy": ("0o755", 0, 0), "other": ("0o755", 0, 0),
    }  # fmt: skip
    assert told.count("warning: RUN sees files of users that aren't in builds of yours as root's") == 1
    assert "warning" not in mine.built(context(user, *SET_IDS[:1], SET_IDS[-1], *SET_IDS[1:3]), *NO_NETWORK)
    mine.engine.give_ids(machine)
    whole = mine.files(folder, *NO_NETWORK)
    assert whole["copy"][1:4] == ("0o6755", 7, 8)
    assert whole == roots.files(folder, *NO_NETWORK)


def test_a_user_with_subordinate_ids_has_programs_run_as_anybody(
    user: User, machine: Path, mine: Builder, roots: Builder
) -> None:
    assert isinstance(mine.engine, Mine)
    mine.engine.give_ids(machine)
    folder = context(user, *WITH_OTHERS)
    assert digest(mine, folder) == digest(roots, folder)
    told = mine.built(folder, *NO_NETWORK)
    assert told.count("CACHED") == 5


def test_what_takes_other_users_is_told_with_its_line_to_whoever_has_none(user: User, mine: Builder) -> None:
    for line, said in (
        ("RUN chown app /data/file", 'Dockerfile:2: process "/bin/sh -c chown app /data/file" did not complete successfully'),
        ("USER app\nRUN id", "Dockerfile:3: there is no user 1000:1001 in builds of yours"),
    ):  # fmt: skip
        done = mine(context(user, "FROM base", line), *NO_NETWORK)
        assert done.returncode == 1
        assert said in done.stderr
        assert "hint: other users than root take subordinate ids" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_user_s_run_goes_out_as_a_container_does(user: User, mine: Builder) -> None:
    lines = (
        "FROM base", "RUN ip addr show dev tap0 > /a; ip route > /o; cat /etc/resolv.conf > /r",
        "RUN --network=none ! ip addr show dev tap0", "RUN --network=host ip -o link > /h && ls /sys/class/net > /s",
    )  # fmt: skip
    files = mine.files(context(user, *lines))
    assert b"inet 10.0.2.100" in files["a"][-1]  # type: ignore[operator]
    assert b"default via 10.0.2.2" in files["o"][-1]  # type: ignore[operator]
    assert b"nameserver 10.0.2.3" in files["r"][-1]  # type: ignore[operator]
    assert b"tap0" not in files["h"][-1]  # type: ignore[operator]
    until(lambda: _speaking() == [], "what speaks for a RUN ends with it")


def _speaking() -> list[str]:
    done = subprocess.run(
        ["pgrep", "-u", str(USER), "-l", "slirp4netns|pasta"], capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines()


def test_a_system_without_user_namespaces_is_told_in_a_line(user: User, mine: Builder) -> None:
    assert isinstance(mine.engine, Mine)
    older = ("env", f"PYTHONPATH={PROJECT}", sys.executable, "-P", "-m", "tests.integration.without_calls", "unshare")
    before = (*older, shutil.which("setpriv") or "", *become(USER)[1:], "env", "-u", "PYTHONPATH")
    engine = _Mine(mine.engine.program, mine.engine.root, before, mine.engine.home)
    done = Builder(engine, mine.scratch)(context(user, "FROM base", "RUN true"), *NO_NETWORK)
    assert done.returncode == 1
    first, hint = done.stderr.splitlines()
    assert first == "whit: this system lets you make no user namespace: Function not implemented"
    assert hint.startswith("hint: allow user namespaces")


def test_files_of_a_user_s_build_are_the_user_s(user: User, machine: Path, mine: Builder) -> None:
    assert isinstance(mine.engine, Mine)
    mine.engine.give_ids(machine)
    out = mine.scratch / "out"
    mine.built(context(user, "FROM base", "COPY --chown=1000 tree /"), *NO_NETWORK, "-o", f"type=local,dest={out}")
    assert {path.lstat().st_uid for path in out.rglob("*")} == {USER}


def test_builds_that_are_killed_leave_nothing_that_prune_does_not_remove(
    user: User, machine: Path, mine: Builder
) -> None:
    """Files of subordinate users' too, which the user alone can't remove."""
    assert isinstance(mine.engine, Mine)
    mine.engine.give_ids(machine)
    folder = context(
        user, "FROM base", "RUN mkdir -m 700 /of && touch /of/x && chown -R 1000 /of", "RUN --mount=type=cache,target=/c,uid=5,mode=700 su; sleep 5"
    )  # fmt: skip
    process = subprocess.Popen(
        [*mine.engine.before, mine.engine.program, "build", "--network", "none", "-t", "killed", folder],
        env=mine.engine.environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    while "RUN --mount=type=cache" not in process.stderr.readline():
        pass
    time.sleep(1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    store = Store(mine.engine.root)
    snapshots = StepCache(store).snapshots
    assert FIRST_SUBORDINATE + 999 in {path.lstat().st_uid for path in snapshots.rglob("*")}
    assert verify(store) == ()
    mine.engine("builder", "prune", "-f")
    assert list(snapshots.iterdir()) == []
    assert [path for path in (snapshots.parent / "caches").iterdir() if path.is_dir()] == []
    mine.engine("rmi", "base")
    assert [path for path in store.rootfs_folder.iterdir() if path.is_dir()] == []
