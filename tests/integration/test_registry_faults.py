"""Registries and networks that break and lie: no image is lost or wrong, and what is wrong is told."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.at_terminal import AtTerminal
from tests.integration.registries import MB, is_whole, make_image
from tests.peers.faults import breaking_proxy, lying_proxy
from tests.peers.registry import memory_registry, other_registry
from whit.packer.image.oci import CONFIG, MANIFEST, Index
from whit.packer.store.garbage import verify
from whit.packer.store.store import Store
from whit.packer.support.light import replace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.faults import Breaking, Exchange, Lying
    from tests.peers.registry import RegistryPeer
    from whit.packer.image.oci import Descriptor

pytestmark = pytest.mark.peer("docker-registry")


@pytest.fixture(scope="module")
def image(registry: RegistryPeer, whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Descriptor:
    """An image at the registry, ``faults/image:1``: a large layer and a small one."""
    name, root = f"{registry.name}/faults/image:1", tmp_path_factory.mktemp("origin")
    made = make_image(root, name, (3 * MB, 10))
    subprocess.run([whit, "push", "-q", name], env={**os.environ, "WHIT_ROOT": str(root)}, check=True)
    return made


def _breaks(run_whit: RunWhit, peer: RegistryPeer, folder: Path, wanted: int, seed: int) -> None:
    """Push and pull through a proxy until it has broken so many connections; each image comes whole."""
    with breaking_proxy(peer.port, seed=seed, left=wanted, most=6 * MB) as proxy:
        number = 0
        while proxy.left > 0:
            number += 1
            name = f"localhost:{proxy.port}/broken/image:{number}"
            here, there = folder / f"here{number}", folder / f"there{number}"
            made = make_image(here, name, (4 * MB, 100_000, 10), seed=seed * 1000 + number)
            _until_it_is_done(run_whit, proxy, "push", name, here)
            _until_it_is_done(run_whit, proxy, "pull", name, there)
            assert is_whole(there, name, made.digest)
    assert proxy.broken >= wanted


def _until_it_is_done(run_whit: RunWhit, proxy: Breaking, verb: str, name: str, root: Path) -> None:
    """A command may give up where nothing gets on; never with a wrong image, and the next one goes on."""
    while True:
        done = run_whit(verb, "-q", name, root=root, timeout=300)
        if done.returncode == 0:
            return
        assert done.stderr.startswith("whit: "), done.stderr
        assert verify(Store(root)) == ()
        assert proxy.broken > 0


def test_connections_that_break_at_random_bytes_lose_nothing(
    registry: RegistryPeer, run_whit: RunWhit, tmp_path: Path
) -> None:
    _breaks(run_whit, registry, tmp_path, 8, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["docker", "oci", "ggcr"])
def test_a_thousand_breaks_lose_nothing(registry: RegistryPeer, run_whit: RunWhit, tmp_path: Path, kind: str) -> None:
    if kind == "docker":
        _breaks(run_whit, registry, tmp_path, 334, seed=2)
        return
    if other_registry() is None:
        lacking("there is no Go to build the registry with")
    with memory_registry(kind, tmp_path) as peer:
        _breaks(run_whit, peer, tmp_path, 333, seed=3)


def _pull(run_whit: RunWhit, proxy: Lying, root: Path, name: str = "faults/image:1") -> tuple[int, str]:
    done = run_whit("pull", "-q", f"localhost:{proxy.port}/{name}", root=root)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def _is_blob(exchange: Exchange) -> bool:
    return "/blobs/sha256" in exchange.path and exchange.method == "GET"


def _flip(exchange: Exchange) -> None:
    if len(exchange.body) > 1000:
        exchange.body = exchange.body[:500] + bytes([exchange.body[500] ^ 1]) + exchange.body[501:]


def _on_blobs(change: Callable[[Exchange], None], times: int = 1000) -> Callable[[Exchange], None]:
    left = [times]

    def after(exchange: Exchange) -> None:
        if _is_blob(exchange) and left[0] > 0:
            left[0] -= 1
            change(exchange)

    return after


def _html(exchange: Exchange) -> None:
    exchange.status, exchange.body, exchange.headers = 200, b"<html>Sign in</html>", {"Content-Type": "text/html"}


def _status(status: int, **headers: str) -> Callable[[Exchange], None]:
    def change(exchange: Exchange) -> None:
        exchange.status, exchange.body = status, b""
        exchange.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    return change


def _longer(exchange: Exchange) -> None:
    exchange.body += b"more than its descriptor says"


def _shorter(exchange: Exchange) -> None:
    exchange.size = len(exchange.body)
    exchange.body = exchange.body[: len(exchange.body) // 2]


PASSING = {
    "a bit that is flipped once": _on_blobs(_flip, 1),
    "a blob that ends early, and later from the middle": _on_blobs(_shorter, 3),
    "a registry that is busy for a while": _on_blobs(_status(503), 3),
    "a registry that wants to be asked later": _on_blobs(_status(429, Retry_After="0"), 2),
}
LASTING = {
    "a bit that is always flipped": (_on_blobs(_flip), "comes with other bytes than its digest's"),
    "more bytes than there are": (_on_blobs(_longer), "has more than"),
    "web pages": (_on_blobs(_html), "a web page"),
    "a wish to be left alone": (_on_blobs(_status(429, Retry_After="3600")), "it asks to wait 3600 s"),
    "redirects to a cloud's metadata": (
        _on_blobs(_status(307, Location="http://169.254.169.254/latest")),
        "leads to 169.254.169.254, an address of a private network",
    ),
    "redirects to nothing": (_on_blobs(_status(307, Location="gopher://x/")), "redirects to nothing that can be asked"),
}


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_overcome(
    fault: str, proxy: Lying, image: Descriptor, run_whit: RunWhit, tmp_path: Path
) -> None:
    proxy.after = PASSING[fault]
    assert _pull(run_whit, proxy, tmp_path / "root") == (0, "")
    assert is_whole(tmp_path / "root", f"localhost:{proxy.port}/faults/image:1", image.digest)


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize("fault", LASTING)
def test_what_lasts_is_told_and_nothing_of_it_is_kept(
    fault: str, proxy: Lying, run_whit: RunWhit, tmp_path: Path
) -> None:
    proxy.after, words = LASTING[fault]
    code, said = _pull(run_whit, proxy, tmp_path / "root")
    assert code == 1
    assert words in said
    assert Store(tmp_path / "root").entries() == ()


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize(
    ("size", "words"),
    [
        (-5, "a Content-Length that is no size: '-5'"),
        (10**30, "a Content-Length that is no size"),
        (1 << 40, "answers with more than"),
    ],
)
def test_a_document_s_size_that_cannot_be_is_refused_before_it_is_awaited(
    size: int, words: str, proxy: Lying, run_whit: RunWhit, tmp_path: Path
) -> None:
    def after(exchange: Exchange) -> None:
        if "/manifests/" in exchange.path:
            exchange.size = size

    proxy.after = after
    code, said = _pull(run_whit, proxy, tmp_path / "root")
    assert (code, words in said) == (1, True), said
    assert len([one for one in proxy.seen if "/manifests/" in one.path]) == 1


def test_a_registry_that_ignores_ranges_or_gives_others_is_no_danger(
    proxy: Lying, image: Descriptor, run_whit: RunWhit, tmp_path: Path
) -> None:
    asked: list[str | None] = []

    def before(exchange: Exchange) -> None:
        if _is_blob(exchange):
            asked.append(exchange.request.get("Range"))
            if len([one for one in asked if one]) > 1:
                exchange.request.pop("Range", None)  # ignored

    def change(exchange: Exchange) -> None:
        if not _is_blob(exchange) or (exchange.status == 200 and len(exchange.body) < MB):
            return
        if "Range" in exchange.request:
            exchange.headers["Content-Range"] = "bytes 0-9/10"
        elif not any(asked):
            _shorter(exchange)

    proxy.before, proxy.after = before, change
    assert _pull(run_whit, proxy, tmp_path / "root") == (0, "")
    assert len([one for one in asked if one]) == 2
    assert is_whole(tmp_path / "root", f"localhost:{proxy.port}/faults/image:1", image.digest)


@pytest.mark.usefixtures("image")
def test_redirects_in_circles_end(proxy: Lying, run_whit: RunWhit, tmp_path: Path) -> None:
    def circle(exchange: Exchange) -> None:
        _status(307, Location="/v2/b" if exchange.path == "/v2/a" else "/v2/a")(exchange)

    proxy.before = lambda exchange: (
        circle(exchange) if _is_blob(exchange) or exchange.path in {"/v2/a", "/v2/b"} else None
    )
    code, said = _pull(run_whit, proxy, tmp_path / "root")
    assert code == 1
    assert "redirects in circles" in said


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_html, "a web page, not a manifest"),
        pytest.param(_flip, "not what its digest", marks=pytest.mark.slow),
        pytest.param(_status(500), "answers 500", marks=pytest.mark.slow),
        (_status(403), "refuses access"),
    ],
    ids=["html", "flipped", "500", "403"],
)
def test_what_is_no_manifest_is_told(
    change: Callable[[Exchange], None], words: str, proxy: Lying, run_whit: RunWhit, tmp_path: Path
) -> None:
    def after(exchange: Exchange) -> None:
        if "/manifests/" in exchange.path:
            exchange.body += b" " * 1000  # so that there is something to flip
            change(exchange)

    proxy.after = after
    code, said = _pull(run_whit, proxy, tmp_path / "root")
    assert code == 1
    assert words in said


def test_a_secret_stays_at_its_registry(registry: RegistryPeer, run_whit: RunWhit, tmp_path: Path) -> None:
    """A blob that is somewhere else, as at registries on object stores, is fetched there without the registry's password."""
    name = "secret/image:1"
    made = make_image(tmp_path / "origin", f"{registry.name}/{name}", (MB,))
    assert run_whit("push", f"{registry.name}/{name}", root=tmp_path / "origin").returncode == 0
    with lying_proxy(registry.port) as front, lying_proxy(registry.port) as elsewhere:

        def before(exchange: Exchange) -> None:
            if "Authorization" not in exchange.request:
                _status(401, WWW_Authenticate='Basic realm="x"')(exchange)
            elif _is_blob(exchange):
                _status(307, Location=f"http://127.0.0.1:{elsewhere.port}{exchange.path}")(exchange)

        front.before = before
        config = tmp_path / "config"
        config.mkdir()
        (config / "config.json").write_text(json.dumps({"auths": {f"localhost:{front.port}": {"auth": "YTpi"}}}))
        pulled = run_whit(
            "pull", f"localhost:{front.port}/{name}", root=tmp_path / "root", environment={"DOCKER_CONFIG": str(config)}
        )
        assert pulled.returncode == 0, pulled.stderr
        assert is_whole(tmp_path / "root", f"localhost:{front.port}/{name}", made.digest)
        assert len(elsewhere.seen) == 2
        assert not any("Authorization" in exchange.request for exchange in elsewhere.seen)

        wanted = f'Bearer realm="http://127.0.0.1:{elsewhere.port}/token"'
        elsewhere.before = _status(401, WWW_Authenticate=wanted)
        refused = run_whit(
            "pull", f"localhost:{front.port}/{name}", root=tmp_path / "new", environment={"DOCKER_CONFIG": str(config)}
        )
        assert refused.returncode == 1
        assert not any("/token" in exchange.path for exchange in elsewhere.seen)


def test_a_registry_without_chunks_and_mounts_gets_blobs_whole(
    proxy: Lying, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    def before(exchange: Exchange) -> None:
        if exchange.method == "PATCH":
            _status(405)(exchange)
        if "mount=" in exchange.path:
            _status(400)(exchange)

    proxy.before = before
    for name in (f"localhost:{proxy.port}/whole/a:1", f"localhost:{proxy.port}/whole/b:1"):
        made = make_image(whit_root, name, (34 * MB,), seed=4)
        pushed = run_whit("push", name)
        assert (pushed.returncode, pushed.stderr) == (0, "")
        assert pushed.stdout.count("Pushed") == 2
    assert run_whit("pull", name, root=tmp_path / "root").returncode == 0
    assert is_whole(tmp_path / "root", name, made.digest)
    assert any("mount=" in exchange.path for exchange in proxy.seen)


def test_head_403_means_that_a_manifest_is_not_there_yet(proxy: Lying, run_whit: RunWhit, whit_root: Path) -> None:
    proxy.after = lambda exchange: (
        _status(403)(exchange) if exchange.status == 404 and "/manifests/" in exchange.path else None
    )
    name = f"localhost:{proxy.port}/forbidden/first:1"
    make_image(whit_root, name, (10,))
    pushed = run_whit("push", name)
    assert (pushed.returncode, pushed.stderr) == (0, "")


def test_a_configuration_of_another_image_is_refused_before_the_layers_have_come(
    proxy: Lying, registry: RegistryPeer, run_whit: RunWhit, tmp_path: Path
) -> None:
    # Given an image whose configuration has a diff_id more than there are layers
    store, name = Store(tmp_path / "origin"), f"{registry.name}/faults/lies:1"
    descriptor = make_image(tmp_path / "origin", name, (3 * MB,), seed=9)
    with store.adding() as layout:
        manifest, config = store.image(descriptor).manifest, store.image(descriptor).config
        wrong = layout.put(replace(config, diff_ids=(*config.diff_ids, "sha256:" + "0" * 64)).to_json(), CONFIG)
        lying = layout.put(replace(manifest, config=wrong).to_json(), MANIFEST)
    store.index_path.write_bytes(Index((lying,)).to_json())
    copied = run_whit("copy", f"oci:{store.layout.folder}", name)
    assert copied.returncode == 0, copied.stderr

    # When it is pulled
    code, said = _pull(run_whit, proxy, tmp_path / "there", "faults/lies:1")

    # Then that is told, nothing is named, and the layer hasn't been asked for to its end
    assert code == 1
    assert "has 1 layer and 2 diff_ids" in said
    assert Store(tmp_path / "there").entries() == ()


def test_who_watches_is_told_why_it_takes_longer(proxy: Lying, image: Descriptor, whit: Path, tmp_path: Path) -> None:
    proxy.after = _on_blobs(_status(503, Retry_After="1"), 1)
    name = f"localhost:{proxy.port}/faults/image:1"

    terminal = AtTerminal([whit, "pull", name], {**os.environ, "WHIT_ROOT": str(tmp_path / "root")})

    assert "503" in terminal.wait_for("trying again in 1 s")
    assert terminal.end() == 0
    assert is_whole(tmp_path / "root", name, image.digest)


def test_a_name_that_the_store_alone_has_may_be_meant_as_the_store_s(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    name = f"{registry.name}/only/here:1"
    make_image(whit_root, name, (1,))
    done = run_whit("copy", name, f"oci:{tmp_path}/layout")
    assert (done.returncode, f"hint: the store has an image of that name: store:{name}" in done.stderr) == (1, True), (
        done.stderr
    )
    assert run_whit("copy", f"store:{name}", f"oci:{tmp_path}/layout").returncode == 0
