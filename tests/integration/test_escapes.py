"""Ways out of a container that others have had, tried on whit's, as root and as a user without rights.

Each test names the defence that it is about.
"""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.peers import find_peer
from tests.programs.build import build
from whit.packer.image.oci import CONFIG, LAYER_TAR, MANIFEST, REF_NAME, ImageConfig, Manifest, digest_of
from whit.packer.image.platform import Platform
from whit.packer.image.reference import parse_reference
from whit.packer.image.spec import RunConfig
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.conftest import User

    Put = Callable[..., None]
    RunCaller = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

NAME = "hostile:1"
SCRIPT = ("/bin/busybox", "sh", "-c")


def busybox() -> bytes:
    found = find_peer("busybox-static")
    assert found is not None
    return Path(found).read_bytes()


def member(name: str, kind: bytes = tarfile.REGTYPE, **attributes: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = kind, 0o755
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


def layer(*members: tarfile.TarInfo) -> bytes:
    """A layer with busybox and these members; a file's content is what its ``uname`` says."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        program = busybox()
        tar.addfile(member("bin/busybox", size=len(program)), io.BytesIO(program))
        for info in members:
            content, info.uname = info.uname.encode("latin-1"), ""
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who runs whit: the beginning of a command line, its environment, its store, and a folder that it may write."""

    command: tuple[str | Path, ...]
    environment: dict[str, str]
    store: Path
    folder: Path
    user: User | None

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run whit to its end; a user's programs without the network that they could have."""
        alone = ("--network", "none") if self.user and words[0] == "run" and "--network" not in words else ()
        return subprocess.run(
            [*self.command, *words[:1], *alone, *words[1:]], env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="surrogateescape", check=False, timeout=60,
        )  # fmt: skip


@pytest.fixture(params=["root", "rootless"])
def caller(request: pytest.FixtureRequest, whit: Path, tmp_path: Path) -> Caller:
    if request.param == "root":
        store = tmp_path / "whit-root"
        return Caller((whit,), {**os.environ, "WHIT_ROOT": str(store)}, store, tmp_path, None)
    user: User = request.getfixturevalue("user")
    return Caller(tuple(user.command()), user.environment(), user.store, user.home, user)


@pytest.fixture
def run_whit(caller: Caller) -> RunCaller:
    return caller.run


@pytest.fixture
def host(caller: Caller) -> Path:
    """A folder of the caller's own that no container was given."""
    folder = caller.folder / "host"
    folder.mkdir()
    if caller.user:
        os.chown(folder, caller.user.number, caller.user.number)
    return folder


def give(folder: Path, user: User) -> None:
    """Make a folder and all in it the user's own, and those that it had to be put in."""
    for path in (folder, *folder.rglob("*"), *folder.relative_to(user.home).parents):
        os.chown(user.home / path, user.number, user.number, follow_symlinks=False)


@pytest.fixture
def put(caller: Caller) -> Put:
    """Put an image into the store by hand, as a hostile registry would."""

    def place(*members: tarfile.TarInfo, entrypoint: tuple[str, ...] = SCRIPT, **config: object) -> None:
        store, tar = Store.open(caller.store), layer(*members)
        run = RunConfig(entrypoint=entrypoint, **config)  # type: ignore[arg-type]
        image = ImageConfig(Platform("linux", "amd64"), run, (digest_of(tar),))
        with store.adding() as layout:
            manifest = Manifest(layout.put(image.to_json(), CONFIG), (layout.put(tar, LAYER_TAR),))
            descriptor = layout.put(manifest.to_json(), MANIFEST)
            named = replace(descriptor, annotations=((REF_NAME, str(parse_reference(NAME))),))
            layout.edit_index(lambda others: (*others, named))  # unlike Store.add, unchecked
        if caller.user:
            give(caller.store, caller.user)

    return place


def one_line(result: subprocess.CompletedProcess[str]) -> None:
    """An error as people are promised it."""
    first, *rest = result.stderr.splitlines()
    assert first.startswith("whit: "), result.stderr
    assert all(line.startswith("hint: ") for line in rest), result.stderr


def text(name: str, content: str) -> tarfile.TarInfo:
    return member(name, uname=content)


# ---- the launcher itself ----


def test_a_script_for_proc_self_exe_never_reaches_the_launchers_file(
    put: Put, run_whit: RunCaller, caller: Caller
) -> None:
    """CVE-2019-5736; SEAL_SELF: what such a script starts is a sealed copy in memory, which knows of no file on the host."""
    whit = Path(caller.command[-1])
    beside = text(f"{str(whit.parent).lstrip('/')}/python", "#!/bin/busybox sh\n/bin/busybox echo the file itself\n")
    put(text("run", "#!/proc/self/exe\n"), beside, entrypoint=("/run",), user="0")
    before = whit.read_bytes()
    for words in ((), ("--init",)):
        result = run_whit("run", *words, NAME)
        # Without root the file is another's, whom the program can't be.
        assert caller.user or (result.returncode != 0 and "the file itself" not in result.stdout), result
    assert whit.read_bytes() == before


def test_nothing_that_whit_has_open_is_inherited(put: Put, caller: Caller) -> None:
    """CVE-2024-21626; close_inherited(): whatever the caller leaks, the program has its three streams."""
    put()
    leaked = [os.open("/", os.O_RDONLY | os.O_DIRECTORY) for _ in range(50)]
    command = [*caller.command, "run", NAME, "/bin/busybox ls /proc/self/fd | /bin/busybox wc -l"]
    for _ in range(2):  # compiled, then from the kept plan
        done = subprocess.run(
            command, env=caller.environment, pass_fds=leaked, capture_output=True, text=True, check=True, timeout=60
        )
        assert done.stdout == "4\n"  # and the one that ls itself has open
    for descriptor in leaked:
        os.close(descriptor)


@pytest.mark.parametrize("way", ["program", "interpreter"])
def test_no_program_is_found_through_what_is_open(put: Put, caller: Caller, host: Path, way: str) -> None:
    """CVE-2024-21626; close_before_program(): closed before execve looks for the program, and not by it."""
    (host / "echo").write_bytes(busybox())
    (host / "echo").chmod(0o755)
    leaked = os.open(host, os.O_RDONLY | os.O_DIRECTORY)
    path = f"/proc/self/fd/{leaked}/echo"
    put(text("script", f"#!{path}\n"), entrypoint=(path if way == "program" else "/script", "escaped"))
    for _ in range(2):  # compiled, then from the kept plan
        done = subprocess.run(
            [*caller.command, "run", NAME], env=caller.environment, pass_fds=[leaked], capture_output=True, text=True,
            check=False, timeout=60,
        )  # fmt: skip
        assert (done.returncode != 0, done.stdout) == (True, "")
        assert "Traceback" not in done.stderr
    os.close(leaked)


@pytest.mark.parametrize("directory", ["/proc/self/fd/3", "/proc/self/fd/8", "/proc/1/cwd/../../..", "/proc/1/root"])
def test_no_working_directory_leads_out(put: Put, run_whit: RunCaller, directory: str) -> None:
    """CVE-2024-21626; ROOT_PIVOT leaves no way back, and CHANGE_DIRECTORY asks the kernel where it has come."""
    put(text("inside", "mine"))
    result = run_whit("run", "--user", "0", "--workdir", directory, NAME, "/bin/busybox ls /; /bin/busybox ls .")
    if result.returncode:
        one_line(result)
    else:
        assert result.stdout.count("inside") == 2


# ---- images that lie ----


@pytest.mark.parametrize("folder", ["dev", "proc", "sys", "etc", "tmp"])
@pytest.mark.parametrize("kind", ["absolute", "relative", "file"])
def test_a_mount_point_that_is_a_link_or_a_file_leads_nowhere(
    put: Put, run_whit: RunCaller, host: Path, folder: str, kind: str
) -> None:
    """CVE-2026-41579, CVE-2019-19921; unpacking stays inside, and RESOLVE_NO_SYMLINKS where whit mounts."""
    target = str(host) if kind == "absolute" else "../../../../../../../.." + str(host)
    info = text(folder, "x") if kind == "file" else member(folder, tarfile.SYMTYPE, linkname=target)
    put(info)
    result = run_whit("run", NAME, "true")
    if result.returncode:
        one_line(result)
    assert list(host.iterdir()) == []


def test_a_file_through_a_link_of_the_image_stays_inside(put: Put, run_whit: RunCaller, host: Path) -> None:
    """CVE-2024-45310; unpacking opens each component below the root, and follows no link out of it."""
    put(member("way", tarfile.SYMTYPE, linkname=str(host)), text("way/out", "x"), text("../../out2", "x"))
    run_whit("run", NAME, "true")
    assert list(host.iterdir()) == []
    assert not (host.parent / "out2").exists()


def test_an_images_own_devices_and_set_user_id_programs_give_nothing(put: Put, run_whit: RunCaller) -> None:
    """ROOT_ATTACH: nodev, nosuid; NO_NEW_PRIVILEGES."""
    disk = Path("/").stat().st_dev
    put(
        member("disk", tarfile.BLKTYPE, devmajor=os.major(disk), devminor=os.minor(disk), mode=0o666),
        member("null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
        text("root", "#!/bin/busybox sh\n/bin/busybox id -u\n"),
        user="1000",
    )
    result = run_whit("run", NAME, "/bin/busybox head -c 1 /disk || echo no; /bin/busybox id -u")
    if result.returncode:
        one_line(result)
    else:
        assert result.stdout == "no\n1000\n"


def test_a_number_is_never_the_name_of_another_user(put: Put, run_whit: RunCaller) -> None:
    """accounts.py: an image's passwd can't make root of the number that a person gave."""
    put(text("etc/passwd", "1000:x:0:0::/:/x\n"), text("etc/group", "1000:x:0:\n"))
    result = run_whit("run", "--user", "1000:1000", NAME, "/bin/busybox id -u; /bin/busybox id -g")
    assert result.stdout == "1000\n1000\n"


def test_dev_null_of_the_image_is_never_used_to_mask(put: Put, run_whit: RunCaller) -> None:
    """CVE-2025-31133; op_mask(): the host's /dev/null, opened once and looked at."""
    put(member("dev", tarfile.DIRTYPE), member("dev/null", tarfile.SYMTYPE, linkname="/proc/sysrq-trigger"))
    script = "/bin/busybox cat /proc/keys /proc/timer_list; /bin/busybox ls -l /dev/null"
    result = run_whit("run", NAME, script)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("crw-rw-rw-")


@pytest.mark.parametrize(
    "config",
    [
        {"entrypoint": ("/bin/busybox", "a\0b")},
        {"entrypoint": ("",)},
        {"entrypoint": ()},
        {"entrypoint": ("/etc",)},
        {"working_dir": "../.."},
        {"working_dir": "/nowhere"},
        {"user": "no such user"},
        {"user": "-1"},
        {"user": "99999999999999999999"},
        {"user": "0:0:0"},
        {"env": ("no equals sign",)},
        {"env": ("A=\0",)},
        {"env": tuple(f"V{number}={'x' * 100}" for number in range(60_000))},
        {"env": tuple(f"V{number}={'x' * 50}" for number in range(60_000))},
    ],
    ids=lambda config: str(config)[:40],
)
def test_a_configuration_that_lies_is_one_line(put: Put, run_whit: RunCaller, config: dict[str, object]) -> None:
    """Whatever an image says, it is a program that runs as somebody, or one clear error."""
    put(**config)
    result = run_whit("run", NAME, "echo")
    assert "Traceback" not in result.stderr
    if result.returncode and not result.stderr.startswith(("sh:", "/bin/busybox")):
        one_line(result)


# ---- from inside ----


@pytest.mark.parametrize(
    "attempt",
    [
        "mount -t tmpfs x /tmp",
        "mount -o remount,rw /",
        "unshare -m true",
        "unshare -U true",
        "chroot / true",
        "nsenter -t 1 -m true",
        "hostname other",
        "mknod /tmp/disk b 8 0",
        "echo 1 >/proc/sys/kernel/panic",
        "echo x >/sys/kernel/mm/transparent_hugepage/enabled",
        "echo $$ >/sys/fs/cgroup/memory/tasks",
        "ls /proc/1/root/root",
        "kill -9 -1 && kill -0 1",
        "ip link set lo down",
        "insmod /bin/busybox",
        "cat /dev/mem",
        "echo h >/proc/sysrq-trigger",
        "swapon /dev/zero",
        "unshare -r true",
        "echo '|/tmp/x' >/proc/sys/kernel/core_pattern",
        "echo 0 >/proc/sys/user/max_user_namespaces",
        "echo -1000 >/proc/self/oom_score_adj",
        "cat /proc/kcore",
        "cat /proc/kmsg",
        "dmesg",
        "date -s 2000-01-01 && date | grep 2000",
        "nsenter -t 1 -U true",
        "touch /sys/fs/cgroup/memory/x",
        "mkdir /sys/fs/cgroup/memory/x",
        "chown 1:1 /bin/busybox",
    ],
)
@pytest.mark.parametrize("inside", ["0", "65532"])
def test_what_would_change_or_show_the_host_is_refused(
    put: Put, run_whit: RunCaller, caller: Caller, attempt: str, inside: str
) -> None:
    """No capabilities, read-only mounts, namespaces and the system call filter, also for the host's root."""
    put()
    script = f"/bin/busybox --install -s /tmp 2>/dev/null; export PATH=/tmp; if {attempt}; then echo escaped; fi"
    limits = () if caller.user else ("--memory", "64m")
    result = run_whit("run", "--tmpfs", "/tmp:exec", *limits, "--user", inside, NAME, script)
    assert "escaped" not in result.stdout


def test_root_inside_owns_nothing_of_the_hosts_root(put: Put, run_whit: RunCaller, caller: Caller) -> None:
    """ROOT_ATTACH: the image's files are read-only, so one container can't change another's."""
    put()
    script = "echo x 2>/dev/null >/bin/busybox; /bin/busybox touch /new /bin/new; echo done"
    assert run_whit("run", "--user", "0", NAME, script).stdout == "done\n"
    (unpacked,) = (path for path in (caller.store / "rootfs").iterdir() if path.is_dir())
    assert not (unpacked / "new").exists()
    assert (unpacked / "bin" / "busybox").read_bytes() == busybox()
    assert stat.S_IMODE((caller.store / "rootfs").stat().st_mode) == 0o700


@pytest.mark.parametrize("inside", ["0", "65532"])
@pytest.mark.parametrize("words", [(), ("--init",)], ids=" ".join)
def test_no_bare_system_call_reaches_out(
    put: Put, run_whit: RunCaller, caller: Caller, words: tuple[str, ...], inside: str
) -> None:
    """The system call filter, the keyring, and that the first process of --init may not be traced."""
    put(member("reach", uname=build("reach", "c-musl").read_bytes().decode("latin-1")))
    result = run_whit("run", *words, "--user", inside, NAME, f"/reach {' '.join(words)}")
    assert caller.store.exists()
    assert (result.returncode, result.stdout) == (0, ""), result


@pytest.mark.parametrize("inside", ["0", "65532"])
def test_nothing_is_typed_into_the_caller_s_terminal(put: Put, caller: Caller, inside: str) -> None:
    """NEW_SESSION: TIOCSTI and its like need the terminal to be one's own, or rights on the host."""
    put(member("typing", uname=build("typing", "c-musl").read_bytes().decode("latin-1")), entrypoint=("/typing",))
    ours, theirs = os.openpty()
    # As from a shell: the terminal controls the session that whit is started in.
    shell = "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", shell, *caller.command, "run", "--user", inside, NAME]
    done = subprocess.run(
        command, env=caller.environment, cwd=caller.folder, stdin=theirs, capture_output=True, text=True, check=False
    )
    for descriptor in (ours, theirs):
        os.close(descriptor)
    assert (done.returncode, done.stdout) == (0, ""), done


def test_an_images_set_user_id_file_is_of_no_use_to_other_users(put: Put, run_whit: RunCaller, caller: Caller) -> None:
    """It keeps its mode where it is unpacked, in folders that only their owner can enter."""
    put(member("root", mode=0o6755, uname="#!/bin/busybox sh\n"))
    assert run_whit("run", NAME, "true").returncode == 0
    for folder in (caller.store, caller.store / "rootfs"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_whiteout_that_leads_outside_removes_nothing(put: Put, run_whit: RunCaller, host: Path) -> None:
    """Unpacking looks for what a whiteout removes below the root only, through no link."""
    (host / "kept").touch()
    put(member("way", tarfile.SYMTYPE, linkname=str(host)), text("way/.wh.kept", ""), text("way/.wh..wh..opq", ""))
    run_whit("run", NAME, "true")
    assert (host / "kept").exists()
