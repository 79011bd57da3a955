"""What secrets are asked for by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.support.errors import UsageError
from whit.runtime.engine.model import Secret
from whit.runtime.engine.secretform import AskedSecret, file_of, owned, parse_secret, parse_secrets


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("/srv/key.pem", AskedSecret("/srv/key.pem", False, "/run/secrets/key.pem")),
        ("source=/srv/key.pem,target=key", AskedSecret("/srv/key.pem", False, "/run/secrets/key")),
        ("env=TOKEN", AskedSecret("TOKEN", True, "/run/secrets/TOKEN")),
        ("src=k,dst=/etc/k,uid=0,gid=4294967294,mode=0444", AskedSecret("k", False, "/etc/k", 0, 4294967294, 0o444)),
    ],
)
def test_a_secret_has_a_source_and_more(text: str, asked: AskedSecret) -> None:
    assert parse_secret(text) == asked


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "isn't understood"),
        ("target=x", "no source"),
        ("source=/x,env=Y", "no source, or two"),
        ("source=/x,colour=red", "isn't understood"),
        ("source=/x,target=a/b", "no file's name"),
        ("source=/x/", "no file's name"),
        ("source=/x,target=..", "no file's name"),
        ("source=/x,target=/proc/x", "nothing may be mounted"),
        ("source=/x,mode=9", "no mode"),
        ("source=/x,mode=4755", "no mode"),
        ("source=/x,uid=me", "no number"),
        ("source=/x,uid=4294967295", "no number"),
    ],
)
def test_other_words_are_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_secret(text)


@given(st.text(alphabet="a/.,=srcenvtgmodu0\0\n"))
def test_whatever_is_taken_is_one_file_of_the_container_s(text: str) -> None:
    try:
        asked = parse_secret(text)
    except UsageError:
        return
    secret = owned(asked, (1, 2))
    assert secret.target.startswith("/")
    assert ".." not in secret.target.split("/")
    assert file_of(secret, (secret,)).count("/") <= 1


def test_two_in_one_place_are_refused() -> None:
    with pytest.raises(UsageError, match="given twice"):
        parse_secrets(("/a/key", "/b/key"))


def test_it_belongs_to_the_container_s_user_unless_told_otherwise() -> None:
    assert owned(parse_secret("/k,uid=7"), (1, 2)) == Secret("/k", False, "/run/secrets/k", 7, 2, 0o400)


def test_one_in_the_usual_place_is_shown_by_its_name_and_others_by_number() -> None:
    secrets = tuple(owned(secret, (0, 0)) for secret in parse_secrets(("/a", "/b,target=/etc/b")))
    assert [file_of(secret, secrets) for secret in secrets] == ["usual/a", "1"]
