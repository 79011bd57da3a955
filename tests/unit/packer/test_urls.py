"""Addresses that people, files and servers give: split, or refused in a line that keeps their secrets."""

from __future__ import annotations

import pytest

from whit.packer.buildfile.dockerfile.gitref import parse_git_ref
from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.registry.challenge import Challenge
from whit.packer.registry.headers import place_of, resolved
from whit.packer.registry.model import Endpoint, RegistryError
from whit.packer.registry.tokens import Authority
from whit.packer.registry.transport import Call, Transport
from whit.packer.support.errors import UsageError
from whit.packer.support.urls import split_url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://[::1/x", "its host can't be one"),
        ("http://a:99999/x", "its port isn't a number from 1 to 65535"),
        ("http://a:b/x", "its port isn't a number from 1 to 65535"),
        ("http://a:0/x", "its port isn't a number from 1 to 65535"),
        ("http://ü..x:1", "its host can't be one"),
        ("http://a..x:1", "its host can't be one"),
        (f"http://{'a' * 64}/", "its host can't be one"),
        ("http:///x", "it names no host"),
    ],
)
def test_what_can_be_nobody_s_address_is_told(url: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        split_url(url)
    assert caught.value.message == f"{url} is no address: {why}"


def test_the_refusal_of_an_address_keeps_its_secrets() -> None:
    with pytest.raises(UsageError) as caught:
        split_url("http://ann:secret@a:99999/x?token=secret")
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://Bücher.example/x", ("https", "xn--bcher-kva.example", 443)),
        ("http://ann@bücher.example:8080/x", ("http", "xn--bcher-kva.example", 8080)),
        ("http://[::1]:5000/x", ("http", "::1", 5000)),
        ("http://a.example./x", ("http", "a.example.", 80)),
    ],
)
def test_hosts_in_other_scripts_are_those_that_name_servers_know(url: str, place: tuple[str, str, int]) -> None:
    assert place_of(url) == place


def test_a_location_and_a_repository_without_a_place_are_none() -> None:
    assert resolved("http://a/x", "http://a:99999/") is None
    assert resolved("http://a/x", "http://[::1/") is None
    with pytest.raises(Fault, match="is no address"):
        parse_git_ref("http://[::1/x.git")


@pytest.mark.parametrize("proxy", ["http://h:99999", "http://[::1", "http://ü..x:1", "h:99999"])
def test_a_proxy_that_can_be_nobody_is_told(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", proxy)

    with pytest.raises(UsageError, match=r"^https_proxy: .* is no address"):
        Transport().send(Call("GET", "https://r.example/v2/", {}), Endpoint("r.example", "https://r.example"))


@pytest.mark.parametrize("realm", ["http://[::1/x", "http://a:99999/x", "http:///x", "ftp://a/x", ""])
def test_a_realm_that_can_be_nobody_s_is_told(realm: str) -> None:
    authority = Authority(Transport(), Endpoint("r.example", "https://r.example"), lambda: None)

    with pytest.raises(RegistryError, match="names no place to get a token"):
        authority.token(Challenge("bearer", (("realm", realm),)), (), None)
