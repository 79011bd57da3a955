"""``--ssh``: agents in a RUN, which may sign there and do nothing else, with sshd and OpenSSH's own programs."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.builds import write_context
from tests.peers.web import ssh_agent
from whit.packer.buildfile.build.forwarding import forwarded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.builds import Builder, Seen

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static"), pytest.mark.peer("ssh-agent")]

NO_NETWORK = ("--network", "none")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "of the test", "-f", path], check=True, timeout=30
    )
    return path


@pytest.fixture
def agent(key: Path) -> Iterator[str]:
    with ssh_agent(key) as path:
        yield path


def context(folder: Path, *lines: str) -> Path:
    return write_context(folder, {"Dockerfile": "\n".join(("FROM base", *lines))})


def content(files: Seen, name: str) -> str:
    data = files[name][-1]
    assert isinstance(data, bytes)
    return data.decode()


def said(builder: Builder, tmp_path: Path, mount: str, command: str, *words: str) -> str:
    folder = context(tmp_path / os.urandom(4).hex(), f"RUN --mount=type=ssh{mount} {command} > /said")
    return content(builder.files(folder, *NO_NETWORK, "--no-cache", *words), "said")


def test_the_agents_socket_is_where_the_mount_says_with_owner_and_mode(
    builder: Builder, tmp_path: Path, agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", agent)
    shown = "stat -c '%F %a %u %g' $SSH_AUTH_SOCK"
    assert said(builder, tmp_path, "", shown, "--ssh", "default") == "socket 600 0 0\n"
    more = ",id=other,target=/tmp/agent,uid=1000,gid=1001,mode=0660"
    assert (
        said(builder, tmp_path, more, "stat -c '%F %a %u %g' /tmp/agent", "--ssh", f"other={agent}")
        == "socket 660 1000 1001\n"
    )
    files = builder.files(
        context(tmp_path / "gone", "RUN --mount=type=ssh,target=/agent true"), *NO_NETWORK, "--ssh", "default"
    )
    assert "agent" not in files


def test_one_that_is_not_given_is_left_out_or_refused(
    builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        said(builder, tmp_path, "", "sh -c 'test -e $SSH_AUTH_SOCK || echo $SSH_AUTH_SOCK'")
        == "/run/buildkit/ssh_agent.0\n"
    )
    folder = context(tmp_path / "c", "RUN --mount=type=ssh,id=deploy,required true")
    done = builder(folder, *NO_NETWORK)
    assert (
        done.returncode,
        "Dockerfile:2: there is no SSH agent deploy" in done.stderr,
        "--ssh deploy" in done.stderr,
    ) == (1, True, True)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    for word, told in {
        "default": "there is no agent (SSH_AUTH_SOCK)", "x=/nosuch": "No such file", "=a": "there is no ID",
        f"x={tmp_path / 'c' / 'Dockerfile'}": "",
    }.items():  # fmt: skip
        done = builder(folder, *NO_NETWORK, "--ssh", word)
        assert done.returncode in (1, 2)
        assert told in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.peer("ssh-add")
def test_programs_in_a_run_sign_with_the_agents_keys(builder: Builder, tmp_path: Path, key: Path) -> None:
    """ssh-add with its libraries, in an image of its own; the key is given as a file."""
    program = Path(shutil.which("ssh-add") or "")
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    libraries = {Path(word) for line in listed.splitlines() for word in line.split() if word.startswith("/")}
    folder = context(
        tmp_path / "c", *(f"COPY {path.name} {path}" for path in libraries), "COPY ssh-add key.pub /",
        "RUN --mount=type=ssh,required /ssh-add -l > /list && /ssh-add -T /key.pub && ! /ssh-add -D 2> /refused",
    )  # fmt: skip
    for path in (*libraries, program, key.with_suffix(".pub")):
        (folder / path.name).write_bytes(path.read_bytes())
        (folder / path.name).chmod(0o755)
    files = builder.files(folder, *NO_NETWORK, "--ssh", f"default={key}")
    assert "of the test (ED25519)" in content(files, "list")
    assert "Failed to remove all identities" in content(files, "refused")
    assert not [one for one in Path("/proc").iterdir() if one.name.isdigit() and _is_left(one, builder)], (
        "its agent has ended"
    )


def _is_left(process: Path, builder: Builder) -> bool:
    try:
        return str(builder.engine.root) in str((process / "cwd").readlink())
    except OSError:
        return False


def test_a_key_with_a_passphrase_is_refused_without_a_question(builder: Builder, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", locked], check=True, timeout=30)
    done = builder(
        context(tmp_path / "c", "RUN --mount=type=ssh true"), *NO_NETWORK, "--no-cache", "--ssh", f"default={locked}"
    )
    assert done.returncode == 1
    assert f"{locked} can't be used" in done.stderr


def test_what_is_no_message_ends_the_connection_and_what_is_not_allowed_is_refused(tmp_path: Path, agent: str) -> None:
    path = tmp_path / ("long" * 40) / "agent"
    path.parent.mkdir()
    with forwarded(agent, path, 0o600, (0, 0)):
        folder = os.open(path.parent, os.O_PATH)

        def asked(*messages: bytes) -> bytes:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(f"/proc/self/fd/{folder}/agent")
                client.sendall(b"".join(messages))
                client.shutdown(socket.SHUT_WR)
                found = b""
                with contextlib.suppress(ConnectionResetError):
                    while chunk := client.recv(1 << 16):
                        found += chunk
                return found

        failure = struct.pack(">IB", 1, 5)
        assert asked(struct.pack(">IB", 1, 19), struct.pack(">IB", 1, 22)) == failure * 2
        assert b"of the test" in asked(struct.pack(">IB", 1, 11))
        assert asked(struct.pack(">I", 1 << 30), b"x" * 100) == b""
        os.close(folder)
