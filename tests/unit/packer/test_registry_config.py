"""The files of docker and podman that say who somebody is, and where registries are."""

from __future__ import annotations

import base64
import json
import tomllib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.registry.dockerconfig import (
    Credential,
    config_key,
    find_entry,
    helper_request,
    parse_config_file,
    parse_helper_answer,
    with_entry,
)
from whit.packer.registry.model import Endpoint, RegistryError, api_host, is_local, reach, said
from whit.packer.registry.registriesconf import RegistriesConf, Rule, parse_daemon_json, parse_registries_conf
from whit.packer.registry.settings import Settings, tls_context
from whit.packer.support.errors import InvalidFileError, WhitError
from whit.packer.support.jsondoc import parse_object

if TYPE_CHECKING:
    from pathlib import Path

ANN = base64.b64encode(b"ann:a:b").decode()


def _file(**members: object) -> bytes:
    return json.dumps(members).encode()


@pytest.mark.parametrize(
    "key",
    ["reg.example:5000", "https://reg.example:5000", "https://reg.example:5000/v1/", "http://reg.example:5000/v2/"],
)
def test_an_entry_is_found_in_each_spelling_of_its_registry(key: str) -> None:
    config = parse_config_file(_file(auths={key: {"auth": ANN}}), "x")
    assert find_entry(config, "reg.example:5000") == Credential("ann", "a:b")
    assert find_entry(config, "reg.example") is None


def test_hub_has_a_key_of_its_own() -> None:
    config = parse_config_file(_file(auths={"https://index.docker.io/v1/": {"auth": ANN}}), "x")
    assert find_entry(config, "docker.io") == Credential("ann", "a:b")
    assert config_key("docker.io") == "https://index.docker.io/v1/"
    assert api_host("docker.io") == "registry-1.docker.io"


def test_podman_s_entries_may_be_of_a_folder_of_repositories() -> None:
    config = parse_config_file(_file(auths={"r.io": {"username": "all"}, "r.io/team": {"username": "team"}}), "x")
    found = (find_entry(config, "r.io", path) for path in ("team/image", "team", "teammate/x", ""))
    assert [entry.user for entry in found if entry] == ["team", "team", "all", "all"]


def test_tokens_and_helpers_are_read() -> None:
    config = parse_config_file(
        _file(
            auths={"a": {"identitytoken": "i"}, "b": {"registrytoken": "r"}, "c": None},
            credsStore="s",
            credHelpers={"a": "h"},
        ),
        "x",
    )
    assert find_entry(config, "a") == Credential(identity="i")
    assert find_entry(config, "b") == Credential(bearer="r")
    assert (config.helper_for("a"), config.helper_for("b")) == ("h", "s")
    assert parse_helper_answer(_file(Username="u", Secret="s"), "x") == Credential("u", "s")
    assert parse_helper_answer(_file(Username="<token>", Secret="s"), "x") == Credential(identity="s")
    assert json.loads(helper_request("k", Credential("u", identity="t"))) == {
        "ServerURL": "k",
        "Username": "<token>",
        "Secret": "t",
    }


@pytest.mark.parametrize("data", [b"[]", b"{", _file(auths=[]), _file(auths={"a": {"auth": "no base64!"}}), b"\xff"])
def test_a_damaged_file_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidFileError):
        parse_config_file(data, "x")


def test_an_entry_is_put_in_and_taken_out_and_all_else_stays() -> None:
    before = _file(auths={"https://r.io/v1/": {"auth": ANN}, "other": {"email": "e"}}, HttpHeaders={"a": "b"})
    after = json.loads(with_entry(before, "x", "r.io", Credential("ann", "new")))
    assert after["auths"] == {"other": {"email": "e"}, "r.io": {"auth": base64.b64encode(b"ann:new").decode()}}
    assert after["HttpHeaders"] == {"a": "b"}
    assert json.loads(with_entry(json.dumps(after).encode(), "x", "r.io", None))["auths"] == {"other": {"email": "e"}}
    assert json.loads(with_entry(b"", "x", "k", Credential())) == {"auths": {"k": {}}}


@given(st.text(max_size=40), st.text(max_size=40).filter(lambda text: "\0" not in text))
def test_what_is_written_is_read(user: str, password: str) -> None:
    user = user.replace(":", "").replace("\0", "")
    try:
        data = with_entry(b"", "x", "r.io", Credential(user, password))
    except UnicodeEncodeError:
        return
    found = find_entry(parse_config_file(data, "x"), "r.io")
    assert found == Credential(user, password) or not (user or password)


CONF = """
unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "docker.io/library"
location = "mirror.example/hub"
[[registry.mirror]]
location = "first.example/x"
[[registry.mirror]]
location = "second.example:5000"
insecure = true
[[registry]]
location = "plain.example"
insecure = true
[[registry]]
prefix = "*.blocked.example"
blocked = true
"""


def _settings(text: str = CONF) -> Settings:
    return Settings(RegistriesConf(tuple(parse_registries_conf(tomllib.loads(text), "conf"))))


def test_rules_say_where_a_repository_is() -> None:
    settings = _settings()
    places = settings.places("docker.io", "library/alpine")
    assert [(endpoint.url, name, endpoint.verify, endpoint.is_mirror) for endpoint, name in places] == [
        ("https://first.example", "x/alpine", True, True),
        ("https://second.example:5000", "alpine", False, True),
        ("https://mirror.example", "hub/alpine", True, False),
    ]
    assert [endpoint.domain for endpoint, _ in places] == ["first.example", "second.example:5000", "mirror.example"]
    assert settings.places("docker.io", "me/x")[-1] == (Endpoint("docker.io", "https://registry-1.docker.io"), "me/x")
    assert not settings.places("plain.example", "x")[-1][0].verify
    with pytest.raises(RegistryError, match="is blocked by conf"):
        settings.places("a.blocked.example", "x")


def test_docker_s_own_settings_are_honoured_too() -> None:
    document = _file(**{"insecure-registries": ["plain:5000", "10.0.0.0/8"], "registry-mirrors": ["http://m.example/"]})
    settings = Settings(RegistriesConf(tuple(parse_daemon_json(parse_object(document, "daemon.json", 1000)))))
    assert not settings.places("plain:5000", "x")[-1][0].verify
    mirror, itself = settings.places("docker.io", "library/x")
    assert (mirror[0].url, mirror[0].verify, mirror[1]) == ("https://m.example", False, "library/x")
    assert itself[0].verify
    assert len(settings.places("other.example", "x")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "registry = 1",
        "[[registry]]\nblocked = true",
        '[[registry]]\nlocation = "https://x"',
        "[[registry]]\nlocation = 5",
        'registry = ["x"]',
    ],
)
def test_a_file_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidFileError):
        _settings(text)


def test_the_longest_prefix_counts() -> None:
    conf = RegistriesConf((Rule("a", "x"), Rule("a/b", "y"), Rule("a/bc", "z")))
    rules = (conf.rule_for("a", path) for path in ("b/c", "b", "bcd", "q"))
    assert [rule.location for rule in rules if rule] == ["y", "y", "x", "x"]
    assert conf.rule_for("ab", "c") is None


@pytest.mark.parametrize(
    ("address", "distance"),
    [("8.8.8.8", 0), ("10.1.2.3", 1), ("127.0.0.2", 2), ("::1", 2), ("0.0.0.0", 2), ("169.254.169.254", 3), ("fe80::1%eth0", 3),
     ("::ffff:169.254.169.254", 3), ("fd00::1", 1), ("2606:4700::1", 0), ("no address", 3)],
)  # fmt: skip
def test_how_near_an_address_is(address: str, distance: int) -> None:
    assert reach(address) == distance


def test_what_is_loopback() -> None:
    assert all(map(is_local, ("localhost", "localhost:5000", "127.0.0.1:5", "[::1]:5000", "a.localhost")))
    assert not any(map(is_local, ("localhost.example", "10.0.0.1", "registry:5000", "")))


@given(st.binary(max_size=200))
def test_an_error_s_document_is_words_or_none(data: bytes) -> None:
    code, words = said(data)
    assert len(code) <= 80
    assert len(words) <= 300


def test_errors_are_read_as_registries_and_token_servers_write_them() -> None:
    assert said(_file(errors=[{"code": "DENIED", "message": "no"}])) == ("DENIED", "no")
    assert said(_file(error="invalid_grant", error_description="expired")) == ("invalid_grant", "expired")
    assert said(_file(details="incorrect username or password")) == ("", "incorrect username or password")


def test_a_client_s_certificate_without_its_key_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "containers" / "certs.d" / "r.example"
    folder.mkdir(parents=True)
    (folder / "us.cert").touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    with pytest.raises(WhitError, match="without its key") as caught:
        tls_context(Endpoint("r.example", "https://r.example"))
    assert caught.value.hint == f"put that in {folder / 'us.key'}"
