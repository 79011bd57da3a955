"""What containers' hosts and resolv.conf hold, and networks as JSON and back."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.runtime.networks import RED, member
from whit.packer.support.errors import InvalidFileError, UsageError
from whit.runtime.engine.networks import documents, members
from whit.runtime.engine.networks.folder import write_hosts
from whit.runtime.engine.networks.hosts import hosts_file, parse_add_host, parse_server, peer_lines, resolv_conf
from whit.runtime.engine.networks.model import PortMapping, Protocol
from whit.runtime.engine.networks.showing import chooser

if TYPE_CHECKING:
    from pathlib import Path

ALWAYS = """127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""


def test_a_hosts_file_has_the_container_then_its_neighbours_with_all_their_names() -> None:
    own = dataclasses.replace(member(2, name="web"), hosts=(("db", "10.0.0.9"), ("gw", "host-gateway")))
    peer = member(3, name="cache")
    place = dataclasses.replace(peer.endpoints[0], aliases=("redis", "cache"))

    text = hosts_file(own, [peer_lines(own, own.endpoints[0]) + peer_lines(peer, place)], "172.30.5.1")

    assert text.removeprefix(ALWAYS).splitlines() == [
        "10.0.0.9\tdb",
        "172.30.5.1\tgw",
        "172.30.5.2\tweb 000000000000",
        "fd00:5::2\tweb 000000000000",
        "172.30.5.3\tcache redis 000000000000",
        "fd00:5::3\tcache redis 000000000000",
    ]


def test_a_container_without_a_network_knows_itself() -> None:
    alone = dataclasses.replace(member(2, name="web"), endpoints=())

    assert hosts_file(alone) == f"{ALWAYS}127.0.1.1\tweb 000000000000\n"


def test_a_hosts_file_is_changed_where_it_is_and_a_new_neighbour_only_adds_to_it(tmp_path: Path) -> None:
    place = tmp_path / "containers" / "a" / "hosts"
    place.parent.mkdir(parents=True)
    write_hosts(tmp_path, "a", "one\n")
    inode = place.stat().st_ino

    for text in ("one\ntwo\n", "one\ntwo\nthree\n", "two\nthree\n", "two\n"):
        write_hosts(tmp_path, "a", text)
        assert place.read_text() == text

    assert place.stat().st_ino == inode
    write_hosts(tmp_path, "gone", "x")


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("db:10.0.0.1", ("db", "10.0.0.1")),
        ("db=10.0.0.1", ("db", "10.0.0.1")),
        ("db:::1", ("db", "::1")),
        ("db:[::1]", ("db", "::1")),
        ("db=2001:db8::1", ("db", "2001:db8::1")),
        ("gw:host-gateway", ("gw", "host-gateway")),
    ],
)
def test_a_host_is_added_as_docker_adds_it(text: str, pair: tuple[str, str]) -> None:
    assert parse_add_host(text) == pair


@pytest.mark.parametrize("text", ["", "db", "db:", ":1.2.3.4", "d b:1.2.3.4", "db\n:1.2.3.4", "db:1.2.3", "dä:1.2.3.4"])
def test_what_would_be_no_line_of_a_hosts_file_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--add-host"):
        parse_add_host(text)


def test_a_resolver_is_an_address() -> None:
    assert (parse_server("192.0.2.53"), parse_server("2001:DB8::53")) == ("192.0.2.53", "2001:db8::53")
    for text in ("", "foo", "192.0.2.53:53", "192.0.2.53\noptions rotate"):
        with pytest.raises(UsageError, match="--dns"):
            parse_server(text)


HOST = "# by hand\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch example.org\n"
BEHIND = "nameserver 192.0.2.53\nnameserver 2001:db8::53\nsearch example.net\n"


def test_the_host_s_resolvers_are_the_container_s() -> None:
    text = "nameserver 192.0.2.1\nnameserver ::1\nsearch example.org\n"

    assert resolv_conf(text) == "nameserver 192.0.2.1\nsearch example.org\n"


def test_behind_a_resolver_on_the_host_s_own_127_are_the_real_ones() -> None:
    assert resolv_conf(HOST, BEHIND) == "nameserver 192.0.2.53\nnameserver 2001:db8::53\nsearch example.net\n"
    assert resolv_conf(HOST) == "options edns0 trust-ad\nsearch example.org\n"


def test_what_a_person_gives_takes_the_place_of_the_host_s() -> None:
    text = resolv_conf(HOST, BEHIND, servers=("9.9.9.9",), search=("a.b", "c"), options=("ndots:2",))

    assert text == "nameserver 9.9.9.9\nsearch a.b c\noptions ndots:2\n"
    assert resolv_conf(HOST, servers=("9.9.9.9",), search=(".",)) == "nameserver 9.9.9.9\noptions edns0 trust-ad\n"


def test_networks_and_members_come_back_from_json_as_they_were() -> None:
    port = PortMapping("127.0.0.1", 8080, 80, Protocol.UDP)
    one = dataclasses.replace(member(2, port), hosts=(("a", "1.2.3.4"),))

    assert documents.parse_network(documents.network_document(RED), "x") == RED
    assert members.parse_member(documents.member_document(one), "x") == one


@given(st.binary(max_size=200) | st.sampled_from([documents.network_document(RED)[:-9], b"{}", b'{"schema":1}']))
def test_what_is_no_network_s_record_is_an_invalid_file(data: bytes) -> None:
    with pytest.raises(InvalidFileError):
        documents.parse_network(data, "x")
    with pytest.raises(InvalidFileError):
        members.parse_member(data, "x")


@pytest.mark.parametrize(
    ("filters", "is_shown"),
    [
        ((), True),
        (("name=re",), True),
        (("name=blue",), False),
        (("name=blue", "name=red"), True),
        (("driver=bridge", "scope=local"), True),
        (("label=team",), True),
        (("label=team=a",), True),
        (("label=team=a", "label=other"), False),
        (("label!=team",), False),
        (("type=custom",), True),
        (("type=builtin",), False),
        (("id=0123",), True),
        (("dangling=true",), False),
        (("dangling=false",), True),
    ],
)
def test_filters_of_one_key_are_alternatives_and_those_of_several_all_hold(
    filters: tuple[str, ...], is_shown: bool
) -> None:
    assert chooser(filters, lambda _: True)(RED) is is_shown


@pytest.mark.parametrize("filters", [("name",), ("colour=red",), ("type=x",), ("dangling=perhaps",)])
def test_a_filter_that_there_isn_t_is_refused(filters: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--filter"):
        chooser(filters, lambda _: True)
