"""Probes: what an image's says, and what is on record of their results."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.image.oci import parse_config
from whit.packer.image.probes import HEALTH_LABEL, health_words
from whit.packer.image.spec import HealthCheck, RunConfig
from whit.packer.support.errors import UsageError
from whit.runtime.engine.asked import HealthWords, check_health, image_probe, parse_probe
from whit.runtime.engine.healthlog import Result, parse_results
from whit.runtime.engine.model import Probe, ProbeKind

SECOND = 1_000_000_000
CONFIG = b'{"os":"linux","architecture":"amd64","config":{"Healthcheck":%b}}'


def health_of(text: bytes) -> HealthCheck | None:
    return parse_config(CONFIG % text).run.health


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"Test":["CMD","/x","a b"]}', ("/x", "a b")),
        (b'{"Test":["CMD-SHELL","x || exit 1"]}', ("/bin/sh", "-c", "x || exit 1")),
        (b'{"Test":["NONE"]}', None),
        (b'{"Test":["CMD"]}', None),
        (b'{"Test":[]}', None),
        (b"{}", None),
        (b"null", None),
    ],
)
def test_an_image_s_probe_is_docker_s(text: bytes, words: tuple[str, ...] | None) -> None:
    probe = image_probe(parse_config(CONFIG % text).run)
    assert (probe.words if probe else None) == words


def test_what_it_leaves_out_is_as_usual_and_what_a_person_says_counts_more() -> None:
    image = image_probe(parse_config(CONFIG % b'{"Test":["CMD","/x"],"Interval":5000000000,"Retries":7}').run)
    assert image == Probe(ProbeKind.EXEC, ("/x",), interval=5 * SECOND, retries=7)
    asked = parse_probe(HealthWords(interval="1s", timeout="2s"), image)
    assert asked == Probe(ProbeKind.EXEC, ("/x",), interval=SECOND, timeout=2 * SECOND, retries=7)
    assert parse_probe(HealthWords(off=True), image) is None
    assert parse_probe(HealthWords(tcp=":80"), image) == Probe(ProbeKind.TCP, port=80)


def test_a_configuration_with_a_probe_comes_back_as_it_was() -> None:
    text = b'{"Test":["CMD","/x"],"Interval":1,"Timeout":2,"StartPeriod":3,"StartInterval":4,"Retries":5}'
    config = parse_config(CONFIG % text)
    assert config.run.health == HealthCheck(("CMD", "/x"), 1, 2, 3, 4, 5)
    assert parse_config(config.to_json()) == config


def test_times_without_a_probe_may_be_the_image_s_and_nonsense_is_told_before_it_is_known() -> None:
    check_health(HealthWords(interval="1s"))
    with pytest.raises(UsageError, match="there is no probe to time"):
        parse_probe(HealthWords(interval="1s"), None)
    with pytest.raises(UsageError, match="no duration"):
        check_health(HealthWords(interval="often"))


OUTPUTS = st.binary().map(lambda data: data.decode("utf-8", "replace"))


@given(st.lists(st.tuples(st.integers(0, 10**18), st.integers(-1, 255), OUTPUTS)))
def test_results_come_back_as_they_were_written(results: list[tuple[int, int, str]]) -> None:
    """As runtime/launcher/engine_health.c writes them."""
    lines = []
    for began, code, output in results:
        escaped = output.encode().replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
        lines.append(b"%d %d %d %b\n" % (began, began + 1, code, escaped))
    assert parse_results(b"".join(lines)) == tuple(
        Result(began, began + 1, code, output) for began, code, output in results
    )


@given(st.binary())
def test_any_bytes_are_some_results_or_none(data: bytes) -> None:
    assert all(isinstance(result.output, str) for result in parse_results(data))


def test_a_label_has_whit_do_the_probe_itself() -> None:
    label = health_words("http", ":8080/healthz", {"interval": SECOND, "start_period": 2 * SECOND}, 2)

    probe = image_probe(RunConfig(labels=((HEALTH_LABEL, label),)))

    wanted = Probe(ProbeKind.HTTP, port=8080, path="/healthz", interval=SECOND, start_period=2 * SECOND, retries=2)
    assert (label, probe) == ("http :8080/healthz interval=1000000000ns start_period=2000000000ns retries=2", wanted)


@pytest.mark.parametrize(
    "label", ["", "http", "ftp :80", "http :80 x=1", "http :x", "tcp :80 retries=y", "tcp :80 interval=1"]
)
def test_a_label_that_is_no_probe_is_refused(label: str) -> None:
    with pytest.raises(UsageError):
        image_probe(RunConfig(labels=((HEALTH_LABEL, label),)))
