"""Which command an engine behind SSH is reached by."""

from __future__ import annotations

import pytest

from whit.runtime.scaleout.swarm.farther import words_of

FAR = "docker system dial-stdio"


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("ssh://far", ["--", "far", FAR]),
        ("ssh://me@far", ["-l", "me", "--", "far", FAR]),
        ("ssh://me@far:2222", ["-l", "me", "-p", "2222", "--", "far", FAR]),
        ("ssh://far/", ["--", "far", FAR]),
        ("ssh://far/run/my%20docker.sock", ["--", "far", "docker --host unix:///run/my%20docker.sock system dial-stdio"]),
        ("ssh://far/a;reboot", ["--", "far", "docker --host 'unix:///a;reboot' system dial-stdio"]),
        ("ssh://-oProxyCommand=x", ["--", "-oproxycommand=x", FAR]),
    ],
)  # fmt: skip
def test_the_words_are_those_of_docker_s_own_command(host: str, words: list[str]) -> None:
    assert words_of(host) == ["ssh", "-T", "-o", "ConnectTimeout=30", *words]
