"""SIGTERM and SIGHUP end a command as Ctrl-C does: what was begun is taken back, and the exit code says which it was."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.integration.at_terminal import PATIENCE_S
from tests.integration.kept import until

if TYPE_CHECKING:
    from pathlib import Path

SAID = {
    signal.SIGINT: "whit: interrupted\n",
    signal.SIGTERM: "whit: ended by SIGTERM\n",
    signal.SIGHUP: "whit: ended by SIGHUP\n",
}


def _tar() -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        info = tarfile.TarInfo("big")
        info.size = 8 << 20
        tar.addfile(info, io.BytesIO(os.urandom(info.size)))
    return written.getvalue()


def _importing(root: Path, *command: str | Path) -> subprocess.Popen[str]:
    """An import in the middle of its archive, with something unfinished in the store."""
    process = subprocess.Popen(
        [*command, "import", "-", "me/it"], env={**os.environ, "WHIT_ROOT": str(root)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    os.write(process.stdin.fileno(), _tar()[: 6 << 20])
    until(lambda: any(path.stat().st_size for path in root.rglob(".tmp-*")))
    return process


@pytest.mark.parametrize("sent", SAID)
def test_what_was_begun_is_taken_back(whit: Path, tmp_path: Path, sent: signal.Signals) -> None:
    root = tmp_path / "root"
    process = _importing(root, whit)

    process.send_signal(sent)

    assert process.stdin is not None
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors.lstrip()) == (128 + sent, SAID[sent])
    assert list(root.rglob(".tmp-*")) == []


def test_a_signal_that_is_ignored_stays_ignored(whit: Path, tmp_path: Path) -> None:
    # given a command that nohup started
    process = _importing(tmp_path / "root", "nohup", whit)

    # when its terminal goes
    process.send_signal(signal.SIGHUP)

    # then it waits for the rest, which doesn't come whole
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, "the archive" in errors) == (1, True), errors


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_who_only_watches_ends_without_a_word(whit: Path, whit_root: Path, sent: signal.Signals) -> None:
    process = subprocess.Popen(
        [whit, "events", "--since", "1h"], env={**os.environ, "WHIT_ROOT": str(whit_root)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    subprocess.run([whit, "volume", "create", "one"], env={**os.environ, "WHIT_ROOT": str(whit_root)}, check=True)
    assert process.stdout is not None
    assert "one" in process.stdout.readline()

    process.send_signal(sent)

    assert process.communicate(timeout=PATIENCE_S) == ("", "")
    assert process.returncode == 128 + sent
