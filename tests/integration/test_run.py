"""``whit run`` as a person meets it: exit codes, limits, what is left afterwards."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.begun import first_line, start
from tests.integration.leftcgroups import nothing_is_left
from tests.programs.build import build

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.conftest import RunWhit

BUSYBOX = Path("/bin/busybox")

pytestmark = pytest.mark.peer("busybox")
__all__ = ["nothing_is_left", "start"]


# ---- the program's own words and end ----


def test_a_file_is_packed_and_run_and_its_output_is_its_own(run_whit: RunWhit) -> None:
    result = run_whit("run", build("hello", "go"))
    assert (result.stdout, result.stderr, result.returncode) == ("hello from go\n", "", 0)


def test_the_exit_status_is_the_programs(run_whit: RunWhit) -> None:
    assert run_whit("run", build("exit", "c-musl"), "7").returncode == 7


def test_a_program_ended_by_a_signal_gives_128_and_its_number(run_whit: RunWhit) -> None:
    script = "kill -USR1 $$"
    assert run_whit("run", "--init", BUSYBOX, "sh", "-c", script).returncode == 128 + signal.SIGUSR1


def test_arguments_after_the_file_are_the_programs_and_one_dash_dash_is_dropped(run_whit: RunWhit) -> None:
    assert run_whit("run", BUSYBOX, "echo", "-e", "--memory", "x").stdout == "--memory x\n"
    assert run_whit("run", BUSYBOX, "--", "echo", "--", "x").stdout == "-- x\n"


def test_standard_input_reaches_the_program(run_whit: RunWhit) -> None:
    assert run_whit("run", BUSYBOX, "cat", stdin="through\n").stdout == "through\n"


def test_a_program_that_is_not_there_is_127(run_whit: RunWhit) -> None:
    result = run_whit("run", "--entrypoint", "/nothing", BUSYBOX)
    assert result.returncode == 127
    assert "there is no /nothing in the image" in result.stderr


def test_a_program_that_is_not_on_the_path_is_127(run_whit: RunWhit) -> None:
    result = run_whit("run", "--entrypoint", "nothing", BUSYBOX)
    assert result.returncode == 127
    assert "there is no program 'nothing' in the image" in result.stderr


def test_a_file_that_may_not_be_executed_is_126(run_whit: RunWhit) -> None:
    result = run_whit("run", "--entrypoint", "/etc/passwd", BUSYBOX)
    assert result.returncode == 126
    assert "may not be executed" in result.stderr


# ---- what it sees ----


def inside(run_whit: RunWhit, script: str, *options: str) -> str:
    result = run_whit("run", *options, BUSYBOX, "sh", "-c", script)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_it_has_no_rights_at_all(run_whit: RunWhit) -> None:
    status = inside(run_whit, "cat /proc/self/status")
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert f"{name}:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status


def test_it_sees_its_own_processes_host_name_and_loopback_only(run_whit: RunWhit) -> None:
    assert inside(run_whit, "echo $$; hostname", "--hostname", "box") == "1\nbox\n"
    assert inside(run_whit, "ls /sys/class/net", "--network", "none") == "lo\n"


def test_it_can_write_nowhere_but_in_memory(run_whit: RunWhit) -> None:
    script = "for place in / /etc /proc/sys/kernel; do echo x 2>&- >$place/x && echo $place; done; echo x >/tmp/x && cat /tmp/x"
    assert inside(run_whit, script, "--user", "0") == "x\n"


def test_it_gets_nothing_of_the_callers_environment_and_files(run_whit: RunWhit) -> None:
    assert inside(run_whit, "env | grep -v ^PWD= | grep -v ^SHLVL= | sort", "--hostname", "h", "-e", "A=1") == (
        "A=1\nHOME=/home/nonroot\nHOSTNAME=h\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
    )
    with Path("/etc/hostname").open() as leaked:
        os.set_inheritable(leaked.fileno(), True)
        assert inside(run_whit, "ls /proc/self/fd") == "0\n1\n2\n3\n"


def test_what_tells_of_the_host_is_masked(run_whit: RunWhit) -> None:
    assert inside(run_whit, "cat /proc/keys /proc/timer_list /proc/kcore 2>/dev/null; ls /sys/firmware") == ""


def test_it_is_the_user_that_was_asked_for(run_whit: RunWhit) -> None:
    assert inside(run_whit, "id -u; id -g") == "65532\n65532\n"
    assert inside(run_whit, "id -u; id -g", "--user", "nobody") == "65534\n65534\n"


@pytest.mark.root
def test_a_volume_shows_a_folder_of_the_host(run_whit: RunWhit, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o777)
    data.chmod(0o777)
    (data / "file").write_text("content\n")
    assert inside(run_whit, "cat /data/file; echo new >/data/new", "-v", f"{data}:/data") == "content\n"
    assert (data / "new").read_text() == "new\n"
    assert inside(run_whit, "echo x 2>&- >/data/x || echo no", "-v", f"{data}:/data:ro") == "no\n"


@pytest.mark.root
def test_the_hosts_root_gets_a_copy_of_the_launcher(
    start: Callable[..., subprocess.Popen[str]], run_whit: RunWhit, whit: Path
) -> None:
    # CVE-2019-5736: a program that is root finds the runtime behind /proc/PID/exe
    before = whit.read_bytes()
    process = start("run", "--user", "0", BUSYBOX, "sh", "-c", "echo ready; exec sleep 60")
    assert first_line(process) == "ready"
    assert str(Path(f"/proc/{process.pid}/exe").readlink()).startswith("/memfd:whit")
    # a script for /proc/self/exe is started by the launcher's own file, which then stays open to it
    script = "readlink /proc/1/exe; echo broken 2>&- >/proc/1/exe; true"
    assert inside(run_whit, script, "--user", "0", "--init") == ""
    assert whit.read_bytes() == before


@pytest.mark.root
def test_clocks_can_be_set_ahead(run_whit: RunWhit) -> None:
    ahead = float(inside(run_whit, "cat /proc/uptime", "--time-offset", "1000000").split()[0])
    assert ahead > 1_000_000


# ---- limits ----


@pytest.mark.root
def test_memory_is_limited_and_an_out_of_memory_kill_is_said(run_whit: RunWhit) -> None:
    script = "x=a; while true; do x=$x$x; done"
    result = run_whit("run", "--memory", "32m", BUSYBOX, "sh", "-c", script)
    assert result.returncode == 137
    assert "reached its limit of 32m" in result.stderr
    assert "hint: give it more with --memory" in result.stderr


@pytest.mark.root
def test_the_program_can_read_its_own_limits(run_whit: RunWhit) -> None:
    script = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us"
    assert inside(run_whit, script, "--memory", "64m", "--cpus", "0.5") == f"{64 << 20}\n50000\n"


@pytest.mark.root
def test_processes_are_limited(run_whit: RunWhit) -> None:
    script = "for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; echo all"
    result = run_whit("run", "--pids-limit", "4", BUSYBOX, "sh", "-c", script)
    assert "all" not in result.stdout
    assert result.returncode != 0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--memory", "0"), ("--memory", "-1"), ("--memory", "64x"), ("--memory", ""), ("--cpus", "0"), ("--cpus", "-1"),
        ("--cpus", "nan"), ("--pids-limit", "0"), ("--pids-limit", "-1"), ("--ulimit", "nofile"), ("--cap-add", "NET_ADMN"),
        ("--hostname", "a b"), ("--user", "nobody-here"), ("--tmpfs", "x"), ("--volume", "/nowhere:/x"), ("--workdir", "x"),
    ],
)  # fmt: skip
def test_a_bad_value_is_one_line_and_a_hint(run_whit: RunWhit, option: str, value: str) -> None:
    result = run_whit("run", option, value, BUSYBOX, "true")
    assert result.returncode == 125
    lines = result.stderr.splitlines()
    assert lines[0].startswith("whit: ")
    assert [line for line in lines[1:] if not line.startswith("hint: ")] == []


# ---- the front door ----


def starts_python(run_whit: RunWhit, whit_root: Path, *arguments: str | Path, **more: object) -> bool:
    """Whether a run needs Python: one that does writes the plan anew."""
    plans = whit_root / "plans"
    before = {path: path.stat().st_ino for path in plans.iterdir()} if plans.is_dir() else {}
    result = run_whit("run", *arguments, **more)  # type: ignore[arg-type]
    assert result.returncode == 0, result.stderr
    return {path: path.stat().st_ino for path in plans.iterdir()} != before


def test_the_second_run_of_the_same_words_starts_no_python(run_whit: RunWhit, whit_root: Path) -> None:
    words = (BUSYBOX, "echo", "x")
    assert starts_python(run_whit, whit_root, *words)
    assert not starts_python(run_whit, whit_root, *words)
    assert starts_python(run_whit, whit_root, BUSYBOX, "echo", "y")


def test_packing_anew_under_the_name_is_noticed(run_whit: RunWhit, whit_root: Path) -> None:
    run_whit("pack", build("hello", "c-musl"), "-t", "me/x:1")
    assert starts_python(run_whit, whit_root, "me/x:1")
    assert not starts_python(run_whit, whit_root, "me/x:1")
    run_whit("pack", build("hello", "go"), "-t", "me/x:1")
    assert run_whit("run", "me/x:1").stdout == "hello from go\n"


def test_removing_the_image_is_noticed(run_whit: RunWhit) -> None:
    run_whit("pack", BUSYBOX, "-t", "me/x:1")
    assert run_whit("run", "me/x:1", "true").returncode == 0
    assert run_whit("run", "me/x:1", "true").returncode == 0
    run_whit("rmi", "me/x:1")
    result = run_whit("run", "me/x:1", "true")
    assert result.returncode == 125
    assert "there is no image me/x:1" in result.stderr


def test_a_changed_executable_is_noticed(run_whit: RunWhit, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(build("hello", "c-musl").read_bytes())
    program.chmod(0o755)
    first = run_whit("run", program).stdout
    assert run_whit("run", program).stdout == first
    program.write_bytes(build("hello", "go").read_bytes())
    assert run_whit("run", program).stdout == "hello from go\n"


def test_a_changed_variable_or_file_of_variables_is_noticed(run_whit: RunWhit, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("FROM_FILE=1\n")
    words = ("run", "--env-file", str(file), "-e", "OWN", BUSYBOX, "sh", "-c", "echo $FROM_FILE $OWN")
    assert run_whit(*words, environment={"OWN": "a"}).stdout == "1 a\n"
    assert run_whit(*words, environment={"OWN": "b"}).stdout == "1 b\n"
    file.write_text("FROM_FILE=2\n")
    assert run_whit(*words, environment={"OWN": "b"}).stdout == "2 b\n"


def test_a_file_that_takes_the_images_name_is_run_instead(run_whit: RunWhit, tmp_path: Path) -> None:
    run_whit("pack", build("hello", "c-musl"), "-t", "program")
    assert "hello from c" in run_whit("run", "program", cwd=tmp_path).stdout
    (tmp_path / "program").write_bytes(build("hello", "go").read_bytes())
    assert run_whit("run", "program", cwd=tmp_path).stdout == "hello from go\n"


def test_a_plan_that_others_could_have_written_is_not_used(run_whit: RunWhit, whit_root: Path) -> None:
    words = (BUSYBOX, "echo", "x")
    starts_python(run_whit, whit_root, *words)
    (plan,) = (path for path in (whit_root / "plans").iterdir() if path.name.isdigit())
    plan.chmod(0o666)
    assert starts_python(run_whit, whit_root, *words)
    (whit_root / "plans").chmod(0o777)
    result = run_whit("run", *words)
    assert result.returncode == 125
    assert "can be written by other users" in result.stderr


def test_a_damaged_plan_is_made_anew(run_whit: RunWhit, whit_root: Path) -> None:
    words = (BUSYBOX, "echo", "x")
    starts_python(run_whit, whit_root, *words)
    (plan,) = (path for path in (whit_root / "plans").iterdir() if path.name.isdigit())
    data = plan.read_bytes()
    for damaged in (b"", data[:100], data[:-1], data[:8] + b"\xff" * 16 + data[24:]):
        plan.write_bytes(damaged)
        assert run_whit("run", *words).stdout == "x\n"


def test_a_kept_plan_whose_files_are_gone_is_made_anew(run_whit: RunWhit, whit_root: Path) -> None:
    words = (BUSYBOX, "echo", "x")
    starts_python(run_whit, whit_root, *words)
    for folder in (whit_root / "rootfs").iterdir():
        if folder.is_dir():
            folder.rename(folder.with_name("gone"))
    assert run_whit("run", *words).stdout == "x\n"
