"""A container in one file: it feels like the program that is in it, is confined as ``whit run`` confines, and needs nothing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.at_terminal import AtTerminal
from tests.integration.begun import first_line
from tests.integration.bundles import BUSYBOX, LIMIT_S, Bundle, box, bundle, folder
from tests.integration.compiled import compiled
from tests.integration.leftcgroups import nothing_is_left
from tests.integration.madeimage import entry, make_image
from tests.peers import PROJECT
from tests.programs.build import build
from whit.packer.image.spec import RunConfig

if TYPE_CHECKING:
    from tests.conftest import RunWhit
    from tests.integration.originals import Originals

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox")]
__all__ = ["box", "folder", "nothing_is_left"]


@pytest.fixture(params=["root", "user"])
def anybody(request: pytest.FixtureRequest, box: Bundle) -> Bundle:
    """It, started by root and by a user."""
    return box if request.param == "root" else box.as_user


# ---- it is the program ----


@pytest.mark.parametrize("language", ["go", "rust", "c-musl", "c-glibc", "nim"])
def test_a_program_of_every_language_says_what_it_says(run_whit: RunWhit, folder: Path, language: str) -> None:
    made = bundle(run_whit, folder, compiled(lambda: build("hello", language)))
    for by in (made, made.as_user):
        done = by()
        assert (done.returncode, done.stderr, done.stdout) == (0, "", f"hello from {language.partition('-')[0]}\n")


def test_words_input_and_exit_code_are_the_program_s_own(anybody: Bundle) -> None:
    # words as they are, also what looks like options, and -- itself
    assert anybody("echo", "a b", "--network", "--", "-x").stdout == "a b --network -- -x\n"
    assert anybody("cat", stdin="typed\n").stdout == "typed\n"
    assert anybody("sh", "-c", "exit 42").returncode == 42
    # only words that are whit's are
    assert anybody("echo", "--whit-memory", "1").stdout == "--whit-memory 1\n"


def test_what_whit_is_asked_stands_first_and_a_dash_pair_behind_it_is_dropped(anybody: Bundle) -> None:
    assert anybody("--whit-network", "host", "--", "echo", "--", "x").stdout == "-- x\n"
    assert anybody("--whit-network=none", "echo", "x").stdout == "x\n"
    # '--whit' alone asks for nothing, so that any word can be the program's
    assert "--whit-help: applet not found" in anybody("--whit", "--", "--whit-help").stderr


@pytest.mark.parametrize(
    "word", ["--whit-nonesuch", "--whit-nonesuch=1", "--whit-", "--whit-memory", "--whit-env", "--whit-writable=1"]
)
def test_a_word_that_whit_doesn_t_know_is_told_in_a_line(box: Bundle, word: str) -> None:
    done = box(word)
    assert done.returncode == 125
    assert done.stderr.startswith("whit: ")
    told, hint = done.stderr.splitlines()
    assert word in told
    assert hint.startswith("hint: ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_reach_the_program_and_end_it_if_it_doesn_t_handle_them(
    anybody: Bundle, number: signal.Signals
) -> None:
    handled = f"trap 'exit 3' {number.name.removeprefix('SIG')}; echo ready; while :; do sleep 0.05; done"
    for script, code in ((handled, 3), ("echo ready; exec sleep 100", 128 + number)):
        process = anybody.begin("sh", "-c", script)
        assert first_line(process) == "ready"
        assert any(_ends(process, number) for _ in range(LIMIT_S // 2))
        process.communicate(timeout=LIMIT_S)
        assert process.returncode == code


def _ends(process: subprocess.Popen[str], number: signal.Signals) -> bool:
    """Whether it does so; a signal that still comes to the shell before it becomes sleep is lost."""
    process.send_signal(number)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=2)
    return process.returncode is not None


def test_at_a_terminal_it_sees_it_and_can_be_interrupted(box: Bundle) -> None:
    person = AtTerminal([box.path, "sh", "-c", "test -t 0 && test -t 1 && echo terminal; exec sleep 100"], os.environ)
    person.wait_for("terminal")
    person.type("\x03")
    assert person.end() == 128 + signal.SIGINT


def test_two_at_once_are_apart(box: Bundle) -> None:
    one = box.begin("sh", "-c", "echo x > /tmp/x; echo ready; exec sleep 100")
    try:
        assert first_line(one) == "ready"
        assert box("sh", "-c", "ps -o args | grep -c '[s]leep 100'; ls /tmp").stdout == "0\n"
    finally:
        one.terminate()
        one.communicate(timeout=LIMIT_S)


# ---- it is confined ----


def test_it_is_confined_as_whit_run_confines(run_whit: RunWhit, box: Bundle) -> None:
    script = (
        "id -u; grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status; ls / | sort; touch /new 2>&1; ls /sys/class/net; "
        "cat /proc/sys/kernel/hostname /proc/mounts | grep -v ' / ' | cut -d' ' -f2-4 | cut -d, -f1-4; echo $$; env | sort; cat /etc/hosts"
    )
    run = run_whit("run", "--network", "none", BUSYBOX, "sh", "-c", script)
    assert run.returncode == 0
    assert box("sh", "-c", script).stdout == run.stdout


def test_a_user_needs_nothing_but_the_file(box: Bundle) -> None:
    done = box.as_user("sh", "-c", "id -u; cat /proc/self/uid_map; grep CapEff /proc/self/status; touch /new")
    lines = done.stdout.split()
    assert lines[0] == "65532"
    assert lines[1:4] == ["65532", "54321", "1"]
    assert lines[-1] == "0000000000000000"
    assert "Read-only file system" in done.stderr


def test_the_program_has_no_way_to_the_bundle_s_file(box: Bundle) -> None:
    before = box.path.read_bytes()
    os.chown(box.path, 54321, 54321)
    done = box.as_user("sh", "-c", "ls -l /proc/self/fd /proc/1/exe /proc/1/fd; echo x > /proc/1/exe")
    assert str(box.path) not in done.stdout
    assert box.path.read_bytes() == before


def test_with_writable_it_may_change_its_files_in_memory_and_nothing_is_kept(anybody: Bundle) -> None:
    script = "echo x > /etc/hosts && cat /etc/hosts && echo y > /etc/new && cat /etc/new"
    assert anybody("sh", "-c", script).returncode != 0
    assert anybody("--whit-writable", "sh", "-c", script, environment={}).stdout == "x\ny\n" or anybody.prefix == ()
    assert anybody("cat", "/etc/new").returncode != 0


# ---- what a person may ask for ----


def test_limits_hold_and_a_program_that_needs_more_is_told(box: Bundle) -> None:
    done = box("--whit-memory", "32m", "sh", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes; tail /dev/zero")
    assert done.stdout == f"{32 << 20}\n"
    assert done.returncode == 137
    assert "out of memory: the container reached its limit of 32m" in done.stderr
    done = box("--whit-cpus", "0.5", "cat", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    assert done.stdout == "50000\n"
    done = box("--whit-pids-limit", "3", "sh", "-c", "sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait")
    assert "can't fork" in done.stderr


@pytest.mark.parametrize("word", ["--whit-memory=64m", "--whit-cpus=1", "--whit-pids-limit=9"])
def test_a_user_without_a_cgroup_is_told_which_limit_needs_one(box: Bundle, word: str) -> None:
    done = box.as_user(word, "true")
    assert done.returncode == 125
    assert done.stderr.startswith(f"whit: {word.partition('=')[0]} needs a cgroup: ")
    assert "hint: run as root, or under 'systemd-run" in done.stderr


def test_less_memory_than_its_files_take_is_refused(box: Bundle) -> None:
    done = box("--whit-memory", "256k", "true")
    assert done.returncode == 125
    assert "is less than the bundle's" in done.stderr


def test_volumes_are_shown_and_written(anybody: Bundle, folder: Path) -> None:
    shared, file = folder / "shared", folder / "file"
    shared.mkdir()
    shared.chmod(0o777)
    file.write_text("content\n")
    (shared / "in").write_text("inside\n")
    words = ("--whit-volume", f"{shared}:/data", "--whit-volume", f"{file}:/etc/deep/name:ro")
    done = anybody(*words, "sh", "-c", "cat /data/in /etc/deep/name; echo x > /data/out; echo x > /etc/deep/name")
    assert done.stdout == "inside\ncontent\n"
    assert "Read-only file system" in done.stderr
    assert (shared / "out").read_text() == "x\n"
    # a relative one is one of the working directory
    assert anybody("--whit-volume", "./shared:/data", "cat", "/data/in", cwd=folder).stdout == "inside\n"


@pytest.mark.parametrize(
    ("volume", "said"),
    [
        ("/nowhere/at/all:/data", "can't open what is to be mounted: /nowhere/at/all: No such file or directory"),
        ("name:/data", "'name:/data' is no volume"),
        ("/tmp", "'/tmp' is no volume"),
        ("/tmp:data", "is no volume"),
        ("/tmp:/a/../b", "is no volume"),
        ("/tmp:/proc/x", "is no volume"),
        ("/tmp:/data:rx", "is no volume"),
    ],
)
def test_a_volume_that_can_t_be_is_told(box: Bundle, volume: str, said: str) -> None:
    done = box("--whit-volume", volume, "true")
    assert done.returncode == 125
    assert said in done.stderr


def test_variables_are_set_passed_on_and_nothing_else_is(anybody: Bundle) -> None:
    words = ("--whit-env", "A=1", "--whit-env", "A=2", "--whit-env", "OWN", "--whit-env", "NONE")
    done = anybody(*words, "env", environment={"OWN": "mine", "OTHER": "hidden"})
    lines = set(done.stdout.splitlines())
    assert {"A=2", "OWN=mine"} <= lines
    assert not any(line.startswith(("OTHER", "NONE", "A=1")) for line in lines)


def test_all_of_it_may_stand_in_the_environment_and_words_have_the_last_say(box: Bundle, folder: Path) -> None:
    (folder / "x").write_text("x\n")
    asked = {
        "WHIT_MEMORY": "32m",
        "WHIT_VOLUME": f"{folder}:/a\n{folder}:/b",
        "WHIT_ENV": "A=1\nB=2",
        "WHIT_WORKDIR": "/a",
    }
    script = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes x /b/x; echo $A $B"
    done = box("--whit-env", "B=3", "--whit-memory=64m", "sh", "-c", script, environment=asked)
    assert done.stdout == f"{64 << 20}\nx\nx\n1 3\n"


def test_on_the_host_s_network_it_sees_the_host(anybody: Bundle) -> None:
    assert anybody("ls", "/sys/class/net").stdout == "lo\n"
    hosts = Path("/etc/hosts").read_text()
    assert anybody("--whit-network", "host", "cat", "/etc/hosts").stdout == hosts
    inside = anybody("--whit-network", "host", "cat", "/proc/net/dev").stdout.splitlines()
    assert len(inside) == len(Path("/proc/net/dev").read_text().splitlines())


# ---- what its maker gave it ----


def test_what_is_given_to_whit_bundle_holds_unless_it_is_started_otherwise(run_whit: RunWhit, folder: Path) -> None:
    words = ("-m", "32m", "-e", "A=1", "-e", "B", "-w", "/etc", "--network", "host", "--user", "7:8")
    made = bundle(
        run_whit,
        folder,
        BUSYBOX,
        *words,
        "--",
        "sh",
        "-c",
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes; pwd; id -u; echo $A $B",
    )
    assert made(environment={"B": "2"}).stdout == f"{32 << 20}\n/etc\n7\n1 2\n"
    done = made("--whit-memory", "64m", "--whit-env", "A=3", "--whit-workdir", "/tmp", environment={"B": "2"})
    assert done.stdout == f"{64 << 20}\n/tmp\n7\n3 2\n"


@pytest.mark.usefixtures("landlock")
def test_tmpfs_init_and_landlock_are_its_maker_s(run_whit: RunWhit, folder: Path) -> None:
    made = bundle(run_whit, folder, BUSYBOX, "--tmpfs", "/scratch:size=1m", "--init", "--landlock")
    for by in (made, made.as_user):
        done = by(
            "sh",
            "-c",
            "echo x > /scratch/x && cat /scratch/x; echo $$; cp /bin/busybox /tmp/b; /tmp/b true || echo refused",
        )
        assert done.stdout.splitlines()[0] == "x"
        assert done.stdout.splitlines()[1] != "1"
        assert done.stdout.splitlines()[-1] == "refused"


@pytest.mark.usefixtures("landlock")
def test_under_landlock_a_volume_may_be_written_unless_it_is_read_only(run_whit: RunWhit, folder: Path) -> None:
    made = bundle(run_whit, folder, BUSYBOX, "--landlock")
    for name in ("one", "other"):
        (folder / name).mkdir()
        (folder / name).chmod(0o777)
    words = ("--whit-volume", f"{folder}/one:/one", "--whit-volume", f"{folder}/other:/other:ro")
    done = made(*words, "sh", "-c", "echo x > /one/x; echo x > /other/x")
    assert (folder / "one/x").read_text() == "x\n"
    assert "can't create /other/x" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--network", "bridge"), "a bundle can't be in 'bridge'"),
        (("--memory", "1"), "too small"),
        (("--volume", "data:/data"), "'data' is no path"),
        (("--time-offset", "5"), "no --time-offset"),
    ],
)
def test_what_no_bundle_can_have_is_refused_as_it_is_made(
    run_whit: RunWhit, folder: Path, words: tuple[str, ...], said: str
) -> None:
    done = run_whit("bundle", BUSYBOX, "-o", folder / "x.run", *words)
    assert done.returncode != 0
    assert said in done.stderr
    assert not list(folder.glob("*.run"))


def test_a_server_that_nobody_could_reach_is_told_of(run_whit: RunWhit, whit_root: Path, folder: Path) -> None:
    image = make_image(whit_root, "server", {}, RunConfig(entrypoint=("/bin/busybox",), exposed_ports=("8080/tcp",)))
    done = run_whit("bundle", image, "-o", folder / "x.run")
    assert "warning: the image exposes 8080/tcp" in done.stderr
    assert "warning" not in run_whit("bundle", image, "--network", "host", "-o", folder / "x.run").stderr


# ---- images of others ----


def strange_image(root: Path) -> str:
    """One with a bit of everything that a layer can hold."""
    members = {
        entry("etc", b"5", mode=0o755): b"",
        entry("usr/lib", b"5", mode=0o755): b"",
        entry("lib", b"2", linkname="usr/lib"): b"",
        entry("lib/behind-a-link", mode=0o644, mtime=1234567890): b"behind\n",
        entry("bin/sh", b"1", linkname="bin/busybox"): b"",
        entry("bin/set-user-id", mode=0o4755): b"#!/bin/sh\n",
        entry("closed", b"5", mode=0o555): b"",
        entry("closed/inside", mode=0o400, uid=12, gid=34): b"",
        entry("pipe", b"6", mode=0o600): b"",
        entry("odd\nname\udcff", mode=0o644): b"odd",
        entry("large", mode=0o644): bytes(range(256)) * 12345,
        entry("again", mode=0o644): bytes(range(256)) * 12345,
    }
    return make_image(root, "strange", members, RunConfig(cmd=("/bin/busybox", "ash")))


@pytest.fixture
def strange(originals: Originals, folder: Path) -> Bundle:
    """A bundle of it."""
    return Bundle(originals.copy(folder / "made.run", strange_image))


LISTING = "cd / && /bin/busybox find . -xdev ! -path './proc/*' ! -path './sys/*' ! -path './dev/*' ! -path './tmp/*' -exec /bin/busybox stat -c '%n %f %u %g %s %N %h' {} + | /bin/busybox sort"


def test_its_files_are_just_those_that_whit_run_shows(run_whit: RunWhit, strange: Bundle, whit_root: Path) -> None:
    image = strange_image(whit_root)
    words = ("/bin/busybox", "sh", "-c", LISTING.replace(" %s", ""))
    run = run_whit("run", "--network", "none", image, *words)
    assert run.returncode == 0, run.stderr

    def without_links(text: str) -> list[str]:
        # how many names a folder has is the file system's own affair
        return [line.rpartition(" ")[0] for line in text.splitlines()]

    assert without_links(strange(*words).stdout) == without_links(run.stdout)
    contents = (
        "/bin/busybox",
        "sh",
        "-c",
        "cd / && /bin/busybox find . -xdev -type f ! -path './proc/*' -exec /bin/busybox md5sum {} + | /bin/busybox sort",
    )
    assert strange(*contents).stdout == run_whit("run", "--network", "none", image, *contents).stdout
    assert "65532" not in strange.as_user(*words).stdout or strange.as_user(*words).returncode == 0


def test_equal_contents_are_there_once_and_hard_links_stay_links(strange: Bundle) -> None:
    launcher = (PROJECT / ".venv/bin/whit").stat().st_size
    assert strange.path.stat().st_size < launcher + BUSYBOX.stat().st_size + 256 * 12345 + (180 << 10)
    done = strange("/bin/busybox", "stat", "-c", "%h", "/bin/sh")
    assert done.stdout == "2\n"


def test_without_an_entrypoint_its_words_are_the_command_found_as_a_shell_finds_it(strange: Bundle) -> None:
    assert strange("busybox", "echo", "found").stdout == "found\n"
    assert strange(stdin="echo cmd\n").stdout == "cmd\n"
    missing = strange("nonesuch")
    assert (missing.returncode, missing.stderr.startswith("whit: there is no nonesuch")) == (127, True)
    forbidden = strange("/large")
    assert (forbidden.returncode, "may not be executed" in forbidden.stderr) == (126, True)


def test_a_dynamic_program_has_its_libraries_certificates_and_zones(run_whit: RunWhit, folder: Path) -> None:
    made = bundle(run_whit, folder, Path("/usr/bin/env"), "--needs", "+ca,+zones", "-o", folder / "made.run")
    for by in (made, made.as_user):
        assert by("A=1").stdout.endswith("A=1\n")
    files = {item["path"] for item in json.loads(made("--whit-inspect", "--whit-json").stdout)["files"]}
    assert {"/etc/ssl/certs/ca-certificates.crt", "/usr/share/zoneinfo/Europe/Berlin"} <= files
