"""Docker's ``-p``, read as docker reads it, but for the address where none is given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.support.errors import UsageError
from whit.runtime.engine.networks.model import PortMapping, Protocol
from whit.runtime.engine.networks.ports import parse_exposed, parse_port, with_exposed

TCP, UDP = Protocol.TCP, Protocol.UDP


@pytest.mark.parametrize(
    ("text", "mappings"),
    [
        ("80", [("127.0.0.1", 0, 80, TCP)]),
        ("8080:80", [("127.0.0.1", 8080, 80, TCP)]),
        ("0:80", [("127.0.0.1", 0, 80, TCP)]),
        (":80", [("127.0.0.1", 0, 80, TCP)]),
        ("0.0.0.0:8080:80", [("0.0.0.0", 8080, 80, TCP)]),
        ("0.0.0.0::80", [("0.0.0.0", 0, 80, TCP)]),
        ("53:53/udp", [("127.0.0.1", 53, 53, UDP)]),
        ("53:53/UDP", [("127.0.0.1", 53, 53, UDP)]),
        ("[::1]:8080:80", [("::1", 8080, 80, TCP)]),
        ("[2001:DB8::0]:8080:80/tcp", [("2001:db8::", 8080, 80, TCP)]),
        ("80-81", [("127.0.0.1", 0, 80, TCP), ("127.0.0.1", 0, 81, TCP)]),
        ("8080-8081:80-81/udp", [("127.0.0.1", 8080, 80, UDP), ("127.0.0.1", 8081, 81, UDP)]),
    ],
)
def test_a_port_is_published_as_docker_publishes_it(text: str, mappings: list[tuple[str, int, int, Protocol]]) -> None:
    assert parse_port(text) == tuple(PortMapping(*mapping) for mapping in mappings)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "'' is not a port"),
        ("http", "'http' is not a port"),
        ("0", "there is no port 0"),
        ("80:0", "there is no port 0"),
        ("65536", "'65536' is not a port"),
        ("80/sctp", "'sctp' is neither tcp nor udp"),
        ("80/", "'' is neither tcp nor udp"),
        ("81-80", "the range 81-80 ends before it begins"),
        ("8080-8082:80-81", "3 ports of the host for 2 of the container"),
        ("8080-8082:80", "a range of the host's ports for one"),
        ("::1:8080:80", "an IPv6 address stands in brackets"),
        ("localhost:8080:80", "'localhost' is not an address"),
        ("1.2.3:8080:80", "'1.2.3' is not an address"),
        ("[fe80::1%eth0]:8080:80", "scope"),
        ("8080:80:", "'' is not a port"),
        ("+80", "is not a port"),
        ("8_0", "is not a port"),
        ("٨٠", "is not a port"),
    ],
)
def test_what_is_no_port_is_refused_with_the_reason_and_the_form(text: str, why: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_port(text)

    assert raised.value.message.startswith(f"-p {text}: ")
    assert why in raised.value.message
    assert "CONTAINER" in (raised.value.hint or "")


@given(st.text(max_size=40))
def test_any_text_is_ports_or_a_usage_error(text: str) -> None:
    try:
        mappings = parse_port(text)
    except UsageError:
        return
    assert mappings


@given(
    st.one_of(st.none(), st.ip_addresses(v=4), st.ip_addresses(v=6)),
    st.integers(1, 65000),
    st.integers(1, 65000),
    st.integers(0, 500),
    st.sampled_from(["", "/tcp", "/udp"]),
)
def test_what_is_written_in_docker_s_form_is_read_as_it_was_meant(
    address: object, host: int, container: int, more: int, protocol: str
) -> None:
    where = "" if address is None else f"[{address}]:" if ":" in str(address) else f"{address}:"
    text = f"{where}{host}-{host + more}:{container}-{container + more}{protocol}"

    mappings = parse_port(text)

    assert [mapping.host_port for mapping in mappings] == list(range(host, host + more + 1))
    assert [mapping.container_port for mapping in mappings] == list(range(container, container + more + 1))
    assert {mapping.host_address for mapping in mappings} == {str(address or "127.0.0.1")}
    assert {mapping.protocol.value for mapping in mappings} == {protocol.strip("/") or "tcp"}


def test_all_that_an_image_exposes_is_published_at_this_machine_s_own_address_beside_what_is_asked_for() -> None:
    asked = parse_port("0.0.0.0:8080:80")

    assert with_exposed(asked, ("80/tcp", "443", "53/udp", "443/tcp", "0.0.0.0:9:9")) == (
        *asked,
        PortMapping("127.0.0.1", 0, 443, TCP),
        PortMapping("127.0.0.1", 0, 53, UDP),
    )


def test_a_port_that_is_exposed_is_one_of_the_container_s() -> None:
    assert parse_exposed("80") == ("80/tcp",)
    assert parse_exposed("53-54/udp") == ("53/udp", "54/udp")
    for text in ("8080:80", "x", "0", "80/sctp"):
        with pytest.raises(UsageError, match=f"--expose {text}: "):
            parse_exposed(text)
