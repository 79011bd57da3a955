"""Options of kept containers: what is taken, and what is said of the rest."""

from __future__ import annotations

import contextlib
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.support.errors import UsageError
from whit.packer.support.signals import parse_signal
from whit.runtime.engine.asked import (
    HealthWords,
    parse_duration,
    parse_log,
    parse_probe,
    parse_restart,
)
from whit.runtime.engine.model import LogDriver, LogOptions, Policy, Probe, ProbeKind, Restart

SECOND = 1_000_000_000


@pytest.mark.parametrize("number", range(1, 32))
def test_every_signal_is_known_by_name_and_number(number: int) -> None:
    name = signal.Signals(number).name
    assert parse_signal(name) == parse_signal(name.removeprefix("SIG").lower()) == parse_signal(str(number)) == number


@pytest.mark.parametrize(("text", "number"), [("RTMIN", 34), ("SIGRTMIN+3", 37), ("rtmax-1", 63), ("RTMAX", 64)])
def test_real_time_signals_are_counted_from_either_end(text: str, number: int) -> None:
    assert parse_signal(text) == number


@pytest.mark.parametrize("text", ["", "0", "65", "SIG", "TERMINATE", "-9", "RTMIN+40", "RTMIN-1", "9 ", "٩"])
def test_what_is_no_signal_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no signal"):
        parse_signal(text)


@pytest.mark.parametrize(
    ("text", "restart"),
    [
        ("no", Restart()), ("always", Restart(Policy.ALWAYS)), ("unless-stopped", Restart(Policy.UNLESS_STOPPED)),
        ("on-failure", Restart(Policy.ON_FAILURE)), ("on-failure:5", Restart(Policy.ON_FAILURE, 5)),
    ],
)  # fmt: skip
def test_restart_policies_are_docker_s(text: str, restart: Restart) -> None:
    assert parse_restart(text) == restart


@pytest.mark.parametrize(
    "text", ["", "never", "always:3", "on-failure:", "on-failure:-1", "on-failure:x", "ON-FAILURE"]
)
def test_other_policies_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--restart"):
        parse_restart(text)


@pytest.mark.parametrize(
    ("text", "length"),
    [("30s", 30 * SECOND), ("1m30s", 90 * SECOND), ("500ms", SECOND // 2), ("1.5h", 5400 * SECOND), ("0", 0)],
)
def test_durations_are_go_s(text: str, length: int) -> None:
    assert parse_duration(text, "--x") == length


@given(st.text())
def test_no_text_makes_a_duration_fail_otherwise_than_in_words(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse_duration(text, "--x") >= 0


def test_a_probe_by_http_has_address_port_and_path() -> None:
    probe = parse_probe(HealthWords(http=":8080/healthz", interval="1s", retries=2), None)
    assert probe == Probe(ProbeKind.HTTP, address="127.0.0.1", port=8080, path="/healthz", interval=SECOND, retries=2)


def test_a_probe_by_tcp_may_be_of_ipv6() -> None:
    assert parse_probe(HealthWords(tcp="[::1]:5432"), None) == Probe(ProbeKind.TCP, address="::1", port=5432)


@pytest.mark.parametrize(
    ("text", "words"), [("test -f /ready", ("/bin/sh", "-c", "test -f /ready")), ('["/probe", "-x"]', ("/probe", "-x"))]
)
def test_a_command_is_a_shell_s_line_or_a_list_of_words(text: str, words: tuple[str, ...]) -> None:
    probe = parse_probe(HealthWords(cmd=text), None)
    assert probe is not None
    assert probe.words == words


@pytest.mark.parametrize(
    "words",
    [
        HealthWords(http="8080"), HealthWords(http=":0/x"), HealthWords(http=":70000"), HealthWords(http="example.org:80"),
        HealthWords(http=":80/a b"), HealthWords(http=":80/\r\nX: y"), HealthWords(tcp=":80/x"), HealthWords(cmd=""),
        HealthWords(cmd="true", tcp=":1"), HealthWords(interval="5s"), HealthWords(tcp=":1", interval="0s"),
        HealthWords(tcp=":1", retries=0), HealthWords(tcp=":1", timeout="soon"),
    ],
)  # fmt: skip
def test_probes_that_can_t_be_are_refused(words: HealthWords) -> None:
    with pytest.raises(UsageError):
        parse_probe(words, None)


def test_the_image_s_probe_counts_unless_it_is_turned_off() -> None:
    image = Probe(ProbeKind.TCP, port=80)
    assert parse_probe(HealthWords(), image) == image
    assert parse_probe(HealthWords(off=True), image) is None


def test_a_log_has_a_size_and_a_number_of_files() -> None:
    assert parse_log(None, ("max-size=10m", "max-file=3")) == LogOptions(max_size=10 << 20, max_file=3)
    assert parse_log("none", ()).driver is LogDriver.NONE


@pytest.mark.parametrize(
    ("driver", "options"),
    [("syslog", ()), (None, ("max-size",)), (None, ("max-file=0",)), (None, ("max-file=2",)), (None, ("colour=red",))],
)
def test_other_logs_are_refused(driver: str | None, options: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        parse_log(driver, options)
