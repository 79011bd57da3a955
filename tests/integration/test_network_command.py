"""``whit network`` as people call it, on a host of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from whit.runtime.engine.networks.model import Joining

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.netlab import Lab

pytestmark = [pytest.mark.root, pytest.mark.peer("nft", "ip", "setpriv", "unshare", "nsenter")]


class Network:
    """``whit network …`` on the host."""

    def __init__(self, whit: Path, place: Lab) -> None:
        self.beginning: list[str | Path] = ["nsenter", f"--net=/proc/{place.host.pid}/ns/net", whit, "network"]
        self.environment = {**os.environ, "WHIT_ROOT": str(place.root)}

    def run(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.beginning, *words], env=self.environment, input=typed, capture_output=True, text=True, check=False,
            timeout=60,
        )  # fmt: skip

    def says(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def network(whit: Path, place: Lab) -> Network:
    return Network(whit, place)


def test_whit_s_own_networks_are_always_listed_in_docker_s_columns(network: Network) -> None:
    header, *rows = network.says("ls").splitlines()

    assert header == "NETWORK ID     NAME      DRIVER    SCOPE"
    assert [row.split()[1:] for row in rows] == [
        ["bridge", "bridge", "local"],
        ["host", "host", "local"],
        ["none", "null", "local"],
    ]


def test_a_network_is_made_listed_and_removed(network: Network) -> None:
    identity = network.says("create", "--label", "team=a", "red").strip()

    assert network.says("ls", "-q", "--filter", "label=team").strip() == identity[:12]
    assert (
        network.says("ls", "--no-trunc", "--format", "{{.ID}} {{.Labels}}", "-f", "type=custom")
        == f"{identity} team=a\n"
    )
    assert json.loads(network.says("ls", "--format", "json", "-f", "name=red"))["Name"] == "red"

    assert network.says("rm", identity[:6]) == f"{identity[:6]}\n"
    assert network.says("ls", "-q", "-f", "type=custom") == ""


def test_who_is_in_a_network_is_shown_in_docker_s_form(network: Network, place: Lab) -> None:
    network.says("create", "--subnet", "10.77.0.0/16", "--ip-range", "10.77.5.0/24", "--ipv6", "red")
    one = place.start("one", networks=(Joining("red"),))

    [page] = json.loads(network.says("inspect", "red"))

    assert page["IPAM"]["Config"][0] == {"Subnet": "10.77.0.0/16", "Gateway": "10.77.0.1", "IPRange": "10.77.5.0/24"}
    assert page["Containers"][one.id]["Name"] == "one"
    assert page["Containers"][one.id]["IPv4Address"] == "10.77.5.1/16"
    assert page["Containers"][one.id]["IPv6Address"].endswith("::501/64")
    assert network.says("inspect", "-f", "{{range .Containers}}{{.Name}}{{end}}", "red") == "one\n"
    assert len(json.loads(network.says("inspect", "-f", "json", "red", "host"))) == 2


def test_a_network_in_use_stays_and_others_are_pruned_when_that_is_confirmed(network: Network, place: Lab) -> None:
    network.says("create", "used")
    network.says("create", "idle")
    place.start("one", networks=(Joining("used"),))

    refused = network.run("rm", "used")
    assert refused.returncode == 1
    assert refused.stderr.startswith("whit: the network used is in use by one\n")

    assert network.run("prune", typed="n\n").returncode == 0
    assert network.run("prune", typed="").returncode == 1
    assert network.says("prune", "-f", "--filter", "until=24h") == ""
    assert network.says("prune", "-f") == "Deleted Networks:\nidle\n"
    assert network.says("ls", "--format", "{{.Name}}", "-f", "type=custom") == "used\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rm", "nothing"), "whit: there is no network nothing\n"),
        (("rm", "bridge"), "whit: bridge is a network of whit's own, and stays\n"),
        (("inspect", "nothing"), "whit: there is no network nothing\n"),
        (("create", "host"), "whit: host is a network of whit's own\n"),
        (("create", "a b"), "whit: 'a b' can't be a network's name\n"),
        (("create", "--subnet", "192.0.2.0/24", "x"), "whit: 192.0.2.0/24 would take from the host its route"),
        (("ls", "--filter", "colour=red"), "whit: --filter colour: there is no such filter\n"),
        (("ls", "--format", "{{.Nothing}}"), "whit: "),
        (("connect", "bridge", "nothing"), "whit: there is no container nothing\n"),
        (("disconnect", "bridge", "nothing"), "whit: there is no container nothing\n"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(network: Network, words: tuple[str, ...], said: str) -> None:
    done = network.run(*words)

    assert done.returncode in {1, 2}
    assert done.stderr.startswith(said)
    assert "Traceback" not in done.stderr


def test_removing_what_is_not_there_by_force_is_no_error(network: Network) -> None:
    assert network.run("rm", "-f", "nothing").returncode == 0


def test_an_unused_network_moves_when_the_host_gets_a_route_into_its_subnet(network: Network, place: Lab) -> None:
    network.says("create", "red")
    first = place.start("one", networks=(Joining("red"),))
    place.stop(first)
    place.host.command(f"ip route add {first.address.rpartition('.')[0]}.0/25 dev wire")

    second = place.start("one", networks=(Joining("red"),))

    assert first.address.rpartition(".")[0] != second.address.rpartition(".")[0]
