from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.image.reference import hex_id, parse_reference, reference_from_file_name, reference_from_path
from whit.packer.support.errors import UsageError

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("server", "docker.io/library/server:latest", "server:latest"),
        ("server:1.0", "docker.io/library/server:1.0", "server:1.0"),
        ("me/server", "docker.io/me/server:latest", "me/server:latest"),
        ("docker.io/server", "docker.io/library/server:latest", "server:latest"),
        ("index.docker.io/me/server:2", "docker.io/me/server:2", "me/server:2"),
        ("localhost/server", "localhost/server:latest", "localhost/server:latest"),
        ("localhost:5000/server:1", "localhost:5000/server:1", "localhost:5000/server:1"),
        ("[::1]:5000/server", "[::1]:5000/server:latest", "[::1]:5000/server:latest"),
        ("example.org/a/b__c:V1", "example.org/a/b__c:V1", "example.org/a/b__c:V1"),
        (f"server@{DIGEST}", f"docker.io/library/server@{DIGEST}", f"server@{DIGEST}"),
        (f"server:1@{DIGEST}", f"docker.io/library/server:1@{DIGEST}", f"server:1@{DIGEST}"),
    ],
)
def test_a_reference_has_one_full_and_one_familiar_form(text: str, full: str, familiar: str) -> None:
    reference = parse_reference(text)
    assert (str(reference), reference.familiar) == (full, familiar)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":1",
        "a:",
        "a@",
        "a//b",
        "/a",
        "a/",
        "-a",
        "a-",
        "a..b",
        "a b",
        "A",
        "me/Server",
        "a:-x",
        "a:" + "x" * 129,
        "a@sha256:12",
        "a@md5:" + "0" * 32,
        "a\n",
        "é",
        "x" * 256,
        "exa_mple.org/a",
        "a.b:x/c",
    ],
)
def test_what_is_no_reference_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_reference(text)
    assert "\n" not in raised.value.message


def test_capitals_are_answered_with_the_name_in_lower_case() -> None:
    with pytest.raises(UsageError) as raised:
        parse_reference("me/Server:V1")
    assert raised.value.hint == "try 'me/server:v1'"


@given(st.text(alphabet="aB0._-/:@[]é\n", max_size=40))
def test_both_forms_of_whatever_parses_mean_the_same_again(text: str) -> None:
    try:
        reference = parse_reference(text)
    except UsageError:
        return
    assert parse_reference(str(reference)) == reference
    assert parse_reference(reference.familiar) == reference


@given(st.text(max_size=300))
def test_every_file_name_makes_a_valid_reference(name: str) -> None:
    made = reference_from_file_name(name)
    assert parse_reference(str(made)) == made


@pytest.mark.parametrize(
    ("name", "familiar"),
    [("My Server.x86_64", "my-server.x86_64:latest"), ("__", "image:latest"), ("a---b..c", "a-b-c:latest")],
)
def test_a_file_name_stays_recognisable(name: str, familiar: str) -> None:
    assert reference_from_file_name(name).familiar == familiar


def test_files_of_one_name_in_two_folders_have_names_of_their_own() -> None:
    first, second = reference_from_path("/a/server"), reference_from_path("/b/server")
    assert first != second
    assert parse_reference(str(first)) == first
    assert first.familiar_name == "localhost/server"


@pytest.mark.parametrize(("text", "digits"), [("0a1b", "0a1b"), (DIGEST, "0a" * 32), ("xyz", None), ("0", None)])
def test_ids_are_hex_digits(text: str, digits: str | None) -> None:
    assert hex_id(text) == digits
