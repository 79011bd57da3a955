"""Short forms, units and words: what is written in one way and means another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.compose.loading import service
from whit.runtime.compose.model import ComposeError, units, words


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        *[("1", 1), ("-1", -1), ("1k", 1024), ("1.5g", 3 << 29), ("2 GB", 2 << 30), ("3MiB", 3 << 20), ("4b", 4)],
        *[
            ("x", None),
            ("1kk", None),
            ("", None),
            ("-1k", None),
            ("1e3", None),
            (".5k", 512),
            ("5.", 5),
            ("9" * 30, None),
        ],
    ],
)
def test_sizes(text: str, bytes_: int | None) -> None:
    assert units.size(text) == bytes_


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("90s", "1m30s"),
        ("1.5h", "1h30m0s"),
        ("1500ms", "1.5s"),
        ("2d", "48h0m0s"),
        ("1w", "168h0m0s"),
        ("0s", "0s"),
        ("0", "0s"),
        ("-1m", "-1m0s"),
        ("250us", "250µs"),
        ("3ns", "3ns"),
        ("1h1ms", "1h0m0.001s"),
    ],
)
def test_durations(text: str, shown: str) -> None:
    nanoseconds = units.duration(text)
    assert nanoseconds is not None
    assert units.duration_text(nanoseconds) == shown


@pytest.mark.parametrize("text", ["", "1", "s", "1x", "1.s2", "1m 30s", "-", ".s", "99999999999h"])
def test_what_is_no_duration(text: str) -> None:
    assert units.duration(text) is None


@given(st.integers(-(1 << 62), 1 << 62))
def test_a_duration_that_is_shown_is_read_as_the_same(nanoseconds: int) -> None:
    assert units.duration(units.duration_text(nanoseconds)) == nanoseconds


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_single_precision_is_shown_by_its_shortest_digits(number: float) -> None:
    shown = units.single(number)
    assert shown is not None
    assert units.single(float(shown)) == shown


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("echo a  b", ["echo", "a", "b"]),
        ("a 'b c' \"d e\"", ["a", "b c", "d e"]),
        ("a'b'c\"d\"", ["abcd"]),
        ("a\\ b", ["a b"]),
        ('"a\\"b"', ['a"b']),
        ("'a\\b'", ["a\\b"]),
        ("''", [""]),
        ("", []),
        ("a\\tb", ["a\tb"]),
        ("echo `date -u`", ["echo", "`date -u`"]),
        ("echo $(date -u)", ["echo", "$(date -u)"]),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words.split(text) == (found, "")


@pytest.mark.parametrize("text", ["'a", '"a', "a\\", "a (b)", "a)", "`a"])
def test_words_that_arent_closed(text: str) -> None:
    with pytest.raises(words.UnclosedError):
        words.split(text)


def test_what_a_shell_would_take_for_another_command_is_dropped_with_a_warning() -> None:
    assert words.split("a b && c") == (["a", "b"], "&& c")


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("80", [(None, None, 80, "tcp")]),
        ("8080:80", [(None, "8080", 80, "tcp")]),
        ("127.0.0.1:8080:80/udp", [("127.0.0.1", "8080", 80, "udp")]),
        ("127.0.0.1::80", [("127.0.0.1", None, 80, "tcp")]),
        ("'[::1]:8080:80'", [("::1", "8080", 80, "tcp")]),
        ("'::1:8080:80'", [("::1", "8080", 80, "tcp")]),
        ("90-91:80-81", [(None, "90", 80, "tcp"), (None, "91", 81, "tcp")]),
        ("8000-8010:80", [(None, "8000-8010", 80, "tcp")]),
        ("53:53/UDP", [(None, "53", 53, "udp")]),
    ],
)
def test_ports(text: str, ports: list[tuple[str | None, str | None, int, str]]) -> None:
    found = service(f"ports: [{text}]")["ports"]
    assert [(one.get("host_ip"), one.get("published"), one["target"], one["protocol"]) for one in found] == ports


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8080:", "names no port"),
        ("a:80", "'a' is no port"),
        ("70000", "'70000' is no port"),
        ("81-80", "'81-80' is no port"),
        ("80:80/icmp", "no protocol 'icmp'"),
        ("300.0.0.1:80:80", "'300.0.0.1' is no address"),
        ("80-82:80-81", "ranges of different lengths"),
        ("{published: 80}", "needs 'target'"),
        ("{target: 80, host_ip: here}", "'here' is no address"),
    ],
)
def test_what_is_no_port(text: str, message: str) -> None:
    with pytest.raises(ComposeError) as caught:
        service(f"ports: ['{text}']" if text[0] != "{" else f"ports: [{text}]")
    assert message in caught.value.message
    assert "/srv/app/compose.yaml:4:" in caught.value.message


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("/xy", {"type": "volume", "target": "/xy", "volume": {}}),
        ("v:/x", {"type": "volume", "source": "v", "target": "/x", "volume": {}}),
        ("./a:/x:ro", {"type": "bind", "source": "/srv/app/a", "target": "/x", "read_only": True, "bind": {}}),
        ("../a:/x/../y/", {"type": "bind", "source": "/srv/a", "target": "/y", "bind": {}}),
        ("~/a:/x", {"type": "bind", "source": "/home/me/a", "target": "/x", "bind": {}}),
        ("v:/x:nocopy", {"type": "volume", "source": "v", "target": "/x", "volume": {"nocopy": True}}),
        (
            "/a:/x:Z,rslave",
            {"type": "bind", "source": "/a", "target": "/x", "bind": {"selinux": "Z", "propagation": "rslave"}},
        ),
    ],
)
def test_mounts(text: str, mount: dict[str, object]) -> None:
    found = service(f"volumes: ['{text}']", environment={"HOME": "/home/me"}, check=False)
    assert found["volumes"] == [mount]


@pytest.mark.parametrize("text", ["", ":/x", "a::b", "a:/b:ro:more"])
def test_what_is_no_mount(text: str) -> None:
    with pytest.raises(ComposeError):
        service(f"volumes: ['{text}']", check=False)


def test_files_and_their_owners() -> None:
    found = service(
        "secrets: [a, {source: b, target: c, uid: '1', gid: '2', mode: 0440}]\nconfigs: [{source: d, mode: '0400'}]",
        check=False,
    )
    assert found["secrets"] == [
        {"source": "a", "target": "/run/secrets/a"},
        {"source": "b", "target": "c", "uid": "1", "gid": "2", "mode": "0440"},
    ]
    assert found["configs"] == [{"source": "d", "mode": "0400"}]


def test_values_become_texts_in_environments_and_labels() -> None:
    found = service("environment: {T: true, N: 1.50, E: 1e21, O: 010, U: null, S: ''}\nlabels: [a=b=c, d]")
    assert found["environment"] == {"T": "true", "N": "1.5", "E": "1e+21", "O": "8", "U": None, "S": ""}
    assert found["labels"] == {"a": "b=c", "d": ""}


def test_ranges_of_ports_are_bounded_before_they_are_written_out() -> None:
    assert len(service("ports: ['1-2000']")["ports"]) == 2000
    with pytest.raises(ComposeError, match="publishes more than 200000 ports"):
        service("ports: ['1-65535', '1-65535/udp', '127.0.0.1::1-65535', '127.0.0.2::1-65535']")


def test_a_long_word_is_split_as_fast_as_many_short_ones() -> None:
    assert words.split("b" * 500_000 + " c") == (["b" * 500_000, "c"], "")
