"""``--log`` and ``--log-format``: what engines read there is what runc writes, whoever of whit-oci's two halves writes it."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.oci_bundle import Bundle

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

FAILURES: dict[str, tuple[str, ...]] = {
    "native": ("start", "nonesuch"),
    "python": ("exec", "nonesuch", "true"),
    "plan": ("run", "one"),
    "kept plan": ("run", "one"),
    "odd path": ("create", "--pid-file", '/nowhere/"a\\b\n\x1b[31m/pid', "one"),
}
"""Commands that fail, by who finds it out."""

LINE = re.compile(r'time=("[^"]*") level=([a-z]+) msg=("(?:[^"\\]|\\.)*")')
"""logrus's text form, as far as a time, a level and a message go."""


def fail(bundle: Bundle, form: str, how: str) -> list[str]:
    """The lines of the log of a command that fails."""
    log = bundle.folder / "log"
    bundle.write("", {"process": {"args": ["/bin/nonesuch"]}})
    if how == "kept plan":
        assert bundle.call("run", "one").code == 1
    # What `create` leaves running, where it is no failure, would hold a pipe.
    assert bundle.call("--log", str(log), "--log-format", form, *FAILURES[how]).code != 0
    return log.read_text().splitlines()


@pytest.mark.ours("creates what is missing on the way to a pid file", "crun")
@pytest.mark.parametrize("how", FAILURES)
def test_json(bundle: Bundle, how: str) -> None:
    lines = [json.loads(line) for line in fail(bundle, "json", how)]
    assert lines
    for line in lines:
        assert set(line) == {"level", "msg", "time"}
        assert datetime.fromisoformat(line["time"]).tzinfo
    assert lines[-1]["level"] == "error"
    assert lines[-1]["msg"].isprintable()


@pytest.mark.ours("writes the message alone", "crun")
@pytest.mark.parametrize("how", FAILURES)
def test_text(bundle: Bundle, how: str) -> None:
    found = [(line, LINE.fullmatch(line)) for line in fail(bundle, "text", how)]
    assert found
    for line, parts in found:
        assert parts, line
        time, level, message = parts.groups()
        assert datetime.fromisoformat(json.loads(time)).tzinfo
        assert json.loads(message).isprintable()
    assert level == "error"
