"""``whit run --landlock``: the program executes nothing but itself, and writes only where something is mounted for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.programs.build import build

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.integration.conftest import User

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static"), pytest.mark.usefixtures("landlock")]

BUSYBOX = "/bin/busybox"


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
