"""What a project as a whole must be: what services speak of is there, and what they say fits together."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compose.loading import load, service
from whit.packer.support.errors import NotFoundError, UsageError
from whit.runtime.compose.model import ComposeError


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("depends_on: [dbb]", "4:18", "there is no service 'dbb'"),
        ("depends_on: {off: {condition: service_started}}", "4:18", "the service 'off' is off"),
        ("networks: [m]", "4:16", "there is no network 'm'"),
        ("volumes: ['none:/x']", "4:15", "there is no volume 'none'"),
        ("secrets: [none]", "4:15", "there is no secret 'none'"),
        ("configs: [{source: none}]", "4:15", "there is no config 'none'"),
        ("models: [none]", "4:14", "there is no model 'none'"),
        ("build: {context: ., secrets: [none]}", "4:35", "there is no secret 'none'"),
        ("build: {dockerfile: D, dockerfile_inline: FROM x}", "4:5", "both 'dockerfile' and 'dockerfile_inline'"),
        ("build: {additional_contexts: {x: 'service:none'}}", "4:35", "there is no service 'none'"),
        ("build: {additional_contexts: {x: 'service:db'}}", "4:35", "the service 'db' isn't built"),
        ("{platform: p, build: {platforms: [q]}}", "3:23", "platform p isn't among these"),
        ("network_mode: host\n    networks: [n]", "4:5", "either 'network_mode' or 'networks'"),
        ("network_mode: 'service:none'", "4:5", "there is no service 'none'"),
        ("healthcheck: {test: [curl]}", "4:19", "begins with CMD, CMD-SHELL or NONE"),
        ("scale: 2\n    deploy: {replicas: 3}", "4:5", "say different things"),
        ("scale: 2\n    container_name: box", "5:5", "2 containers can't have one name"),
        ("scale: -1", "4:5", "there can't be -1 containers"),
        ("cpus: 1\n    deploy: {resources: {limits: {cpus: '2'}}}", "4:5", "say different things"),
        ("tmpfs: [/a]\n    volumes: ['vol:/a']", "5:15", "/a is mounted twice: by tmpfs[0] too"),
        ("container_name: taken", "4:5", "is taken by the service"),
        ("develop: {watch: [{path: ., action: sync}]}", "4:23", "'sync' needs 'target'"),
        ("gpus: [{count: 1, device_ids: [a]}]", "4:20", "both 'count' and 'device_ids'"),
    ],
)
def test_a_service_that_doesnt_fit(text: str, place: str, message: str) -> None:
    own = text if not text.startswith("{") else text[1:-1].replace(", build", "\n    build")
    with pytest.raises(ComposeError) as caught:
        load(
            f"services:\n  web:\n    image: i\n    {own}\n"
            "  db: {image: d, container_name: taken}\n  off: {image: o, profiles: [p]}\n"
            "networks: {n: null}\nvolumes: {vol: null}\n"
        )
    assert message in caught.value.message
    if not text.startswith("{"):
        assert caught.value.message.startswith(f"/srv/app/compose.yaml:{place}: ") or "taken by" in message


def test_a_cycle_is_told_with_its_way() -> None:
    with pytest.raises(ComposeError, match="services depend on each other: a → b → c → a"):
        load(
            "services: {a: {image: i, depends_on: [b]}, b: {image: i, depends_on: [c]}, c: {image: i, depends_on: [a]}}"
        )


def test_a_long_chain_is_no_cycle() -> None:
    chain = ", ".join(f"s{n}: {{image: i, depends_on: [s{n + 1}]}}" for n in range(3000))
    assert len(load(f"services: {{{chain}, s3000: {{image: i}}}}").configuration["services"]) == 3001


def test_what_is_off_may_be_wrong_in_what_it_speaks_of() -> None:
    found = load("services: {a: {image: i}, b: {profiles: [x], depends_on: [none]}}")
    assert list(found.configuration["services"]) == ["a"]
    assert list(found.disabled) == ["b"]


def test_a_dependency_that_isnt_required_may_be_off() -> None:
    text = "services: {a: {image: i, depends_on: {b: {condition: service_started, required: false}}}, b: {image: i, profiles: [x]}}"
    assert list(load(text).configuration["services"]) == ["a"]


@pytest.mark.parametrize(
    ("profiles", "names"),
    [((), ["a"]), (("x",), ["a", "b"]), (("y",), ["a", "b", "c"]), (("*",), ["a", "b", "c"]), (("z",), ["a"])],
)
def test_profiles_turn_services_on(profiles: tuple[str, ...], names: list[str]) -> None:
    text = "services: {a: {image: i}, b: {image: i, profiles: [x, y]}, c: {image: i, profiles: [y]}}"
    assert list(load(text, profiles=profiles).configuration["services"]) == names


def test_a_service_that_is_named_is_on_with_what_it_needs() -> None:
    text = "services: {a: {image: i}, b: {image: i, profiles: [x], depends_on: [a]}, c: {image: i}}"
    assert list(load(text, services=("b",)).configuration["services"]) == ["a", "b"]
    with pytest.raises(NotFoundError, match="there is no service 'd'"):
        load(text, services=("d",))


def test_what_no_service_uses_is_left_out_unless_it_is_asked_for() -> None:
    text = "services: {a: {image: i, volumes: ['one:/v']}}\nvolumes: {one: null, two: null}\nnetworks: {n: null}\n"
    assert list(load(text, all_resources=False).configuration["volumes"]) == ["one"]
    assert list(load(text).configuration["volumes"]) == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services: []", "services must be a mapping, and is a list"),
        ("services: {a: null}", "services.a must be a mapping, and is empty"),
        ("services: {'a b': {image: i}}", "'a b' can't be a name in services"),
        ("- a", "a Compose file is a mapping, and this is a list"),
        ("", "there is nothing in it"),
        ("srvices: {}", "there is no key 'srvices' at the top"),
        ("services: {a: {image: 1}}", "services.a.image must be a text, and is a number"),
        ("services: {a: {image: i, restart: no}}", ""),
        ("services: {a: {image: i, privileged: maybe}}", "services.a.privileged must be a boolean"),
        ("services: {a: {image: i, ports: {a: b}}}", "services.a.ports must be a list, and is a mapping"),
        ("services: {a: {image: i, mem_limit: lots}}", "services.a.mem_limit must be a size, and is 'lots'"),
        ("services: {a: {image: i, stop_grace_period: 10}}", "must be a duration, and is a number"),
        ("services: {a: {image: i, stop_grace_period: '10'}}", "must be a duration, and is '10'"),
        ("services: {a: {image: i, scale: 1.5x}}", "must be a whole number"),
        ("services: {a: {image: i, env_file: ''}}", "services.a.env_file[0].path is empty"),
        ("services: {a: {image: i, mem_limit: 1.5}}", "services.a.mem_limit is 1.5 bytes"),
        ("services: {a: {image: i, cpu_shares: 1.5}}", "services.a.cpu_shares must be a whole number, and is 1.5"),
        ("services: {a: {image: i, cpus: x}}", "must be a number"),
        ("services: {a: {image: i, oom_score_adj: 2000}}", "can't be 2000"),
        ("services: {a: {image: i, pull_policy: sometimes}}", "can't be 'sometimes'"),
        ("services: {a: {image: i, depends_on: {b: {}}}}", "services.a.depends_on.b needs 'condition'"),
        ("services: {a: {image: i, depends_on: {b: {condition: healthy}}}}", "can't be 'healthy'"),
        ("services: {a: {image: i, volumes: [{target: /x}]}}", "services.a.volumes[0] needs 'type'"),
        ("services: {a: {image: i, volumes: [{type: bind, target: /x}]}}", "a bind mount needs 'source'"),
        ("services: {a: {image: i, group_add: [x, x]}}", "services.a.group_add[1] stands in the list twice"),
        ("services: {a: {image: i, environment: ['A =1']}}", "the name 'A ' ends with a space"),
        (
            "services: {a: {image: i, environment: {A: [1]}}}",
            "services.a.environment.A must be a text, a number or a boolean",
        ),
        ("services: {a: {image: i, extra_hosts: [x]}}", "'x' has no address"),
        ('services: {a: {image: i, command: "a \'b"}}', "a quotation or a parenthesis isn't closed"),
        ("services: {a: {image: i}}\nsecrets: {s: {}}", "secrets.s says nowhere what is in it"),
        ("services: {a: {image: i}}\nsecrets: {s: {file: a, environment: B}}", "has both 'file' and 'environment'"),
        ("services: {a: {image: i}}\nvolumes: {v: {external: true, driver: d}}", "volumes.v is external"),
        (
            "services: {a: {image: i}}\njobs: {a: {image: i, triggers: {manual: true}}}",
            "'a' is both a service and a job",
        ),
        ("services: {a: {hostname: h}}", "the service 'a' has neither 'image' nor 'build'"),
    ],
)
def test_what_is_of_the_wrong_kind(text: str, message: str) -> None:
    if not message:
        load(text)
        return
    with pytest.raises(ComposeError) as caught:
        load(text)
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.message.startswith("/srv/app/compose.yaml")


def test_nearest_names_are_hinted_at() -> None:
    with pytest.raises(ComposeError) as caught:
        service("depends_on: {db: {condition: service_health}}")
    assert caught.value.hint == "did you mean 'service_healthy'?"


@pytest.mark.parametrize(
    ("text", "wishes", "name"),
    [
        ("name: in-file\n", {}, "in-file"),
        ("name: In File!\n", {}, "infile"),
        ("name: ${N:-x}\n", {"environment": {"N": "set"}}, "set"),
        ("", {}, "app"),
        ("name: in-file\n", {"name": "given"}, "given"),
    ],
)
def test_the_projects_name(text: str, wishes: dict[str, Any], name: str) -> None:
    found = load(text + "services: {a: {image: 'i:$COMPOSE_PROJECT_NAME'}}\nvolumes: {v: null}\n", **wishes)
    assert found.name == name
    assert found.configuration["services"]["a"]["image"] == f"i:{name}"
    assert found.configuration["volumes"]["v"]["name"] == f"{name}_v"


def test_a_name_from_outside_must_be_one() -> None:
    with pytest.raises(UsageError, match="'Not Good' can't be a project's name"):
        load("services: {a: {image: i}}", name="Not Good")


def test_what_a_variable_holds_is_beside_the_configuration_and_never_in_it() -> None:
    found = load(
        "services: {a: {image: i, secrets: [s], configs: [c]}}\nsecrets: {s: {environment: S}}\nconfigs: {c: {environment: C}}",
        environment={"S": "hidden", "C": "shown"},
    )
    assert found.contents == {("secrets", "s"): "hidden", ("configs", "c"): "shown"}
    assert "hidden" not in str(found.configuration)


def test_implied_dependencies() -> None:
    found = service(
        "links: ['db:d']\nnetwork_mode: 'service:net'\nvolumes_from: ['files:ro', 'container:x']", check=False
    )
    assert {name: (one.get("restart", False), one["required"]) for name, one in found["depends_on"].items()} == {
        "db": (True, True),
        "net": (True, True),
        "files": (False, True),
    }


def test_containers_before_a_service_begin_with_what_it_has_but_for_its_mounts() -> None:
    found = service(
        "user: me\nvolumes: ['./a:/a']\nenvironment: {A: 1}\npre_start: [{command: [x], environment: {B: 2}}]"
    )
    (hook,) = found["pre_start"]
    assert (hook["image"], hook["user"], hook["environment"]) == ("i", "me", {"A": "1", "B": "2"})
    assert "volumes" not in hook


def test_a_service_that_is_on_since_it_is_named_is_checked_too() -> None:
    text = "services: {a: {image: i}, b: {image: i, profiles: [x], networks: [none]}}"
    assert list(load(text).disabled) == ["b"]
    with pytest.raises(ComposeError, match="there is no network 'none'"):
        load(text, services=("b",))
