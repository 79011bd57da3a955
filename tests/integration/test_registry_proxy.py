"""Registries behind a proxy that the environment names: nothing goes past it, not even the question where a host is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.registries import MB, is_whole, make_image
from tests.peers.certificates import make_certificates
from tests.peers.proxy import proxy_to
from tests.peers.registry import docker_registry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

pytestmark = [pytest.mark.peer("docker-registry"), pytest.mark.peer("openssl")]

HOST = "registry.example:5000"
"""Which no name server knows."""


def _environment(proxy: str) -> dict[str, str]:
    names = ("http_proxy", "https_proxy")
    return {**dict.fromkeys(names, proxy), **dict.fromkeys((name.upper() for name in names), ""), "no_proxy": ""}


@pytest.mark.parametrize("encrypted", [False, True], ids=["http", "https"])
def test_push_and_pull_through_a_proxy(encrypted: bool, run_whit: RunWhit, whit_root: Path, tmp_path: Path) -> None:
    # Given a registry that only a proxy knows the way to, and an image of several pieces
    made = make_certificates(tmp_path)
    tls = {"certificate": str(made.server), "key": str(made.server_key)} if encrypted else None
    name = f"{HOST}/behind/proxy:1"
    image = make_image(whit_root, name, (3 * MB, 10))
    with docker_registry(tmp_path / "registry", tls=tls) as registry, proxy_to(registry.port) as proxy:
        environment = _environment(f"http://ann:a%20secret@127.0.0.1:{proxy.port}")

        # When it is pushed and pulled
        pushed = run_whit("push", "-q", "--insecure", name, environment=environment)
        pulled = run_whit("pull", "-q", "--insecure", name, root=tmp_path / "there", environment=environment)

    # Then it came whole, and the proxy was told who we are
    assert (pushed.returncode, pushed.stderr) == (0, "")
    assert (pulled.returncode, pulled.stderr) == (0, "")
    assert is_whole(tmp_path / "there", name, image.digest)
    asked = f"CONNECT {HOST} HTTP/1.1" if encrypted else f"GET http://{HOST}/v2/behind/proxy/manifests/1 HTTP/1.1"
    assert any(head.startswith(asked) for head in proxy.heads)
    assert all("Proxy-Authorization: Basic YW5uOmEgc2VjcmV0" in head for head in proxy.heads)


def test_a_proxy_that_refuses_or_cannot_be_used_is_told(run_whit: RunWhit, tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    with docker_registry(tmp_path / "registry") as registry, proxy_to(registry.port) as proxy:
        proxy.refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
        for address, words in (
            (f"http://127.0.0.1:{proxy.port}", f"the proxy on the way to {HOST} fails: it answers 407"),
            ("https://127.0.0.1:1", f"the proxy on the way to {HOST} fails: one of https can't be used"),
            ("http://127.0.0.1:1", f"the proxy on the way to {HOST} fails: connection refused"),
        ):
            done = run_whit("pull", f"{HOST}/a/b:1", environment=_environment(address))
            assert done.returncode == 1
            assert words in done.stderr

    # And one that wants to know who asks isn't asked the same again and again
    assert 0 < len(proxy.heads) <= 3
    assert (
        "USER:PASSWORD@HOST:PORT" in run_whit("pull", f"{HOST}/a/b:1", environment=_environment("socks5://x:1")).stderr
    )
