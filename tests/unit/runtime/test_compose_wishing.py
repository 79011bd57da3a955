"""A service's keys → what is asked of the engine; what can't be is refused by its name and place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.runtime.compose_projects import project_of
from whit.packer.support.errors import UnsupportedError, UsageError
from whit.runtime.compose.keys import check_keys
from whit.runtime.compose.networking import check_scale
from whit.runtime.compose.wishing import Place, wishes_of
from whit.runtime.engine.model import MountKind, Policy

if TYPE_CHECKING:
    from whit.runtime.engine.creating import Wishes
    from whit.runtime.request import Words


def _asked(number: int = 1, kept: tuple[tuple[str, str], ...] = (), **values: Any) -> tuple[Words, Wishes]:
    project = project_of({"web": values, "db": {}}, volumes={"data": {"name": "p_data"}})
    place = Place("p-web-1", number, (("a", "b"),), lambda name: f"p-{name}-1", {("secrets", "key"): "/k"}, kept)
    return wishes_of(project, project.services["web"], place)


def _checked(**values: Any) -> tuple[str, ...]:
    project = project_of({"web": values})
    return check_keys(project, ("web",), lambda path: f"{'.'.join(map(str, path))}: ")


def test_an_entrypoint_of_several_words_stands_in_front_of_the_command() -> None:
    words, _ = _asked(entrypoint=["/a", "-b"], command=["c"])
    assert (words.entrypoint, words.arguments) == ("/a", ("--", "-b", "c"))
    assert _asked(entrypoint=[], command=["/c", "d"])[0].entrypoint == ""
    assert _asked(command=["--", "x"])[0].arguments == ("--", "--", "x")


def test_a_sandbox_is_a_service_s_too() -> None:
    values: dict[str, Any] = {"x-sandbox": "strict,bind=80"}
    assert _asked(**values)[0].sandbox == "strict,bind=80"
    assert _checked(**values) == ()


def test_a_variable_without_a_value_is_not_set() -> None:
    assert _asked(environment={"A": "1", "B": None, "C": ""})[0].env == ("A=1", "C=")


def test_limits_come_from_the_service_else_from_deploy() -> None:
    limits = {"resources": {"limits": {"cpus": "0.25", "memory": "1024", "pids": 9}}}
    words, _ = _asked(deploy=limits)
    assert (words.cpus, words.memory, words.pids_limit) == ("0.25", "1024", "9")
    assert _asked(deploy=limits, cpus=2.0, mem_limit="5")[0].cpus == "2"
    assert _asked(pids_limit=-1)[0].pids_limit == "max"


def test_networks_are_in_the_order_of_their_priorities_and_bring_the_service_s_name() -> None:
    project = project_of(
        {"web": {"networks": {"a": None, "b": {"priority": 5, "aliases": ["x"]}}}},
        networks={"a": {}, "b": {"name": "bb"}},
    )
    place = Place("p-web-1", 1, (), str, {})
    _, wishes = wishes_of(project, project.services["web"], place)
    assert [(one.network, one.aliases) for one in wishes.networks] == [("bb", ("web", "x")), ("p_a", ("web",))]


@pytest.mark.parametrize(("mode", "asked"), [("host", "host"), ("none", "none"), ("service:db", "container:p-db-1")])
def test_what_a_service_has_instead_of_networks(mode: str, asked: str) -> None:
    assert _asked(network_mode=mode)[1].network == asked


def test_a_port_of_a_range_belongs_to_each_container_by_its_number() -> None:
    ports = [{"target": 80, "published": "8080-8082", "protocol": "tcp", "mode": "ingress"}]
    assert [str(_asked(number, ports=ports)[1].ports[0].host_port) for number in (1, 2, 3)] == ["8080", "8081", "8082"]


def test_mounts_are_binds_volumes_and_file_systems_in_memory() -> None:
    _, wishes = _asked(
        volumes=[
            {"type": "bind", "source": "/s", "target": "/b", "read_only": True, "bind": {"propagation": "rslave"}},
            {"type": "volume", "source": "data", "target": "/v", "volume": {"nocopy": True}},
            {"type": "tmpfs", "target": "/t", "tmpfs": {"size": 4096, "mode": 0o700}},
        ],
        tmpfs=["/u:size=1m"],
    )
    bind, volume, memory, other = wishes.mounts
    assert (bind.kind, bind.source, bind.read_only, bind.options) == (MountKind.BIND, "/s", True, ("rslave",))
    assert (volume.kind, volume.source, volume.copies) == (MountKind.VOLUME, "p_data", False)
    assert "size=4096" in memory.options
    assert "mode=700" in memory.options
    assert other.target == "/u"


def test_volumes_without_a_name_are_those_of_the_container_before() -> None:
    _, wishes = _asked(kept=(("/x", "old"), ("/image", "older")), volumes=[{"type": "volume", "target": "/x"}])
    assert [(one.target, one.source) for one in wishes.mounts] == [("/x", "old"), ("/image", "older")]


def test_health_restart_and_stopping() -> None:
    _, wishes = _asked(
        healthcheck={"test": ["CMD-SHELL", "[ -e /x ]"], "interval": "5s", "retries": 2},
        restart="on-failure:3", stop_grace_period="1m30s", stop_signal="SIGINT",
    )  # fmt: skip
    assert wishes.health.cmd == '["/bin/sh", "-c", "[ -e /x ]"]'
    assert (wishes.restart.policy, wishes.restart.most) == (Policy.ON_FAILURE, 3)
    assert (wishes.stop_seconds, wishes.stop_signal) == (90, 2)
    assert _asked(healthcheck={"disable": True})[1].health.off
    assert _asked(healthcheck={"x-http": ":80/h"})[1].health.http == ":80/h"


@pytest.mark.parametrize("key", ["gpus", "oom_kill_disable", "userns_mode", "credential_spec", "provider", "nonsense"])
def test_a_key_that_is_not_honoured_is_refused_by_its_name(key: str) -> None:
    with pytest.raises(UnsupportedError, match=rf"services\.web\.{key}: services\.web: whit can't do '{key}'"):
        _checked(**{key: "x"})


def test_what_is_for_several_hosts_is_told_of_and_extensions_are_nobody_s_business() -> None:
    notes = _checked(
        **{"deploy": {"placement": {"constraints": ["a"]}, "update_config": {"parallelism": 1}}, "x-own": 1}
    )
    assert ["placement" in notes[0], "update_config" in notes[1], len(notes)] == [True, True, 2]


def test_more_containers_than_ports_names_or_addresses_are_refused() -> None:
    port = {"target": 80, "published": "80"}
    for values in ({"ports": [port]}, {"container_name": "x"}, {"networks": {"default": {"ipv4_address": "10.0.0.2"}}}):
        project = project_of({"web": values})
        with pytest.raises(UsageError):
            check_scale(project.services["web"], 2)
        check_scale(project.services["web"], 1)
