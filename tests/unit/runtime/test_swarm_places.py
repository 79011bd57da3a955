"""Which Docker Engine is meant, in docker's order."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from whit.packer.support.errors import InvalidFileError, NotFoundError, UsageError
from whit.runtime.scaleout.swarm.places import USUAL, Endpoint, endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

HOME = {"HOME": "/home/me"}
FOLDER = "/home/me/.docker"
PLACE = sha256(b"far").hexdigest()
META = f"{FOLDER}/contexts/meta/{PLACE}/meta.json"
TLS = f"{FOLDER}/contexts/tls/{PLACE}/docker"
FAR = json.dumps({"Name": "far", "Endpoints": {"docker": {"Host": "tcp://far:2376", "SkipTLSVerify": False}}})


def found(
    host: str = "",
    context: str = "",
    environment: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> Endpoint:
    """The engine that these mean."""
    return endpoint(host, context, {**HOME, **(environment or {})}, (files or {}).get)


def test_without_a_word_it_is_the_usual_socket() -> None:
    assert found() == Endpoint(USUAL, verifies=False)
    assert found(context="default").host == USUAL


def test_the_command_line_wins_over_the_environment_and_that_over_the_file() -> None:
    files = {f"{FOLDER}/config.json": '{"currentContext": "far"}', META: FAR}
    assert found(files=files).host == "tcp://far:2376"
    assert found(environment={"DOCKER_HOST": "tcp://near:1"}, files=files).host == "tcp://near:1"
    assert found(environment={"DOCKER_CONTEXT": "default"}, files=files).host == USUAL
    assert found(context="far", environment={"DOCKER_HOST": "tcp://near:1"}, files=files).host == "tcp://far:2376"
    assert found("unix:///x", environment={"DOCKER_CONTEXT": "far"}, files=files).host == "unix:///x"


def test_a_name_alone_is_a_host_at_docker_s_usual_port() -> None:
    assert found("far").host == "tcp://far:2375"
    assert found("[::1]").host == "tcp://[::1]:2375"
    assert found("far:1").host == "tcp://far:1"
    assert found("far", environment={"DOCKER_TLS_VERIFY": "1"}).host == "tcp://far:2376"
    assert found("/run/x.sock").host == "unix:///run/x.sock"
    assert found("ssh://me@far").host == "ssh://me@far"


def test_a_context_brings_its_certificates() -> None:
    place = found(context="far", files={META: FAR, f"{TLS}/ca.pem": "x"})
    assert place == Endpoint("tcp://far:2376", TLS, verifies=True, tls=True)


def test_the_environment_names_certificates_too() -> None:
    place = found("tcp://x:1", environment={"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"})
    assert (place.certificates, place.verifies, place.tls) == ("/certs", True, True)


def test_what_is_wrong_is_told_before_anybody_is_asked() -> None:
    with pytest.raises(UsageError, match="two engines"):
        found("tcp://x:1", "far")
    with pytest.raises(NotFoundError, match="no docker context far"):
        found(context="far")
    with pytest.raises(UsageError, match="no engine can be at"):
        found("gopher://x")
    with pytest.raises(InvalidFileError, match="names no engine"):
        found(context="far", files={META: "{}"})
    with pytest.raises(InvalidFileError, match="is not JSON"):
        found(context="far", files={META: "[" * 100_000})
