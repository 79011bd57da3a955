"""``whit network`` and ``-p`` beside docker's own: the same words mean the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.engines import write_image
from tests.integration.kept import BUSYBOX, Engine
from whit.runtime.engine.networks.ports import LOCAL, parse_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.integration.netlab import Lab
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
    from whit.packer.support.errors import UsageError  # noqa: PLC0415

    assert dockerd.docker("create", "-p", text, image, "true", check=False).returncode != 0
    with pytest.raises(UsageError):
        parse_port(text)


JOINING = (
    "network create --subnet 10.88.0.0/16 first",
    "network create --subnet 10.89.0.0/16 second",
    "create --name box --network first --ip 10.88.0.9 --network-alias one {} sleep 1000",
    "network connect --ip 10.89.0.9 --alias two second box",
    "start box",
    "network connect second box",
    "network disconnect first box",
    "network disconnect first box",
    "network connect host box",
    "stop -t 0 box",
    "start box",
    "network disconnect second box",
    "restart -t 0 box",
    "network connect first box",
    "network rm first",
    "create --name alone --network none {} sleep 1000",
    "network connect first alone",
    "create --name hosted --network host {} sleep 1000",
    "network connect first hosted",
    "rm -f box alone hosted",
    "network rm first second",
)
SEEN = ("IPAMConfig", "IPAddress", "IPPrefixLen", "Gateway")


def _settings(said: str) -> dict[str, object]:
    """What is the same with both: the names of its networks, and what it has there."""
    [page] = json.loads(said)
    return {
        name: [own["IPAMConfig"] or {}, *(own[key] for key in SEEN[1:]), "two" in (own["Aliases"] or ())]
        for name, own in page["NetworkSettings"]["Networks"].items()
    }


def test_a_container_joins_and_leaves_networks_as_docker_s_do_whether_it_runs_or_not(
    dockerd: Dockerd, image: str, whit: Path, place: Lab, tmp_path: Path
) -> None:
    engine = Engine(whit, tmp_path / "root", ("nsenter", f"--net=/proc/{place.host.pid}/ns/net"))
    try:
        for line in JOINING:
            theirs = dockerd.docker(*line.format(image).split(), check=False)
            ours = engine.run(*line.format(BUSYBOX).split())
            assert (ours.returncode == 0) == (theirs.returncode == 0), (line, theirs.stderr, ours.stderr)
            if " box" in line and not line.startswith("rm"):
                shown = [dockerd.docker("inspect", "box").stdout, engine("inspect", "--type", "container", "box")]
                assert _settings(shown[1]) == _settings(shown[0]), line
    finally:
        dockerd.docker("rm", "-f", "box", "alone", "hosted", check=False)
        dockerd.docker("network", "rm", "first", "second", check=False)
        engine.clean()
