"""Users of one machine against each other: nobody's whit uses what somebody else could have put there."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.conftest import USER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import RunWhit
    from tests.integration.conftest import User

BUSYBOX = "/bin/busybox"

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


def refused(result: subprocess.CompletedProcess[str], *why: str) -> None:
    """One line that says whose fault it is, and nothing ran."""
    assert result.returncode in (1, 125), result
    assert result.stdout == ""
    assert any(text in result.stderr for text in why), result.stderr
    assert "Traceback" not in result.stderr


def test_root_uses_no_store_of_a_users(user: User, run_whit: RunWhit) -> None:
    for _ in range(2):
        assert user.run("run", BUSYBOX, "echo", "x").stdout == "x\n"
        refused(run_whit("run", BUSYBOX, "echo", "x", root=user.store), "belongs to another user")
    refused(run_whit("pack", BUSYBOX, "-t", "x:1", root=user.store), "belongs to another user")
    # Nor in a folder of the user's that it makes itself: what is in there could be changed any time.
    assert {path.stat().st_uid for path in user.store.rglob("*")} == {user.number}


def test_a_user_sees_and_changes_nothing_of_another_s_store(user: User, other_user: User) -> None:
    assert user.run("run", BUSYBOX, "echo", "x").returncode == 0
    user.home.chmod(0o755)
    for folder in (user.home / ".local", user.home / ".local" / "share"):
        folder.chmod(0o755)
    theirs = {"WHIT_ROOT": str(user.store)}
    refused(
        other_user.run("run", BUSYBOX, "echo", "x", environment=theirs), "belongs to another user", "permission denied"
    )
    assert "ermission denied" in other_user.shell(f"ls {user.store}").stderr
    # Not even its locks, by which it could make others wait.
    locks = f"flock -n {user.store}/lock true; flock -n {user.store}/rootfs/*.lock true"
    assert "ermission denied" in other_user.shell(locks).stderr


def as_link(user: User, store: Path) -> Path:
    link = user.home / "link"
    link.symlink_to(store)
    os.chown(link, user.number, user.number, follow_symlinks=False)
    return link


def test_a_store_that_a_user_leads_root_to_by_a_link_is_not_used(
    user: User, run_whit: RunWhit, whit_root: Path
) -> None:
    """Whoever owns the link could let it lead elsewhere between two looks."""
    assert run_whit("run", BUSYBOX, "echo", "x").returncode == 0
    refused(run_whit("run", BUSYBOX, "echo", "x", root=as_link(user, whit_root)), "is not a folder")


def writable(plans: Path) -> None:
    plans.chmod(0o770)


def others_folder(plans: Path) -> None:
    os.chown(plans, USER + 1, USER + 1)


def others_file(plans: Path) -> None:
    for path in plans.iterdir():
        os.chown(path, USER + 1, USER + 1)
        path.chmod(0o644)


def linked_file(plans: Path) -> None:
    for path in list(plans.iterdir()):
        shutil.copy2(path, plans.parent / path.name)
        path.unlink()
        path.symlink_to(plans.parent / path.name)


def linked_folder(plans: Path) -> None:
    plans.rename(plans.with_name("elsewhere"))
    plans.symlink_to("elsewhere")


@pytest.mark.parametrize("change", [writable, others_folder, others_file, linked_file, linked_folder])
def test_a_plan_that_another_user_could_have_forged_is_not_used(user: User, change: Callable[[Path], None]) -> None:
    # Given a plan that says something else than what would be planned anew
    assert user.run("run", BUSYBOX, "echo", "xxxx").stdout == "xxxx\n"
    (plan,) = (user.store / "plans").iterdir()
    data = plan.read_bytes()
    head, word, tail = data.rpartition(b"xxxx")
    plan.write_bytes(head + b"evil" + tail)
    assert word
    assert user.run("run", BUSYBOX, "echo", "xxxx").stdout == "evil\n"
    # When it stands where others could have put it
    change(user.store / "plans")
    # Then it isn't executed
    result = user.run("run", BUSYBOX, "echo", "xxxx")
    assert result.stdout in ("xxxx\n", ""), result


def test_the_folder_that_root_stands_in_brings_no_code_of_whit_s(user: User, whit: Path, whit_root: Path) -> None:
    """Where no Python stands beside the program, the machine's own is called: it must not look into the working directory."""
    alone = whit_root.parent / "alone"
    alone.mkdir()
    shutil.copy2(whit, alone / "whit")
    for folder in ("whit", "whit/runtime"):
        (user.home / folder).mkdir()
        (user.home / folder / "__init__.py").touch()
    (user.home / "whit" / "runtime" / "cli.py").write_text("def main():\n    print('evil')\n")
    result = subprocess.run([alone / "whit", "images"], cwd=user.home, capture_output=True, text=True, check=False)
    assert "evil" not in result.stdout


def own_whit(user: User) -> Path:
    """A whit whose launcher the user owns, as pip makes it."""
    installed, folder = user.program.parent, user.home / "venv" / "bin"
    folder.mkdir(parents=True)
    for path in installed.glob("python*"):
        (folder / path.name).symlink_to(path.readlink())
    shutil.copy2(installed.parent / "pyvenv.cfg", folder.parent)
    (folder.parent / "lib").symlink_to(installed.parent / "lib")
    shutil.copy2(user.program, folder / "whit")
    os.chown(folder / "whit", user.number, user.number)
    return folder / "whit"


def test_a_user_s_own_whit_can_t_be_overwritten_by_its_containers(user: User) -> None:
    """CVE-2019-5736 without root: the program is the user who owns the launcher; what it could reach is a sealed copy."""
    owned = replace(user, program=own_whit(user))
    for whit, file in ((owned, "/memfd:whit (deleted)"), (user, str(user.program))):
        for _ in range(2):
            command = whit.command("run", BUSYBOX, "sh", "-c", "echo ready; exec sleep 60")
            with subprocess.Popen(command, env=user.environment(), stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                assert process.stdout.readline() == b"ready\n"
                assert str(Path(f"/proc/{process.pid}/exe").readlink()) == file
                process.kill()


def test_whoever_waits_for_a_lock_can_be_interrupted(whit: Path, whit_root: Path, run_whit: RunWhit) -> None:
    assert run_whit("run", BUSYBOX, "true").returncode == 0
    (lock,) = (whit_root / "rootfs").glob("*.lock")
    with subprocess.Popen(["flock", "-x", lock, "sleep", "60"]) as holder:
        time.sleep(0.3)
        with subprocess.Popen(
            [whit, "run", BUSYBOX, "true"], env={**os.environ, "WHIT_ROOT": str(whit_root)}
        ) as process:
            time.sleep(0.3)
            assert process.poll() is None
            process.send_signal(2)
            assert process.wait(5) in (-2, 130)
        holder.kill()
