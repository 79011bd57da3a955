"""Values that can't be had are refused with their place before anything is made, or, where only an image or the machine tells, when it is made."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from tests.compose.loading import load
from whit.packer.support.errors import LaunchError, WhitError
from whit.runtime.compose.project import read_project
from whit.runtime.compose.values import check_values, named_in, telling

SERVICES = [
    ("image: Big/Name", "image", "'Big/Name' is not an image reference: a repository's name is in lower case"),
    ("platform: nosuch/x/y/z", "platform", "'nosuch/x/y/z' is not a platform"),
    ("working_dir: there", "working_dir", "'there' is no absolute path"),
    ("hostname: a b", "hostname", "'a b' is no host name"),
    ("stop_signal: SIGNONE", "stop_signal", "'SIGNONE' is no signal"),
    ("restart: sometimes", "restart", "'sometimes' is no policy"),
    ('mac_address: "zz:zz"', "mac_address", "'zz:zz' is not a MAC address"),
    ("pid: nobody", "pid", "there is no 'nobody'"),
    ("ipc: nobody", "ipc", "there is no 'nobody'"),
    ("x-sandbox: Strict", "x-sandbox", "there is no 'Strict'"),
    ("x-sandbox: true", "x-sandbox", "there is no 'True'"),
    ("x-sandbox: [strict]", "x-sandbox", "there is no '['strict']'"),
    ('x-sandbox: "strict,bind=99999"', "x-sandbox", "'99999' is no port"),
    ("uts: nobody", "uts", "there is no 'nobody'"),
    ("environment: [=x]", "environment.", "a variable has no name"),
    ("cap_add: [NET_ADMIN, NOSUCH]", "cap_add[1]", "'NOSUCH' is no capability"),
    ("cap_drop: [NOSUCH]", "cap_drop[0]", "'NOSUCH' is no capability"),
    ("dns: [1.1.1.1, one]", "dns[1]", "'one' is no address of a name server"),
    ('extra_hosts: ["a=b"]', "extra_hosts[0]", "'b' is not an address"),
    ("expose: [70000]", "expose[0]", "70000"),
    ('tmpfs: ["/t:what"]', "tmpfs[0]", "what"),
    ("storage_opt: {depth: 1}", "storage_opt.depth", "there is no option 'depth'"),
    ("ulimits: {files: 3}", "ulimits.files", "'files=3' is no resource limit"),
    ("cpus: -1", "cpus", "'-1' is no number of CPUs"),
    ("deploy: {resources: {limits: {cpus: '0.001'}}}", "deploy.resources.limits.cpus", "0.001 CPUs are too few"),
    ("mem_limit: 1k", "mem_limit", "a memory limit of 1024 is too small to start any program"),
    ("deploy: {resources: {limits: {memory: 1k}}}", "deploy.resources.limits.memory", "a memory limit of 1024 is too small"),
    ('volumes: ["/a:b"]', "volumes[0]", "'b' is no absolute path in the container"),
    ("volumes: [{type: bind, source: /a, target: /b, bind: {propagation: up}}]", "volumes[0]", "there is no propagation up"),
    ("logging: {driver: smoke}", "logging.driver", "there is no 'smoke'"),
    ("logging: {options: {max-file: many}}", "logging.options.max-file", "'max-file=many'"),
    ('healthcheck: {x-tcp: "70000"}', "healthcheck.x-tcp", "70000"),
    ("secrets: [{source: key, uid: me}]", "secrets[0]", "'me' is no number of a user or group"),
    ("networks: {default: {ipv4_address: one}}", "networks.default.ipv4_address", "'one' is not an IPv4 address"),
    ("networks: {default: {ipv6_address: one}}", "networks.default.ipv6_address", "'one' is not an IPv6 address"),
    ("networks: {default: {aliases: [a b]}}", "networks.default.aliases", "'a b' can't be a host's name"),
    ("networks: {own: {ipv4_address: 10.98.0.2}}", "networks.own.ipv4_address", "10.98.0.2 is not in the subnet of the network own, 10.99.0.0/24"),
]  # fmt: skip
TEXT = """
    services:
      web:
        {image}
        {line}
    secrets:
      key: {{file: ./key}}
    networks:
      own: {{ipam: {{config: [{{subnet: 10.99.0.0/24}}]}}}}
"""


def _told(text: str) -> str:
    """What is told of the first wrong value of a file."""
    found = load(text)
    project = read_project(found.configuration)
    with pytest.raises(WhitError) as caught:
        check_values(project, tuple(project.services), lambda path: f"{found.place(*path)}: ")
    assert caught.value.exit_code == 1
    assert "--" not in f"{caught.value.message} {caught.value.hint}"
    return caught.value.message


@pytest.mark.parametrize(("line", "key", "says"), SERVICES, ids=[key for _, key, _ in SERVICES])
def test_a_service_s_value_that_can_t_be_had_is_told_with_its_place(line: str, key: str, says: str) -> None:
    image = "init: true" if line.startswith("image") else "image: bb"
    message = _told(TEXT.format(image=image, line=line))
    place, _, rest = message.partition(": services.web.")
    assert PurePosixPath(place.partition(":")[0]).name == "compose.yaml"
    assert place.split(":")[1] == "5"
    assert int(place.split(":")[2]) >= len("    ") + 1
    assert rest.startswith(f"{key}: ")
    assert says in rest


@pytest.mark.parametrize(
    ("pool", "key", "says"),
    [
        ("subnet: 10.77.0.0/33", "subnet", "'10.77.0.0/33' does not appear to be an IPv4 or IPv6 network"),
        ("subnet: 10.77.0.1/24", "subnet", "10.77.0.1/24 has host bits set"),
        ("subnet: here", "subnet", "'here' does not appear to be an IPv4 or IPv6 network"),
        ("subnet: 10.77.0.0/24, gateway: 10.78.0.1", "gateway", "10.78.0.1 is not in the subnet, 10.77.0.0/24"),
        ("subnet: 10.77.0.0/24, gateway: door", "gateway", "'door' is no address"),
        ("subnet: 10.77.0.0/24, ip_range: 10.78.0.0/25", "ip_range", "10.78.0.0/25 is not a part of the subnet 10.77.0.0/24"),
        ('subnet: "fd00::/64", ip_range: 10.78.0.0/25', "ip_range", "10.78.0.0/25 is not a part of the subnet fd00::/64"),
    ],
)  # fmt: skip
def test_a_network_s_subnets_are_told_with_their_places(pool: str, key: str, says: str) -> None:
    text = f"""
        services: {{web: {{image: bb, networks: [own]}}}}
        networks:
          own: {{ipam: {{config: [{{{pool}}}]}}}}
    """
    message = _told(text)
    assert message.startswith("/srv/app/compose.yaml:4:")
    assert message.endswith(f"networks.own.ipam.config[0].{key}: {says}")


def test_a_volume_s_options_are_told_with_their_place() -> None:
    text = """
        services: {web: {image: bb, volumes: ["data:/data"]}}
        volumes:
          data: {driver_opts: {what: 1}}
    """
    assert "compose.yaml:4:" in _told(text)
    assert "volumes.data.driver_opts: there is no option 'what'" in _told(text)


def test_what_is_well_is_left_alone() -> None:
    found = load("""
        services:
          web:
            image: r.example:5000/a/b:1@sha256:0000000000000000000000000000000000000000000000000000000000000000
            environment: {A: , B: "", C: x=y}
            working_dir: ${NOTHING:-/}
            cap_drop: [ALL]
            pid: host
            ipc: shareable
            networks: {own: {ipv4_address: 10.99.0.9, ipv6_address: "fd00::9", aliases: [w]}}
            dns: ["::1", 1.1.1.1]
            extra_hosts: ["a=host-gateway", "b=[::1]"]
            healthcheck: {disable: true}
            restart: "on-failure:3"
            ulimits: {nofile: {soft: 10, hard: 20}, nproc: 5}
        networks:
          own: {ipam: {config: [{subnet: 10.99.0.0/24, gateway: 10.99.0.1, ip_range: 10.99.0.128/25}, {subnet: "fd00::/64"}]}}
    """)
    project = read_project(found.configuration)
    check_values(project, ("web",), lambda _: "")


def test_words_name_the_longest_value_that_stands_in_them() -> None:
    values = {
        "image": "bb",
        "user": "no",
        "ports": [{"published": "8080"}],
        "sysctls": {"kernel.x": "1"},
        "command": ["/bin/bb"],
    }
    assert named_in("port 8080 of the host is taken", values) == ("ports", 0, "published")
    assert named_in("linux.sysctl['kernel.x'] isn't supported", values) == ("sysctls", "kernel.x")
    assert named_in("the image has no user 'no'", values) == ("user",)
    assert named_in("port 80801, not nobody's, in /bin/bbb", values) == ()


def test_what_the_machine_refuses_keeps_its_kind_and_loses_the_command_line_s_words() -> None:
    with (
        pytest.raises(LaunchError, match=r"^f\.yaml: services\.web\.user: there is no 'me'$") as caught,
        telling(lambda _: "f.yaml: ", ("services", "web"), {"user": "me"}, is_file=False),
    ):
        raise LaunchError("--user: there is no 'me'", hint="see --user")
    assert caught.value.hint is None
