"""A Compose file → a stack file: what is kept, what is another there and told, what is refused."""

from __future__ import annotations

import pytest

from tests.unit.runtime.swarm_stacks import read, service, stack
from whit.packer.support.errors import UnsupportedError
from whit.runtime.scaleout.swarm.contents import versioned_names
from whit.runtime.scaleout.swarm.words import CHANGED, KEPT, LEFT_OUT, REFUSED, SILENT


def notes(text: str, **wish: object) -> str:
    """What is told of a service ``web``."""
    lines = "".join(f"    {line}\n" for line in text.strip().splitlines())
    return "\n".join(stack(f"services:\n  web:\n    image: i\n{lines}", **wish).notes)


def test_limits_of_either_form_come_to_be_deploy_s_and_that_is_told_with_the_place() -> None:
    text = "cpus: 0.5\nmem_limit: 64m\npids_limit: 7\nmem_reservation: 1m"
    assert service(text)["deploy"]["resources"] == {
        "limits": {"cpus": "0.5", "memory": "67108864", "pids": 7},
        "reservations": {"memory": "1048576"},
    }
    assert "/srv/app/compose.yaml:4:5: services.web.cpus: now deploy.resources.limits.cpus" in notes(text)


@pytest.mark.parametrize(
    ("restart", "policy"),
    [
        ('"no"', {"condition": "none"}),
        ("always", {"condition": "any"}),
        ("unless-stopped", {"condition": "any"}),
        ("on-failure", {"condition": "on-failure"}),
        ("on-failure:3", {"condition": "on-failure", "max_attempts": 3}),
    ],
)
def test_restart_comes_to_be_a_policy(restart: str, policy: dict[str, object]) -> None:
    assert service(f"restart: {restart}")["deploy"]["restart_policy"] == policy


def test_a_policy_that_the_file_has_already_counts() -> None:
    found = service("restart: always\ndeploy: {restart_policy: {condition: on-failure}}")
    assert found["deploy"]["restart_policy"] == {"condition": "on-failure"}


def test_a_service_that_others_wait_for_the_end_of_is_a_job() -> None:
    found = stack("""
    services:
      web: {image: i, depends_on: {migrate: {condition: service_completed_successfully}}}
      migrate: {image: m, restart: on-failure, deploy: {update_config: {delay: 1s}}}
    """)
    deploy = found.configuration["services"]["migrate"]["deploy"]
    assert deploy == {"mode": "replicated-job", "restart_policy": {"condition": "on-failure"}}
    assert "depends_on" not in found.configuration["services"]["web"]
    assert any("others wait for its end" in note for note in found.notes)
    assert any("depends_on: left out" in note for note in found.notes)


def test_a_platform_comes_to_be_what_is_asked_of_nodes() -> None:
    text = "platform: linux/arm64\ndeploy: {placement: {constraints: [node.role==worker]}}"
    assert service(text)["deploy"]["placement"]["constraints"] == [
        "node.role==worker",
        "node.platform.os==linux",
        "node.platform.arch==aarch64",
    ]


def test_tmpfs_and_shared_memory_come_to_be_mounts() -> None:
    assert service("tmpfs: ['/run:size=1m,mode=0700', /tmp]\nshm_size: 2m")["volumes"] == [
        {"type": "tmpfs", "target": "/run", "tmpfs": {"size": 1 << 20, "mode": 0o700}},
        {"type": "tmpfs", "target": "/tmp"},
        {"type": "tmpfs", "target": "/dev/shm", "tmpfs": {"size": 2 << 20, "mode": 0o1777}},
    ]
    with pytest.raises(UnsupportedError):
        service("tmpfs: '/run:uid=5'")


def test_hosts_and_environments_are_written_as_stack_files_have_them() -> None:
    found = service("extra_hosts: ['a=1.2.3.4', 'b=::1']\nenvironment: {A: 1, B: }")
    assert found["extra_hosts"] == ["a:1.2.3.4", "b:::1"]
    assert found["environment"] == {"A": "1"}


def test_templates_are_told_of_as_compose_has_none() -> None:
    assert "services.web.environment.A: Swarm fills in" in notes("environment: {A: '{{.Node.ID}}', B: x}")


def test_ports_are_numbers_and_it_is_told_that_they_are_open_everywhere() -> None:
    assert service("ports: ['8080:80', '53:53/udp']")["ports"] == [
        {"target": 80, "protocol": "tcp", "published": 8080, "mode": "ingress"},
        {"target": 53, "protocol": "udp", "published": 53, "mode": "ingress"},
    ]
    assert "8080 is open at all addresses of the nodes" in notes("ports: ['8080:80']")


def test_a_port_of_one_address_is_refused_as_swarm_would_open_it_everywhere() -> None:
    with pytest.raises(UnsupportedError) as caught:
        service("ports: ['127.0.0.1:8080:80']")
    assert "compose.yaml:4:13: services.web.ports[0]" in caught.value.message
    assert "take 127.0.0.1 out" in str(caught.value.hint)


def test_without_ip_vs_services_are_found_by_dns_and_ports_are_the_nodes_own() -> None:
    text = "ports: ['8080:80']\ndeploy: {update_config: {order: start-first}}"
    found = service(text, has_ipvs=False)
    assert found["deploy"] == {"endpoint_mode": "dnsrr", "update_config": {"order": "stop-first"}}
    assert found["ports"][0]["mode"] == "host"
    told = notes(text, has_ipvs=False)
    assert "now dnsrr, as the kernel has no IP_VS" in told
    assert "now of mode host" in told
    assert "now stop-first" in told


def test_networks_are_overlays_and_other_drivers_are_told_of() -> None:
    found = stack("""
    services: {web: {image: i, networks: {back: {aliases: [w]}, out: }}}
    networks:
      back: {driver: bridge, internal: true, ipam: {config: [{subnet: 10.9.0.0/24, gateway: 10.9.0.1}]}}
      out: {external: true, name: shared}
    """)
    assert found.configuration["networks"] == {
        "back": {
            "name": "shop_back",
            "driver": "overlay",
            "internal": True,
            "ipam": {"config": [{"subnet": "10.9.0.0/24"}]},
        },
        "out": {"name": "shared", "external": True},
    }
    assert found.configuration["services"]["web"]["networks"] == {"back": {"aliases": ["w"]}, "out": None}
    assert any("bridge is of one node" in note for note in found.notes)


def test_the_host_s_network_is_one_that_each_node_has() -> None:
    found = stack("services: {web: {image: i, network_mode: host}}", has_ipvs=False)
    assert found.configuration["services"]["web"]["networks"] == {"host": None}
    assert found.configuration["networks"]["host"] == {"name": "host", "external": True}
    assert "deploy" not in found.configuration["services"]["web"]


@pytest.mark.parametrize(
    "line",
    [
        "privileged: true",
        "devices: [/dev/fuse]",
        "network_mode: service:web2",
        "volumes_from: [web2]",
        "cgroup_parent: /x",
        "security_opt: ['label:disable']",
        "group_add: [5]",
        "links: ['web2:other']",
        "networks: {default: {ipv4_address: 10.0.0.5}}",
        "post_start: [{command: /x}]",
        "volumes: [{type: volume, source: v, target: /v, volume: {subpath: x}}]",
        "ports: [{target: 80, published: '8080-8081'}]",
    ],
)
def test_what_swarm_has_nothing_like_is_refused_by_its_name_and_place(line: str) -> None:
    text = f"services:\n  web:\n    image: i\n    {line}\n  web2: {{image: i}}\nvolumes: {{v: }}\n"
    with pytest.raises(UnsupportedError) as caught:
        stack(text)
    assert caught.value.message.startswith("/srv/app/compose.yaml:4:")
    assert f"services.web.{line.partition(':')[0]}" in caught.value.message
    assert caught.value.hint


def test_no_key_is_in_two_tables() -> None:
    tables = [KEPT, CHANGED, SILENT, frozenset(LEFT_OUT), frozenset(REFUSED)]
    assert len(frozenset.union(*tables)) == sum(map(len, tables))


def test_secrets_and_configs_have_names_that_change_with_what_is_in_them() -> None:
    text = """
    services: {web: {image: i, secrets: [{source: key, mode: 0400}], configs: [text]}}
    secrets: {key: {file: ./key}}
    configs: {text: {content: hello}, own: {external: true, name: theirs}}
    """
    project, _ = read(text)
    one = versioned_names(project, {("secrets", "key"): b"1", ("configs", "text"): b"hello"})
    two = versioned_names(project, {("secrets", "key"): b"2", ("configs", "text"): b"hello"})
    assert one["configs", "text"] == two["configs", "text"] == "shop_text-2cf24dba5fb0"
    assert one["secrets", "key"] != two["secrets", "key"]
    found = stack(text, names=one, exports=True)
    assert found.configuration["secrets"] == {"key": {"name": one["secrets", "key"], "file": "/srv/app/key"}}
    assert found.configuration["configs"]["text"] == {"name": "shop_text-2cf24dba5fb0", "external": True}
    assert found.configuration["configs"]["own"] == {"name": "theirs", "external": True}
    assert found.configuration["services"]["web"]["secrets"][0]["mode"] == 0o400
    assert any("'whit stack deploy' makes shop_text-2cf24dba5fb0" in note for note in found.notes)
