"""``whit network`` and ``-p`` beside docker's own: the same words mean the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.engines import write_image
from whit.runtime.engine.networks.ports import LOCAL, parse_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.dockerd import Dockerd

pytestmark = [pytest.mark.root, pytest.mark.peer("dockerd", "docker", "busybox-static")]

WORDS = (
    ("--subnet", "10.88.0.0/16", "one"),
    ("--subnet", "10.89.0.0/16", "--gateway", "10.89.0.9", "--ip-range", "10.89.1.0/24", "--internal", "two"),
    ("--ipv6", "--subnet", "10.90.0.0/24", "--subnet", "fd00:90::/64", "--label", "a=b", "--label", "c", "three"),
    ("--subnet", "10.91.0.0/24", "-o", "com.docker.network.driver.mtu=1400", "four"),
)
SAME = (
    "Name",
    "Scope",
    "Driver",
    "EnableIPv6",
    "Internal",
    "Ingress",
    "ConfigOnly",
    "ConfigFrom",
    "Containers",
    "Options",
)


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words[-1])
def test_a_network_that_the_same_words_make_is_shown_alike(
    dockerd: Dockerd, run_whit: RunWhit, words: tuple[str, ...]
) -> None:
    name = words[-1]
    theirs = dockerd.docker("network", "create", *words).stdout
    try:
        done = run_whit("network", "create", *words)
        assert (done.returncode, len(done.stdout)) == (0, len(theirs)), done.stderr

        [page] = json.loads(run_whit("network", "inspect", name).stdout)
        [peer] = json.loads(dockerd.docker("network", "inspect", name).stdout)

        assert {key: page[key] for key in SAME} == {key: peer[key] for key in SAME}
        assert page["Labels"] == peer["Labels"]
        assert page["IPAM"]["Driver"] == peer["IPAM"]["Driver"]
        # docker names no gateway of IPv6 unless it is told one
        assert [{**one, "Gateway": ""} for one in page["IPAM"]["Config"]] == [
            {**one, "Gateway": ""} for one in peer["IPAM"]["Config"]
        ]
        assert page["IPAM"]["Config"][0]["Gateway"] == peer["IPAM"]["Config"][0].get(
            "Gateway", page["IPAM"]["Config"][0]["Gateway"]
        )
    finally:
        dockerd.docker("network", "rm", name)


def test_networks_are_listed_alike(dockerd: Dockerd, run_whit: RunWhit) -> None:
    form = "{{.Name}} {{.Driver}} {{.Scope}} {{.IPv6}} {{.Internal}} {{.Labels}}"

    ours, theirs = run_whit("network", "ls"), dockerd.docker("network", "ls")
    assert ours.stdout.splitlines()[0] == theirs.stdout.splitlines()[0]
    assert (
        run_whit("network", "list", "--format", form).stdout == dockerd.docker("network", "ls", "--format", form).stdout
    )


@pytest.fixture(scope="module")
def image(dockerd: Dockerd, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with busybox, in docker's store."""
    archive: Path = tmp_path_factory.mktemp("image") / "image.tar"
    write_image(archive)
    return dockerd.docker("import", archive, "networks:test").stdout.strip()


@pytest.mark.parametrize(
    "text",
    ["80", "8080:80", "0:80", ":80", "0.0.0.0:8080:80", "0.0.0.0::80", "53:53/udp", "53:53/UDP", "[::1]:8080:80",
     "80-82", "8080-8082:80-82/udp", "127.0.0.1:8080-8081:80-81"],
)  # fmt: skip
def test_a_port_is_read_as_docker_reads_it(dockerd: Dockerd, image: str, text: str) -> None:
    container = dockerd.docker("create", "-p", text, image, "true").stdout.strip()
    try:
        [page] = json.loads(dockerd.docker("inspect", container).stdout)
    finally:
        dockerd.docker("rm", container)
    theirs: dict[str, list[dict[str, Any]]] = page["HostConfig"]["PortBindings"]

    ours = {
        f"{port.container_port}/{port.protocol.value}": (port.host_address, port.host_port) for port in parse_port(text)
    }

    assert ours == {
        inside: (bound[0]["HostIp"] or LOCAL, int(bound[0]["HostPort"] or 0)) for inside, bound in theirs.items()
    }


@pytest.mark.parametrize("text", ["", "http", "80/x", "81-80", "1-3:80-81", "localhost:80:80", "65536", "1.2.3:80:80"])
def test_what_docker_refuses_to_publish_is_refused(dockerd: Dockerd, image: str, text: str) -> None:
    from whit.packer.errors import UsageError  # noqa: PLC0415

    assert dockerd.docker("create", "-p", text, image, "true", check=False).returncode != 0
    with pytest.raises(UsageError):
        parse_port(text)
