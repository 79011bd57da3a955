"""The network of a RUN: a container's usual one, and nothing of it left."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.builds import Builder, base_tar, write_context
from tests.integration.kept import Engine, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.netlab import Lab

pytestmark = [pytest.mark.root, pytest.mark.peer("nft", "ip", "nsenter", "busybox-static")]


@pytest.fixture
def builder(whit: Path, place: Lab, tmp_path: Path) -> Builder:
    """One on a host of its own."""
    engine = Engine(whit, tmp_path / "root", ("nsenter", f"--net=/proc/{place.host.pid}/ns/net"))
    engine("import", base_tar(tmp_path / "base.tar"), "base")
    return Builder(engine, tmp_path)


def test_a_run_has_the_usual_bridge_and_leaves_nothing_of_it(builder: Builder, tmp_path: Path) -> None:
    lines = (
        "FROM base", "RUN ip addr show dev eth0 > /a; ip route > /o; cat /etc/resolv.conf > /r",
        "RUN --network=none ! ip addr show dev eth0", "RUN --network=host ip -o link > /h",
    )  # fmt: skip
    files = builder.files(write_context(tmp_path / "context", {"Dockerfile": "\n".join(lines)}))
    assert b"inet 172." in files["a"][-1]  # type: ignore[operator]
    assert b"default via" in files["o"][-1]  # type: ignore[operator]
    assert b"eth0" not in files["h"][-1]  # type: ignore[operator]
    assert list((builder.engine.root / "containers").iterdir()) == []
    until(lambda: "wv" not in builder.engine.on_host("ip", "-o", "link"))


def test_containers_that_are_restored_take_no_network_from_a_run_that_goes_on(builder: Builder, tmp_path: Path) -> None:
    engine = builder.engine
    lines = ("FROM base", "RUN --network=none true", "RUN sleep 6; ip addr show dev eth0")
    context = write_context(tmp_path / "context", {"Dockerfile": "\n".join(lines)})
    command: list[str | Path] = [*engine.before, engine.program, "build", context]
    with subprocess.Popen(
        command,
        env=engine.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as build:
        until(lambda: "wv" in engine.on_host("ip", "-o", "link"))
        engine("system", "restore")
        _, told = build.communicate(timeout=120)
    assert build.returncode == 0, told
    assert "inet 172." in told
