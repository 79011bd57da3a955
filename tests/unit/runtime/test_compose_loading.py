"""A Compose file as a whole: from its text to the canonical configuration."""

from __future__ import annotations

import pytest

from tests.compose.loading import load
from whit.runtime.compose.model import ComposeError

SMALL = """
    services:
      web:
        image: ${IMAGE:-web}:1
        ports: ["127.0.0.1:8080:80"]
        volumes: [./data:/data:ro, state:/state]
        depends_on: [db]
      db:
        image: db
    volumes:
      state:
"""


def test_a_small_file_is_written_out() -> None:
    found = load(SMALL)
    assert found.name == "app"
    assert found.configuration["networks"] == {"default": {"name": "app_default", "ipam": {}}}
    assert found.configuration["volumes"] == {"state": {"name": "app_state"}}
    assert found.configuration["services"]["web"] == {
        "command": None,
        "entrypoint": None,
        "image": "web:1",
        "depends_on": {"db": {"condition": "service_started", "required": True}},
        "networks": {"default": None},
        "ports": [
            {"mode": "ingress", "host_ip": "127.0.0.1", "target": 80, "published": "8080", "protocol": "tcp"},
        ],
        "volumes": [
            {"type": "bind", "source": "/srv/app/data", "target": "/data", "read_only": True, "bind": {}},
            {"type": "volume", "source": "state", "target": "/state", "volume": {}},
        ],
    }


def test_each_value_knows_its_place() -> None:
    found = load(SMALL)
    assert str(found.place("services", "web", "image")) == "/srv/app/compose.yaml:4:5"
    assert str(found.place("services", "web", "ports", 0, "target")) == "/srv/app/compose.yaml:5:13"
    assert str(found.place("services", "web", "nothing", "such")) == "/srv/app/compose.yaml:3:3"


def test_a_key_that_nobody_knows_is_told_with_its_place_and_the_nearest() -> None:
    with pytest.raises(ComposeError) as caught:
        load("services:\n  web:\n    image: i\n    prots: [80]\n")
    assert caught.value.message == "/srv/app/compose.yaml:4:5: there is no key 'prots' in services.web"
    assert caught.value.hint == "did you mean 'ports'?"
