"""``whit run --landlock``: the program executes nothing but itself, and writes only where something is mounted for it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.breaking_out import breakout
from tests.programs.build import build

if TYPE_CHECKING:
    from tests.conftest import RunWhit
    from tests.integration.conftest import User

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static"), pytest.mark.usefixtures("landlock")]

BUSYBOX = "/bin/busybox"
OLDER = "/proc/sys/vm/memfd_noexec"
"""What kernels before Linux 6.3 haven't."""


@pytest.mark.parametrize("more", [(), ("--init",)], ids=["alone", "init"])
def test_a_copy_of_the_program_is_not_executed_and_the_program_itself_is(
    run_whit: RunWhit, more: tuple[str, ...]
) -> None:
    script = "cp /busybox /x/busybox && chmod +x /x/busybox && /x/busybox true; echo $?; /busybox echo itself"
    words = (*more, "--tmpfs", "/x:exec,mode=1777", BUSYBOX, "sh", "-c", script)
    assert run_whit("run", *words).stdout == "0\nitself\n"
    assert run_whit("run", "--landlock", *words).stdout == "126\nitself\n"


def test_only_what_is_mounted_for_it_is_written(run_whit: RunWhit, tmp_path: Path) -> None:
    given, shown = tmp_path / "given", tmp_path / "shown"
    for folder in (given, shown):
        folder.mkdir()
        folder.chmod(0o777)
    script = "for d in /given /scratch /tmp /shown /; do echo x >$d/f && echo $d; done 2>/dev/null; echo x >/dev/null && echo null"
    volumes = ("--volume", f"{given}:/given", "--volume", f"{shown}:/shown:ro", "--tmpfs", "/scratch")
    ran = run_whit("run", "--landlock", "--user", "0", *volumes, "--needs", "+temp", BUSYBOX, "sh", "-c", script)
    assert ran.stdout == "/given\n/scratch\n/tmp\nnull\n", ran.stderr
    assert (given / "f").read_text() == "x\n"


def test_a_dynamic_program_still_finds_its_loader(run_whit: RunWhit) -> None:
    plain = run_whit("run", build("hello", "c-dynamic"))
    assert run_whit("run", "--landlock", build("hello", "c-dynamic")).stdout == plain.stdout != ""


def test_it_is_there_without_root_and_in_the_kept_plan(user: User) -> None:
    script = "cp /busybox /x/busybox && chmod +x /x/busybox && /x/busybox true; echo $?"
    for _ in range(2):
        ran = user.run("run", "--landlock", "--tmpfs", "/x:exec,mode=1777", BUSYBOX, "sh", "-c", script)
        assert (ran.stdout, ran.returncode) == ("126\n", 0), ran.stderr


@pytest.mark.skipif(not Path(OLDER).exists(), reason="this kernel executes files without a name wherever it can")
def test_a_file_without_a_name_is_not_executed_and_is_there_for_other_uses(run_whit: RunWhit) -> None:
    tries = ("nameless", "nameless-by-path", "memfd")
    free = run_whit("run", "--network", "none", breakout(), *tries)
    held = run_whit("run", "--network", "none", "--landlock", breakout(), *tries)

    assert free.stdout == "nameless done\nnameless-by-path done\nmemfd done\n"
    assert held.stdout == "nameless Permission denied\nnameless-by-path Permission denied\nmemfd done\n", held.stderr
    assert Path(OLDER).read_text() == "0\n", "the machine's own"


def test_for_a_user_there_are_none_but_those_that_are_never_executed(user: User) -> None:
    tries = ("nameless", "nameless-by-path", "memfd", "map-sealed", "generate")
    for _ in range(2):
        held = user.run("run", "--network", "none", "--landlock", breakout(), *tries)

        missing = "Function not implemented"
        assert held.stdout.splitlines() == [
            f"nameless {missing}",
            f"nameless-by-path {missing}",
            f"memfd {missing}",
            "map-sealed done",
            "generate done",
        ], held.stderr


@pytest.mark.parametrize("more", [(), ("--init",), ("--pid", "host")], ids=["alone", "init", "host"])
def test_in_kept_containers_and_for_what_enters_them_too(run_whit: RunWhit, more: tuple[str, ...]) -> None:
    words = ("--network", "none", "--landlock", *more)
    run_whit("create", "--name", "held", *words, breakout(), "nameless")
    held = run_whit("start", "-a", "held").stdout
    run_whit("rm", "-f", "held")
    run_whit("run", "-d", "--name", "waiting", *words, BUSYBOX, "sleep", "600")
    run_whit("cp", breakout(), "waiting:/dev/shm/b")
    entered = run_whit("exec", "waiting", "/dev/shm/b", "nameless")
    run_whit("rm", "-f", "waiting")

    assert held in {"nameless Permission denied\n", "nameless Function not implemented\n"}
    assert Path(OLDER).read_text() == "0\n", "the machine's own"
    assert entered.stdout != "nameless done\n"


def test_what_it_does_not_hold_back(run_whit: RunWhit, tmp_path: Path) -> None:
    """As docs/security.md says: memory is made executable, and files that may be mapped so, also by the loader."""
    given = tmp_path / "given"
    given.mkdir()
    given.chmod(0o777)
    tries = ("generate", "map-nameless", "map=/given/x", "load=/given/x", "drop=/given/x", "load=/tmp/x")

    ran = run_whit("run", "--network", "none", "--landlock", "-v", f"{given}:/given", breakout("c-dynamic"), *tries)

    assert ran.stdout.splitlines() == [
        "generate done",
        "map-nameless done",
        "map done",
        "load done",
        "drop Permission denied",
        "load Protocol error",
    ], ran.stderr


def elsewhere(whit: Path, root: Path, before: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """whit run in a PID and a mount namespace of its own, where the shell's line ``before`` comes first."""
    script = f'{before} && exec "$0" run --network none "$@"'
    line = ("unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", script, str(whit), *map(str, words))
    environment = {"WHIT_ROOT": str(root), "PATH": os.environ["PATH"]}
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False, env=environment)


def test_where_the_kernel_can_not_be_told_a_filter_does_it_for_root_too(whit: Path, whit_root: Path) -> None:
    before = "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys"
    tries = ("nameless", "nameless-by-path", "map-sealed")

    ran = elsewhere(whit, whit_root, before, "--landlock", breakout(), *tries)

    missing = "Function not implemented"
    expected = f"nameless {missing}\nnameless-by-path {missing}\nmap-sealed done\n"
    assert ran.stdout == expected, ran.stderr


@pytest.mark.skipif(not Path(OLDER).exists(), reason="this kernel can't be told")
@pytest.mark.parametrize(("said", "works"), [(1, True), (2, False)])
def test_a_machine_that_executes_none_by_itself(whit: Path, whit_root: Path, said: int, *, works: bool) -> None:
    """whit itself goes on from one, where the program's user could write its own file."""
    ran = elsewhere(whit, whit_root, f"echo {said} >{OLDER}", "--user", "0", breakout(), "nameless")

    if works:
        assert ran.stdout == "nameless Permission denied\n", ran.stderr
    else:
        assert ran.returncode == 125, ran
        assert "vm.memfd_noexec=2" in ran.stderr
