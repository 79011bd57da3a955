"""What a registry's headers say, whoever wrote them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.registry.challenge import (
    Challenge,
    Scope,
    parse_challenges,
    pulling,
    pushing,
    scope_texts,
)
from whit.packer.registry.headers import (
    ContentRange,
    media_type,
    next_page,
    parse_content_range,
    path_of,
    place_of,
    received,
    resolved,
    retry_after,
    with_query,
)
from whit.packer.registry.retry import LONGEST, LONGEST_ASKED, MOST, PATIENCE, GiveUp, Pause, decide

BASE = "https://registry.example/v2/me/image/blobs/uploads/"


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        ('Basic realm="x"', [Challenge("basic", (("realm", "x"),))]),
        (
            'Bearer realm="https://auth.example/token",service="s",scope="repository:a/b:pull,push"',
            [
                Challenge(
                    "bearer",
                    (
                        ("realm", "https://auth.example/token"),
                        ("service", "s"),
                        ("scope", "repository:a/b:pull,push"),
                    ),
                )
            ],
        ),
        ("Negotiate, Basic realm=x", [Challenge("negotiate"), Challenge("basic", (("realm", "x"),))]),
        (
            'Negotiate YWJj==, bearer REALM = "a \\"b\\" \\\\c" , error="invalid_token"',
            [
                Challenge("negotiate"),
                Challenge("bearer", (("realm", 'a "b" \\c'), ("error", "invalid_token"))),
            ],
        ),
        ("", []),
        ("=", []),
    ],
)
def test_a_challenge_is_read_in_every_spelling(header: str, challenges: list[Challenge]) -> None:
    assert list(parse_challenges([header])) == challenges


@given(st.lists(st.text(max_size=200), max_size=3))
def test_any_text_is_challenges_or_none(headers: list[str]) -> None:
    for challenge in parse_challenges(headers):
        assert challenge.scheme == challenge.scheme.lower() != ""


def test_a_token_is_asked_for_what_is_wanted_and_what_the_registry_names_beside_it() -> None:
    challenge = Challenge("bearer", (("scope", "repository:a:pull repository:other:pull"),))
    assert scope_texts(challenge, [pushing("a")]) == ("repository:a:pull,push", "repository:other:pull")
    assert scope_texts(Challenge("bearer"), [pulling("b"), Scope("registry", "catalog", ("*",))]) == (
        "registry:catalog:*",
        "repository:b:pull",
    )


def test_of_countless_challenges_the_first_few_are_looked_at() -> None:
    found = parse_challenges(["Bearer realm=x", *(150 * [30_000 * "a "])])

    assert found[0] == Challenge("bearer", (("realm", "x"),))
    assert len(found) < 100
    assert parse_challenges([" " * 16_000 + ";"]) == ()


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("0-0", 0), ("0-41", 42), ("bytes=0-9", 10), (None, None), ("", None), ("5-9", None), ("0-x", None),
        ("0-99999999999999999999", None), ("-1-5", None),
    ],
)  # fmt: skip
def test_how_much_of_an_upload_has_arrived(value: str | None, size: int | None) -> None:
    assert received(value) == size


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("bytes 0-9/10", ContentRange(0, 9, 10)), ("bytes 5-9/*", ContentRange(5, 9, None)), ("bytes 9-5/10", None),
        ("bytes 0-10/10", None), ("bytes */10", None), (None, None), ("0-9/10", None),
    ],
)  # fmt: skip
def test_a_content_range_is_right_or_none(value: str | None, found: ContentRange | None) -> None:
    assert parse_content_range(value) == found


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ('</v2/_catalog?n=2&last=b>; rel="next"', "/v2/_catalog?n=2&last=b"),
        ('<a>; rel="prev", <b>; title="x"; rel=next', "b"),
        ('<a>; rel="prev next"', "a"),
        ('<a>; rel="nextish"', None),
        ("a; rel=next", None),
        (None, None),
    ],
)
def test_the_next_page(value: str | None, target: str | None) -> None:
    assert next_page(value) == target


def test_how_long_to_wait_is_a_number_or_a_date() -> None:
    assert retry_after("17", 0) == 17
    assert retry_after("Thu, 01 Jan 1970 00:02:00 GMT", 100) == 20
    assert retry_after("Thu, 01 Jan 1970 00:00:00 GMT", 100) == 0
    assert [retry_after(text, 0) for text in (None, "", "-1", "soon", "9" * 30)] == [None] * 5


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/v2/x?_state=a%2Fb", "https://registry.example/v2/x?_state=a%2Fb"),
        ("x#part", f"{BASE}x"),
        ("http://registry.example/v2/x", "https://registry.example/v2/x"),  # behind a proxy that ends TLS
        ("http://other.example/x", "http://other.example/x"),
        ("//other.example:8443/x", "https://other.example:8443/x"),
        ("ftp://other.example/x", None),
        ("https://user:secret@other.example/x", None),
        ("https://other.example:99999/x", None),
        ("/a b", None),
        ("/a\r\nX: y", None),
        ("/" + "a" * 9000, None),
    ],
)
def test_where_a_location_leads(location: str, url: str | None) -> None:
    assert resolved(BASE, location) == url


@given(st.text(max_size=100))
def test_a_location_is_somewhere_in_http_or_nowhere(location: str) -> None:
    url = resolved(BASE, location)
    assert url is None or (place_of(url)[0] in {"http", "https"} and url.isascii() and url.isprintable())


def test_addresses_are_compared_by_place_and_shown_without_their_secrets() -> None:
    assert place_of("https://A.example/x") == place_of("https://a.example:443/y") == ("https", "a.example", 443)
    assert place_of("http://a.example/") != place_of("https://a.example/")
    assert path_of("https://a.example/v2/x?_state=secret") == "/v2/x"
    assert with_query("https://a.example/x?a=b", digest="sha256:0") == "https://a.example/x?a=b&digest=sha256:0"
    assert media_type("Application/JSON; charset=utf-8") == "application/json"
    assert media_type(None) == ""


@given(st.integers(1, MOST - 1), st.floats(0, 1))
def test_pauses_grow_to_a_bound_and_are_never_without_jitter(failed: int, chance: float) -> None:
    decision = decide(failed, chance)
    assert isinstance(decision, Pause)
    assert 0.05 <= decision.seconds <= LONGEST


def test_a_registry_s_wish_is_kept_to_within_reason() -> None:
    asked = decide(1, 0.5, 30)
    assert isinstance(asked, Pause)
    assert 30 < asked.seconds < 31
    assert decide(1, 0, LONGEST_ASKED + 1) == GiveUp(LONGEST_ASKED + 1)
    assert decide(MOST, 0) == GiveUp()


def test_a_registry_from_which_nothing_comes_for_long_is_given_up() -> None:
    assert isinstance(decide(1, 0.5, waited=PATIENCE - 1), Pause)
    assert decide(1, 0.5, waited=PATIENCE) == GiveUp()
