"""A bundle's file: the same for everybody, whole or not there at all, refused when it is damaged, signed and verified."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.bundles import BUSYBOX, LIMIT_S, Bundle, box, bundle, folder
from tests.integration.conftest import USER
from tests.integration.madeimage import entry, make_image
from tests.integration.older_kernel import NEWER
from tests.peers import PROJECT
from whit.packer.executable.bundled import MARK
from whit.runtime.bundle.reading import opened

if TYPE_CHECKING:
    from tests.conftest import RunWhit
    from tests.integration.conftest import User

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox")]
LIMITED = Path(__file__).with_name("limited_namespaces.py")
__all__ = ["box", "folder"]

DAMAGED = "whit: this bundle is damaged: "
AGAIN = "hint: fetch it again, as a whole and as it is; its own --whit-verify tells whether it has come"


def flip(path: Path, at: int) -> None:
    """Change one bit."""
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 16]))


# ---- the same for everybody ----


def _rounded(size: int) -> int:
    return size + -size % 64


def test_the_same_image_makes_the_same_bytes_for_root_and_for_a_user(
    run_whit: RunWhit, user: User, folder: Path
) -> None:
    # given an image with owners, which a user can't unpack as they are
    root = folder / "store"
    image = make_image(root, "owned", {entry("file", uid=7, gid=8, mode=0o640): b"x", entry("d", b"5", uid=9): b""})
    shutil.copytree(root, user.store, symlinks=True)
    subprocess.run(["chown", "-R", str(user.number), user.home], check=True)
    # when both make a bundle of it, elsewhere and under another umask, by their own whit
    assert run_whit("bundle", image, "-o", folder / "one.run", root=root).returncode == 0
    done = subprocess.run(
        ["sh", "-c", 'umask 077; exec "$@"', "-", *user.command("bundle", image, "-o", "other.run")],
        env=user.environment({"TZ": "Asia/Tokyo", "LANG": "C"}), cwd=user.home, capture_output=True, text=True,
        check=False, timeout=LIMIT_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # then they differ in nothing but the launcher, which is each whit's own
    one, other = (folder / "one.run").read_bytes(), (user.home / "other.run").read_bytes()
    mine, theirs = (PROJECT / ".venv/bin/whit").read_bytes(), user.program.read_bytes()
    if mine == theirs:
        assert one == other
    # a launcher of another C library has another size, and what is in the bundle begins at a round place behind it
    assert len(one) - _rounded(len(mine)) == len(other) - _rounded(len(theirs))


def test_made_twice_it_is_the_same(run_whit: RunWhit, box: Bundle, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "busybox"
    shutil.copy(BUSYBOX, copy)
    again = run_whit("bundle", copy, "-o", folder / "again.run", "--json", root=tmp_path / "other-store")
    said = json.loads(again.stdout)
    data = box.path.read_bytes()
    assert (folder / "again.run").read_bytes() == data
    assert said["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert (said["schema"], said["size"], said["signed"]) == ("whit-bundled/1", len(data), False)


# ---- damage ----


def test_damage_is_refused_in_a_line_wherever_it_is(box: Bundle) -> None:
    with opened(str(box.path)) as whole:
        mark, head = whole.mark, whole.head
        entry_of_program = next(entry for entry in head.entries if entry.path == b"busybox")
        text = whole.data.find(b"the limit of namespaces is reached")
    program = entry_of_program.content
    for at, said in (
        (mark.at, "the launcher"),
        (mark.at + MARK.size - 12, "the launcher"),
        (text, "the launcher"),
        (program.at, "a file in it"),
        (program.at + program.size // 2, "a file in it"),
        (program.at + program.size - 1, "a file in it"),
        (mark.head.at, "the list of what is in it"),
        (mark.head.at + mark.head.size - 1, "the list of what is in it"),
    ):
        flip(box.path, at)
        for by in (box, box.as_user):
            done = by("true")
            assert (done.returncode, done.stdout) == (125, "")
            assert done.stderr.splitlines() == [f"{DAMAGED}{said} isn't what it was", AGAIN]
        flip(box.path, at)
    assert box("true").returncode == 0


def test_what_isn_t_needed_to_start_is_checked_when_it_is_asked_for(box: Bundle, run_whit: RunWhit) -> None:
    with opened(str(box.path)) as whole:
        page = whole.head.page
    flip(box.path, page.at + 5)
    assert box("true").returncode == 0
    for word in ("--whit-inspect", "--whit-verify"):
        done = box(word)
        assert (done.returncode, done.stdout) == (125, "")
        assert done.stderr.splitlines()[0] == f"{DAMAGED}what it says of itself isn't what it was"
    done = run_whit("bundle", "verify", box.path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"whit: {box.path} is damaged: what it says of itself")


@pytest.mark.parametrize("kept", [0.999, 0.5, 0])
def test_a_bundle_that_is_cut_short_is_refused(box: Bundle, kept: float, run_whit: RunWhit) -> None:
    # given one that ends anywhere behind its launcher
    launcher = (PROJECT / ".venv/bin/whit").stat().st_size
    os.truncate(box.path, launcher + int((box.path.stat().st_size - launcher) * kept))
    assert box("true").stderr.splitlines() == ["whit: this bundle is cut short: its end is missing", AGAIN]
    assert "its end is missing" in run_whit("bundle", "verify", box.path).stderr


def test_a_bundle_that_has_grown_is_refused(box: Bundle) -> None:
    with box.path.open("ab") as file:
        file.write(b"\n")
    assert box("true").stderr.splitlines()[0] == "whit: this bundle is longer than it should be"


def test_verify_tells_which_file_is_damaged(box: Bundle, run_whit: RunWhit) -> None:
    assert box("--whit-verify").stdout == "It is whole.\n"
    whole = run_whit("bundle", "verify", box.path)
    assert "is whole: " in whole.stdout
    with opened(str(box.path)) as opened_:
        at = next(entry for entry in opened_.head.entries if entry.path == b"etc/passwd").content.at
    flip(box.path, at)
    assert box("--whit-verify").stderr.splitlines()[0] == f"{DAMAGED}etc/passwd isn't what it was"
    assert "/etc/passwd isn't what it was" in run_whit("bundle", "verify", box.path).stderr


def test_one_with_empty_files_is_whole(run_whit: RunWhit, folder: Path) -> None:
    # given files that begin where the next one does
    for number, content in enumerate(("", "one", "", "two")):
        (folder / f"file-{number}").write_text(content)
    dockerfile = f'FROM scratch\nCOPY file-* /\nCOPY {BUSYBOX.name} /busybox\nENTRYPOINT ["/busybox"]\n'
    (folder / "Dockerfile").write_text(dockerfile)
    shutil.copy(BUSYBOX, folder)
    assert run_whit("build", "-t", "local/empty:1", folder).returncode == 0
    made = Bundle(folder / "empty.run")
    assert run_whit("bundle", "local/empty:1", "-o", made.path).returncode == 0

    assert made("--whit-verify").stdout == "It is whole.\n"
    verified = run_whit("bundle", "verify", made.path)
    assert "is whole: " in verified.stdout, verified.stderr


def test_who_makes_and_who_verifies_count_the_same_files(run_whit: RunWhit, folder: Path) -> None:
    # given a bundle with folders, and more than one regular file
    made = json.loads(run_whit("bundle", BUSYBOX, "-o", folder / "counted.run", "--json").stdout)

    verified = json.loads(run_whit("bundle", "verify", made["path"], "--json").stdout)
    shown = json.loads(run_whit("bundle", "inspect", made["path"], "--json").stdout)["files"]

    assert made["files"] == verified["files"] == len([item for item in shown if "digest" in item])
    assert 1 < made["files"] < len(shown)


@pytest.mark.parametrize("path", ["/bin/true", "/dev/null", "/etc", "/nonesuch", str(PROJECT / ".venv/bin/whit")])
def test_what_is_no_bundle_is_told(run_whit: RunWhit, path: str) -> None:
    for verb in ("verify", "inspect"):
        done = run_whit("bundle", verb, path)
        assert done.returncode != 0
        assert done.stderr.startswith("whit: ")
        assert "Traceback" not in done.stderr


# ---- what it says ----


def test_what_is_inside_is_shown_by_the_bundle_and_by_whit(box: Bundle, run_whit: RunWhit) -> None:
    said = box("--whit-inspect", "--whit-json")
    document = json.loads(said.stdout)
    assert document["schema"] == "whit-bundle/1"
    program = next(item for item in document["files"] if item["path"] == "/busybox")
    assert program["digest"] == f"sha256:{hashlib.sha256(BUSYBOX.read_bytes()).hexdigest()}"
    assert set(document["plans"]) == {"root", "user", "root-host", "user-host"}
    assert run_whit("bundle", "inspect", box.path, "--json").stdout == said.stdout
    page = box("--whit-inspect").stdout
    assert run_whit("bundle", "inspect", box.path).stdout == page
    assert document["image"] in page
    assert "/busybox" in page


def test_help_tells_all_words(box: Bundle) -> None:
    text = box("--whit-help").stdout
    for word in (
        "memory",
        "cpus",
        "pids-limit",
        "network",
        "volume",
        "env",
        "workdir",
        "writable",
        "inspect",
        "verify",
    ):
        assert f"--whit-{word}" in text


# ---- signatures ----


@pytest.fixture
def keys(folder: Path) -> Path:
    """k.pem, on P-256, and e.pem, Ed25519, with their public halves."""
    for words in (
        "ecparam -name prime256v1 -genkey -noout -out k.pem",
        "ec -in k.pem -pubout -out k.pub",
        "genpkey -algorithm ed25519 -out e.pem",
        "pkey -in e.pem -pubout -out e.pub",
    ):
        subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.peer("openssl")
@pytest.mark.parametrize("name", ["k", "e"])
def test_a_signed_bundle_is_verified_and_runs(run_whit: RunWhit, folder: Path, keys: Path, name: str) -> None:
    made = bundle(run_whit, folder, BUSYBOX, "--sign", keys / f"{name}.pem")
    assert made("echo", "x").stdout == "x\n"
    first = made.path.read_bytes()
    done = run_whit("bundle", "verify", made.path, "--key", keys / f"{name}.pub", "--json")
    assert (done.returncode, json.loads(done.stdout)["signed"]) == (0, True)
    # signed again it is the same
    assert bundle(run_whit, folder, BUSYBOX, "--sign", keys / f"{name}.pem").path.read_bytes() == first
    # another's key isn't it
    other = run_whit("bundle", "verify", made.path, "--key", keys / f"{'e' if name == 'k' else 'k'}.pub")
    assert (other.returncode, "isn't signed by" in other.stderr) == (1, True)


@pytest.mark.peer("openssl")
def test_a_bundle_that_somebody_has_changed_and_made_whole_isn_t_the_signer_s(
    run_whit: RunWhit, folder: Path, keys: Path
) -> None:
    # given a signed bundle and one of another program
    made = bundle(run_whit, folder, BUSYBOX, "--sign", keys / "k.pem")
    signed = made.path.read_bytes()
    other = bundle(run_whit, folder, BUSYBOX, "--sign", keys / "e.pem", "-e", "EVIL=1")
    # when the signature of the first is put behind the second, of which all sums are right
    with opened(str(other.path)) as reading:
        place = reading.head.signature
    other.path.write_bytes(other.path.read_bytes()[: place.at] + signed[-place.size :])
    # then it starts, for it is whole, and isn't verified
    assert other("true").returncode == 0
    done = run_whit("bundle", "verify", other.path, "--key", keys / "k.pub")
    assert (done.returncode, "isn't signed by" in done.stderr) == (1, True)
    unsigned = bundle(run_whit, folder, BUSYBOX)
    done = run_whit("bundle", "verify", unsigned.path, "--key", keys / "k.pub")
    assert (done.returncode, "isn't signed" in done.stderr) == (1, True)


# ---- writing ----


def test_a_full_disk_is_told_and_leaves_nothing(whit: Path, whit_root: Path, folder: Path) -> None:
    script = (
        'mount -t tmpfs -o size=1m none "$1" && "$2" bundle /bin/busybox -o "$1/x.run"; code=$?; ls -A "$1"; exit $code'
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "-", folder, whit],
        env={**os.environ, "WHIT_ROOT": str(whit_root)}, capture_output=True, text=True, check=False, timeout=LIMIT_S,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"whit: can't write {folder}/x.run: no space left on the device\nhint: ")


def test_what_was_there_stays_until_the_new_one_is_whole_also_when_whit_is_killed(
    whit: Path, whit_root: Path, folder: Path, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(30 << 20))
    target = folder / "x.run"
    target.write_text("before")
    command: list[str | Path] = [whit, "bundle", BUSYBOX, "--add", f"{large}:/large", "-o", target]
    environment = {**os.environ, "WHIT_ROOT": str(whit_root)}
    for delay in (0.3, 0.6, 0.9, 1.2):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait(LIMIT_S)
        assert [path.name for path in folder.iterdir()] == ["x.run"]
        assert target.read_bytes() == b"before" or Bundle(target)("true").returncode == 0
    assert subprocess.run(command, env=environment, check=False, capture_output=True, timeout=LIMIT_S).returncode == 0
    assert (
        Bundle(target)("sh", "-c", "md5sum < /large").stdout.split()[0] == hashlib.md5(large.read_bytes()).hexdigest()
    )


def test_it_may_be_made_anew_while_it_runs(run_whit: RunWhit, box: Bundle, folder: Path) -> None:
    process = box.begin("sh", "-c", "echo ready; read x; echo done")
    bundle(run_whit, folder, BUSYBOX, "-e", "A=1")
    assert process.communicate(timeout=LIMIT_S)[0] == "ready\ndone\n"
    assert box("sh", "-c", "echo $A").stdout == "1\n"


@pytest.mark.parametrize(
    ("target", "said"), [("/nowhere/x.run", "can't write /nowhere/x.run"), ("/dev/null", "is not a regular file")]
)
def test_where_it_can_t_be_written_is_told(run_whit: RunWhit, target: str, said: str) -> None:
    done = run_whit("bundle", BUSYBOX, "-o", target)
    assert done.returncode == 1
    assert said in done.stderr
    assert Path("/dev/null").is_char_device()


# ---- where it runs ----


@pytest.mark.parametrize("by", [(), ("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups")])
def test_it_runs_from_a_read_only_folder_and_where_nothing_else_may_be_executed(
    box: Bundle, folder: Path, by: tuple[str, ...]
) -> None:
    script = (
        'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && mount -t tmpfs -o noexec none /dev/shm && '
        'mount -t tmpfs -o noexec none /var/tmp && shift && exec "$@"'
    )
    words: list[str | Path] = ["unshare", "--mount", "sh", "-c", script, "-", folder, *by, box.path, "echo", "runs"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert (done.stderr, done.stdout) == ("", "runs\n")


@pytest.mark.parametrize("kind", ["user", "pid", "mnt", "net", "ipc", "uts"])
def test_where_namespaces_are_used_up_it_says_which_setting_counts_them(box: Bundle, kind: str) -> None:
    words: list[str | Path] = [sys.executable, LIMITED, f"max_{kind}_namespaces", str(USER), box.path, "true"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=LIMIT_S, cwd="/")
    assert done.returncode == 125
    assert "hint: the limit of namespaces is reached: raise the one of the sysctls user.max_*_namespaces" in done.stderr


def test_it_runs_on_older_kernels(box: Bundle) -> None:
    script = "import os, sys; from tests.integration.older_kernel import forget; forget(tuple(sys.argv[3:])); os.execv(sys.argv[1], [sys.argv[1], *sys.argv[2].split()])"
    done = subprocess.run(
        [sys.executable, "-c", script, box.path, "echo runs", *NEWER],
        cwd=PROJECT, capture_output=True, text=True, check=False, timeout=LIMIT_S,
    )  # fmt: skip
    assert (done.stderr, done.stdout) == ("", "runs\n")
