"""A network as nft's text: exactly these elements, and what is left out where a network is internal."""

from __future__ import annotations

import dataclasses

from tests.unit.runtime.networks import RED, member
from whit.runtime.engine.networks import rules
from whit.runtime.engine.networks.model import PortMapping, Protocol

WEB = PortMapping("127.0.0.1", 8080, 80, Protocol.TCP)
ALL = PortMapping("0.0.0.0", 8081, 80, Protocol.TCP)
SIX = PortMapping("2001:db8::1", 53, 53, Protocol.UDP)
OWN6 = PortMapping("::1", 8080, 80, Protocol.TCP)


def test_a_container_s_ports_become_elements_of_maps_by_family_and_address() -> None:
    assert rules.publish(RED, member(2, WEB, ALL, SIX)).splitlines() == [
        "add element inet whit_0123456789 published4 { 127.0.0.1 . tcp . 8080 : 172.30.5.2 . 80 }",
        "add element inet whit_0123456789 anywhere4 { tcp . 8081 : 172.30.5.2 . 80 }",
        "add element inet whit_0123456789 published6 { 2001:db8::1 . udp . 53 : fd00:5::2 . 53 }",
    ]


def test_they_are_taken_out_by_the_same_keys() -> None:
    assert rules.unpublish(RED, member(2, WEB, ALL)).splitlines() == [
        "delete element inet whit_0123456789 published4 { 127.0.0.1 . tcp . 8080 }",
        "delete element inet whit_0123456789 anywhere4 { tcp . 8081 }",
    ]


def test_who_claims_the_same_port_is_seen() -> None:
    assert rules.claims(RED, [member(2, WEB, ALL)]) & rules.claims(RED, [member(3, WEB)]) == {
        ("published4", "127.0.0.1 . tcp . 8080")
    }
    assert not rules.claims(RED, [member(2, WEB)]) & rules.claims(RED, [member(3, ALL)])


def test_what_the_kernel_cannot_lead_to_a_container_is_no_element() -> None:
    assert rules.publish(RED, member(2, OWN6)) == ""
    assert rules.proxied(member(2, WEB, SIX, OWN6)) == (OWN6,)


def test_ipv6_is_left_to_a_proxy_where_the_container_has_none() -> None:
    four = member(2, WEB, SIX)
    place = dataclasses.replace(four.endpoints[0], address6=None)

    assert rules.proxied(dataclasses.replace(four, endpoints=(place,))) == (SIX,)


def test_ports_are_published_only_in_the_network_by_which_a_container_goes_out() -> None:
    assert rules.publish(RED, member(2, WEB, gateway="")) == ""
    assert rules.publish(RED, member(2, WEB, network="blue")) == ""


def test_a_table_holds_the_elements_of_all_members_and_replaces_the_one_that_is_there() -> None:
    text = rules.table(RED, [member(2, WEB), member(3, dataclasses.replace(WEB, host_port=8082))], replacing=True)

    assert text.startswith("delete table inet whit_0123456789\ntable inet whit_0123456789 {\n")
    assert "elements = { 127.0.0.1 . tcp . 8080 : 172.30.5.2 . 80, 127.0.0.1 . tcp . 8082 : 172.30.5.3 . 80 };" in text
    assert rules.table(RED, [], replacing=False).startswith("table inet whit_0123456789 {\n")


def test_a_port_that_two_claim_is_the_later_one_s() -> None:
    text = rules.table(RED, [member(2, WEB), member(3, WEB)], replacing=False)

    assert "elements = { 127.0.0.1 . tcp . 8080 : 172.30.5.3 . 80 };" in text


def test_no_rule_is_for_other_interfaces_than_the_network_s_own() -> None:
    text = rules.table(RED, [], replacing=False)
    forwarding = text[text.index("chain forwarded") :]

    assert all('"whit_0123456789"' in line for line in forwarding.splitlines() if line.startswith("    iif"))
    assert all('"whit_0123456789"' in line for line in forwarding.splitlines() if line.startswith("    oif"))


def test_an_internal_network_is_masked_nowhere_and_passes_nothing_on() -> None:
    text = rules.table(dataclasses.replace(RED, internal=True), [], replacing=False)

    assert "oifname !=" not in text
    assert '    iifname "whit_0123456789" drop' in text
    assert "established" not in text
