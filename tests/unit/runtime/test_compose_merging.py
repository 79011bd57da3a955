"""Several files over one another: each kind of key by its own rule, and what ``!reset`` and ``!override`` do."""

from __future__ import annotations

import pytest

from tests.compose.loading import load, service
from whit.runtime.compose.model import ComposeError


@pytest.mark.parametrize(
    ("key", "base", "over", "merged"),
    [
        ("hostname", "a", "b", "b"),
        ("command", "[a, b]", "[c]", ["c"]),
        ("command", "[a, b]", "null", None),
        ("entrypoint", "a", "b c", ["b", "c"]),
        ("cap_add", "[A, B]", "[B, C]", ["A", "B", "C"]),
        ("dns", "1.1.1.1", "[2.2.2.2]", ["1.1.1.1", "2.2.2.2"]),
        ("environment", "{A: 1, B: 1}", "[B=2, C]", {"A": "1", "B": "2", "C": None}),
        ("labels", "[a=1]", "{a: 2, b: null}", {"a": "2", "b": ""}),
        ("tmpfs", "/a", "[/b, /a]", ["/a", "/b"]),
        ("extra_hosts", "[a=1.1.1.1]", "{a: 2.2.2.2, b: 3.3.3.3}", ["a=1.1.1.1", "a=2.2.2.2", "b=3.3.3.3"]),
        ("expose", "['80']", "[80, 81]", ["80", "81"]),
        ("ulimits", "{a: 1, b: {soft: 1, hard: 2}}", "{b: 3}", {"a": 1, "b": 3}),
        ("networks", "[n]", "{n: {aliases: [x]}, m: null}", {"n": {"aliases": ["x"]}, "m": None}),
        ("sysctls", "{a: 1}", "[a=2]", {"a": "2"}),
        ("security_opt", "[a]", "[a, b]", ["a", "b"]),
    ],
)
def test_a_key_of_two_files(key: str, base: str, over: str, merged: object) -> None:
    assert service(f"{key}: {base}", f"{key}: {over}", check=False)[key] == merged


def test_ports_and_mounts_are_merged_by_what_they_are_for() -> None:
    found = service(
        "ports: ['80:80', '81:81']\nvolumes: ['./a:/a', 'b:/b']",
        "ports: [{target: 80, published: '80', app_protocol: http}, '82:82']\nvolumes: ['./other:/a:ro']",
        check=False,
    )
    assert [one["published"] for one in found["ports"]] == ["80", "81", "82"]
    assert found["ports"][0]["app_protocol"] == "http"
    assert [(one["source"], one["target"]) for one in found["volumes"]] == [("/srv/app/other", "/a"), ("b", "/b")]


def test_dependencies_of_both_hold() -> None:
    found = service(
        "depends_on: [a, b]",
        "depends_on: {b: {condition: service_healthy}, c: {condition: service_started}}",
        check=False,
    )
    conditions = {name: one["condition"] for name, one in found["depends_on"].items()}
    assert conditions == {"a": "service_started", "b": "service_healthy", "c": "service_started"}


def test_options_of_logging_are_merged_for_one_driver_only() -> None:
    assert service("logging: {driver: a, options: {x: 1}}", "logging: {options: {y: 2}}")["logging"] == {
        "driver": "a",
        "options": {"x": "1", "y": "2"},
    }
    assert service("logging: {driver: a, options: {x: 1}}", "logging: {driver: b}")["logging"] == {"driver": "b"}


def test_a_build_may_be_short_in_one_file_and_long_in_the_other() -> None:
    found = service("build: ./web", "build: {args: {A: 1}}")["build"]
    assert found == {"context": "/srv/app/web", "dockerfile": "Dockerfile", "args": {"A": "1"}}


def test_deep_mappings_are_merged_key_by_key() -> None:
    found = service(
        "deploy: {replicas: 2, resources: {limits: {cpus: '1', memory: 1g}}}",
        "deploy: {resources: {limits: {memory: 2g}}}",
    )
    assert found["deploy"]["replicas"] == 2
    assert found["deploy"]["resources"]["limits"] == {"cpus": 1, "memory": "2147483648"}


def test_what_is_empty_in_a_later_file_leaves_what_was_there() -> None:
    assert service("hostname: a\ndeploy: {replicas: 1}", "hostname:\ndeploy:")["hostname"] == "a"


def test_reset_takes_away_and_override_replaces() -> None:
    found = service(
        "hostname: a\nports: ['80:80']\nenvironment: {A: 1, B: 1}\nvolumes: ['./a:/a']\nlabels: {x: y}",
        "hostname: !reset null\nports: !override ['90:90']\nenvironment: {A: !reset null, C: 1}\nvolumes: !reset []",
    )
    assert "hostname" not in found
    assert [one["published"] for one in found["ports"]] == ["90"]
    assert found["environment"] == {"B": "1", "C": "1"}
    assert "volumes" not in found
    assert found["labels"] == {"x": "y"}


def test_a_service_may_be_reset() -> None:
    found = load("services: {a: {image: a}, b: {image: b}}", "services: {b: !reset null}")
    assert list(found.configuration["services"]) == ["a"]


def test_pools_of_one_subnet_are_one() -> None:
    found = load(
        "services: {a: {image: a, networks: [n]}}\nnetworks: {n: {ipam: {config: [{subnet: 10.0.0.0/8}, {subnet: fd00::/64}]}}}",
        "networks: {n: {ipam: {config: [{subnet: fd00::/64, gateway: 'fd00::1'}]}}}",
    )
    pools = found.configuration["networks"]["n"]["ipam"]["config"]
    assert pools == [{"subnet": "10.0.0.0/8"}, {"subnet": "fd00::/64", "gateway": "fd00::1"}]


def test_a_mapping_over_a_list_is_told_with_both_places() -> None:
    with pytest.raises(ComposeError) as caught:
        service("cap_add: [a]", "cap_add: {a: b}")
    assert caught.value.message == (
        "/srv/app/1compose.yaml:4:14: services.web.cap_add is a mapping here, and a list in /srv/app/compose.yaml:4:5"
    )


def test_a_mistake_in_the_later_file_has_its_place() -> None:
    with pytest.raises(ComposeError, match=r"/srv/app/1compose.yaml:4:5: there is no key 'imge'"):
        service("hostname: a", "imge: b")


def test_documents_of_one_file_are_merged_as_files_are() -> None:
    found = load("services: {a: {image: a, ports: ['80']}}\n---\nservices: {a: {ports: ['81']}, b: {image: b}}\n")
    assert [one["target"] for one in found.configuration["services"]["a"]["ports"]] == [80, 81]
