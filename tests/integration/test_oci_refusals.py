"""What a stranger may give to whit-oci, and what it says of it: one line of what is wrong, and nothing is left."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.oci_bundle import Bundle

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static"), pytest.mark.ours("whit's own words")]


def refusal(bundle: Bundle, *words: str) -> str:
    """What is said, in a line and perhaps a hint, by a command that fails and prints nothing else."""
    ran = bundle.call(*words)
    assert (ran.code, ran.out) == (1, ""), ran
    first, *hint = ran.err.splitlines()
    assert first.startswith("whit-oci: ")
    assert "bug in whit" not in first
    assert len(hint) <= 1
    return ran.err


def stopped(bundle: Bundle, change: dict[str, Any] | None = None) -> Path:
    """The folder of container ``one``, which has ended."""
    bundle.write("", {"process": {"args": ["/bin/true"]}, **(change or {})})
    ran = bundle.call("run", "--keep", "one")
    assert ran.code == 0, ran
    return bundle.folder / "state" / "one"


@pytest.mark.parametrize("kind", ["poststart", "poststop"])
def test_a_hook_of_text_that_has_no_bytes_is_refused(bundle: Bundle, kind: str) -> None:
    bundle.write("true", {"hooks": {kind: [{"path": "/bin/true", "args": ["true", "\ud800"]}]}})
    assert f"hooks.{kind}[0].args[1]: " in refusal(bundle, "run", "one")
    assert not (bundle.folder / "state" / "one").exists()


@pytest.mark.parametrize("record", ["config.json", "state.json"])
def test_a_container_whose_records_are_spoilt_can_be_deleted(bundle: Bundle, record: str) -> None:
    folder = stopped(bundle, {"hooks": {"poststop": [{"path": "/bin/true"}]}})
    (folder / record).write_bytes(b"{")
    log = bundle.folder / "log"
    ran = bundle.call("--log", str(log), "delete", "--force", "one")
    assert (ran.code, folder.exists()) == (0, False), ran
    assert "poststop" in log.read_text()


def test_the_poststop_hooks_after_one_that_cannot_be_run_still_run(bundle: Bundle) -> None:
    seen = bundle.folder / "seen"
    hooks = [{"path": path, "args": ["touch", str(seen)]} for path in ("/nope", "/bin", "/bin/touch")]
    folder = stopped(bundle, {"hooks": {"poststop": hooks}})
    assert bundle.call("delete", "one").code == 0
    assert (seen.exists(), folder.exists()) == (True, False)


@pytest.mark.parametrize("kind", ["createRuntime", "createContainer", "startContainer", "poststart"])
@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (None, 0, "no such file"),
        (b"#!/nope\n", 0o755, "loader"),
        (b"#!/bin/sh\nexit 3\n", 0o755, "exit status 3"),
        (b"#!/bin/sh\nkill -9 $$\n", 0o755, "killed by signal 9"),
        (b"#!/bin/sh\n", 0o644, "it isn't executable"),
        (b"no first line", 0o755, "no program that the kernel can execute"),
    ],
)
def test_it_is_said_why_a_hook_failed(bundle: Bundle, kind: str, content: bytes | None, mode: int, words: str) -> None:
    # One place for those in the container and those outside of it.
    hook = bundle.rootfs / "tmp" / "hook"
    if content is not None:
        hook.write_bytes(content)
        hook.chmod(mode)
    path = "/tmp/hook" if kind == "startContainer" else str(hook)
    bundle.write("sleep 600", {"ociVersion": "1.3.0", "hooks": {kind: [{"path": path}]}})
    error = refusal(bundle, "run", "--detach", "one")
    assert f"{kind} hook {path}: " in error
    assert words in error


@pytest.mark.parametrize("kind", ["createRuntime", "poststart"])
def test_a_folder_is_no_hook(bundle: Bundle, kind: str) -> None:
    bundle.write("sleep 600", {"ociVersion": "1.3.0", "hooks": {kind: [{"path": "/bin/.."}]}})
    assert "/bin/..: it is a folder" in refusal(bundle, "run", "--detach", "one")


@pytest.mark.parametrize(("source", "target"), [("/etc/passwd", "/data"), ("/etc", "/bin/busybox")])
def test_a_file_is_no_place_for_a_folder_nor_a_folder_for_a_file(bundle: Bundle, source: str, target: str) -> None:
    bundle.write("true", {"mounts": ["+", {"destination": target, "source": source, "options": ["bind"]}]})
    error = refusal(bundle, "run", "one")
    assert target in error
    assert "6.15" not in error
    assert "folder" in error


@pytest.fixture
def sleeping(bundle: Bundle) -> Iterator[Bundle]:
    """A bundle whose container ``one`` runs."""
    bundle.write("", {"process": {"args": ["/bin/sleep", "600"]}})
    subprocess.run(
        bundle.command("run", "--detach", "one"), cwd=bundle.folder, stdin=subprocess.DEVNULL, check=True, timeout=60
    )
    yield bundle
    bundle.call("delete", "--force", "one")


def test_the_working_directory_of_exec_is_absolute(sleeping: Bundle) -> None:
    assert "--cwd: 'data' is not an absolute path" in refusal(sleeping, "exec", "--cwd", "data", "one", "true")


def test_the_hint_for_a_working_directory_names_what_there_is(sleeping: Bundle) -> None:
    error = refusal(sleeping, "exec", "--cwd", "/nope", "one", "true")
    assert "--workdir" not in error
    assert "--cwd" in error


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_regular_file_is_not_read(sleeping: Bundle, kind: str) -> None:
    config, process = sleeping.folder / "config.json", sleeping.folder / "process.json"
    config.unlink()
    for path in (config, process):
        {"pipe": os.mkfifo, "folder": os.mkdir, "device": lambda path: path.symlink_to("/dev/zero")}[kind](path)
    assert f"{config} is no regular file" in refusal(sleeping, "run", "two")
    assert f"{process} is no regular file" in refusal(sleeping, "exec", "--process", str(process), "one")
    assert f"{process} is no regular file" in refusal(sleeping, "update", "--resources", str(process), "one")


def test_a_working_directory_that_has_been_deleted_is_said_to_be(bundle: Bundle) -> None:
    script = 'mkdir gone && cd gone && rmdir "$PWD" && exec "$@"'
    ran = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *bundle.command("run", "one")], cwd=bundle.folder, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "the working directory has been deleted" in ran.stderr
    assert "--bundle" in ran.stderr


@pytest.mark.parametrize("much", ["", "half", "no object"])
def test_a_container_whose_state_is_spoilt_is_listed_and_can_be_deleted(bundle: Bundle, much: str) -> None:
    folder = stopped(bundle)
    record = folder / "state.json"
    whole = record.read_text()
    record.write_text({"": "", "half": whole[: len(whole) * 2 // 3], "no object": "[]\n"}[much])
    error = refusal(bundle, "state", "one")
    assert error.splitlines() == [
        "whit-oci: container one's state.json can't be read", "hint: whit-oci delete --force one removes it",
    ]  # fmt: skip
    (entry,) = json.loads(bundle.call("list", "--format", "json").out)
    assert (entry["id"], entry["pid"], entry["status"]) == ("one", 0, "unknown")
    assert bundle.call("list", "--quiet").lines == ["one"]
    assert bundle.call("list").lines[1].split()[:3] == ["one", "0", "unknown"]
    assert bundle.call("delete", "--force", "one").code == 0
    assert not folder.exists()


def test_a_container_without_records_yet_is_listed_as_being_created(bundle: Bundle) -> None:
    folder = bundle.folder / "state" / "one"
    folder.mkdir(parents=True)
    # What create writes first.
    (folder / "plan").write_bytes(b"WHITPLAN")
    (entry,) = json.loads(bundle.call("list", "--format", "json").out)
    assert (entry["id"], entry["status"]) == ("one", "creating")


EVERY = (
    ("run", "two"), ("create", "two"), ("list",), ("state", "one"), ("kill", "one", "0"), ("start", "one"), ("delete", "one"),
    ("exec", "one", "true"),
)  # fmt: skip


@pytest.mark.parametrize("words", EVERY, ids=lambda words: words[0])
def test_a_log_that_cannot_be_is_said_before_anything_is_done(sleeping: Bundle, words: tuple[str, ...]) -> None:
    assert "--log-format: there is no format 'xml'" in refusal(sleeping, "--log-format", "xml", *words)
    assert "--log: /nope/x can't be opened" in refusal(sleeping, "--log", "/nope/x", *words)
    pipe = sleeping.folder / "pipe"
    os.mkfifo(pipe)
    assert f"--log: {pipe} can't be opened" in refusal(sleeping, "--log", str(pipe), *words)
    assert sleeping.call("list", "--quiet").lines == ["one"]
