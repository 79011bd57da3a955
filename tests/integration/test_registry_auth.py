"""Who somebody is at a registry: basic, tokens, helpers, and certificates; docker's and podman's files."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from tests.integration.at_terminal import AtTerminal
from tests.integration.registries import MB, is_whole, make_image
from tests.peers import find_peer
from tests.peers.certificates import make_certificates
from tests.peers.faults import lying_proxy
from tests.peers.registry import PASSWORD, USER, docker_registry, htpasswd
from tests.peers.tokens import REFRESH, SERVICE, token_server

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.faults import Exchange
    from tests.peers.registry import RegistryPeer
    from tests.peers.tokens import Tokens

pytestmark = [pytest.mark.peer("docker-registry"), pytest.mark.peer("htpasswd"), pytest.mark.peer("openssl")]


@pytest.fixture(scope="module")
def basic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryPeer]:
    folder = tmp_path_factory.mktemp("basic")
    with docker_registry(folder, auth=htpasswd(folder)) as peer:
        yield peer


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tokens, RegistryPeer]]:
    folder = tmp_path_factory.mktemp("tokens")
    with token_server(folder) as server, docker_registry(folder, auth=server.auth) as peer:
        yield server, peer


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """A home of the test's own, so that nothing of the machine's is read."""
    (tmp_path / "home").mkdir()
    return {
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": str(tmp_path / "home/.config"),
        "DOCKER_CONFIG": "",
        "XDG_RUNTIME_DIR": "",
    }


def _login(
    run_whit: RunWhit, name: str, home: dict[str, str], secret: str = PASSWORD
) -> subprocess.CompletedProcess[str]:
    return run_whit("login", "-u", USER, "--password-stdin", name, stdin=secret, environment=home)


def _stored(home: dict[str, str]) -> dict[str, dict[str, dict[str, str]]]:
    document: dict[str, dict[str, dict[str, str]]] = json.loads((_config(home)).read_text())
    return document


def _config(home: dict[str, str]) -> Path:
    from pathlib import Path  # noqa: PLC0415

    return Path(home["HOME"], ".docker/config.json")


def test_without_a_login_a_push_is_refused_in_words(
    basic: RegistryPeer, run_whit: RunWhit, whit_root: Path, home: dict[str, str]
) -> None:
    name = f"{basic.name}/x:1"
    make_image(whit_root, name, (10,))
    refused = run_whit("push", name, environment=home)
    assert refused.returncode == 1
    assert f"whit: {basic.name} refuses access" in refused.stderr
    assert refused.stderr.endswith(f": whit login {basic.name}\n")


def test_a_login_is_tried_and_kept_as_docker_keeps_it_and_forgotten_again(
    basic: RegistryPeer, run_whit: RunWhit, whit_root: Path, home: dict[str, str], tmp_path: Path
) -> None:
    wrong = _login(run_whit, basic.name, home, "wrong")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert f"{basic.name} doesn't take that name and password" in wrong.stderr
    assert not _config(home).exists()

    _config(home).parent.mkdir()
    _config(home).write_text('{"psFormat": "table", "auths": {"other.example": {"auth": "YTpi"}}}')
    right = _login(run_whit, f"https://{basic.name}/", home)
    assert (right.returncode, right.stdout) == (0, "Login Succeeded\n")
    assert "stored unencrypted" in right.stderr
    encoded = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert _stored(home)["auths"] == {"other.example": {"auth": "YTpi"}, basic.name: {"auth": encoded}}
    assert '"psFormat": "table"' in _config(home).read_text()
    assert stat.S_IMODE(_config(home).stat().st_mode) == 0o600

    name = f"{basic.name}/x:1"
    image = make_image(whit_root, name, (MB,))
    assert run_whit("push", name, environment=home).returncode == 0
    assert run_whit("pull", name, environment=home, root=tmp_path / "other").returncode == 0
    assert is_whole(tmp_path / "other", name, image.digest)

    gone = run_whit("logout", basic.name, environment=home)
    assert gone.stdout == f"Removing login credentials for {basic.name}\n"
    assert list(_stored(home)["auths"]) == ["other.example"]
    assert run_whit("logout", basic.name, environment=home).stdout == f"Not logged in to {basic.name}\n"
    assert run_whit("pull", name, environment=home).returncode == 1


def test_at_a_terminal_name_and_password_are_asked_for_and_the_password_is_not_shown(
    basic: RegistryPeer, whit: Path, whit_root: Path, home: dict[str, str]
) -> None:
    environment = {**os.environ, **home, "WHIT_ROOT": str(whit_root)}
    terminal = AtTerminal([whit, "login", basic.name], environment)
    terminal.wait_for("Username: ")
    terminal.type(f"{USER}\n")
    terminal.wait_for("Password: ")
    terminal.type(f"{PASSWORD}\n")
    assert PASSWORD not in terminal.wait_for("Login Succeeded")
    assert terminal.end() == 0


def test_podman_s_file_and_registry_auth_file_are_read(
    basic: RegistryPeer, run_whit: RunWhit, whit_root: Path, home: dict[str, str], tmp_path: Path
) -> None:
    name = f"{basic.name}/podman/x:1"
    make_image(whit_root, name, (10,))
    encoded = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    file = tmp_path / "auth.json"
    file.write_text(json.dumps({"auths": {f"{basic.name}/podman": {"auth": encoded}}}))
    assert run_whit("push", name, environment={**home, "REGISTRY_AUTH_FILE": str(file)}).returncode == 0
    place = tmp_path / "home/.config/containers"
    place.mkdir(parents=True)
    shutil.copy(file, place / "auth.json")
    assert run_whit("push", name, environment=home).returncode == 0


def test_a_helper_keeps_the_password(
    basic: RegistryPeer, run_whit: RunWhit, whit_root: Path, home: dict[str, str], tmp_path: Path
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    helper = programs / "docker-credential-kept"
    kept = tmp_path / "kept.json"
    helper.write_text(
        f"""#!/bin/sh
case $1 in
store) cat >{kept} ;;
erase) rm -f {kept} ;;
get) test -e {kept} && cat {kept} || {{ echo "credentials not found in native keychain"; exit 1; }} ;;
esac
"""
    )
    helper.chmod(0o755)
    path = {"PATH": f"{programs}:/usr/sbin:/usr/bin:/bin"}
    _config(home).parent.mkdir()
    _config(home).write_text('{"credsStore": "kept"}')
    done = _login(run_whit, basic.name, home | path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Login Succeeded\n", "")
    assert json.loads(kept.read_text()) == {"ServerURL": basic.name, "Username": USER, "Secret": PASSWORD}
    assert PASSWORD not in _config(home).read_text()
    name = f"{basic.name}/helped:1"
    make_image(whit_root, name, (10,))
    assert run_whit("push", name, environment=home | path).returncode == 0
    assert run_whit("logout", basic.name, environment=home | path).returncode == 0
    assert not kept.exists()
    missing = run_whit("push", name, environment=home)
    assert "the credential helper 'docker-credential-kept' isn't there" in missing.stderr


def test_tokens_are_asked_for_by_scope_once_for_all_threads_and_anew_when_they_expire(
    tokens: tuple[Tokens, RegistryPeer], run_whit: RunWhit, whit_root: Path, home: dict[str, str], tmp_path: Path
) -> None:
    server, peer = tokens
    name, copy = f"{peer.name}/open/image:1", f"{peer.name}/closed/image:1"
    image = make_image(whit_root, name, (MB, 1, 2, 3, 4, 5))
    assert _login(run_whit, peer.name, home).returncode == 0
    server.asked.clear()
    assert run_whit("push", name, environment=home).returncode == 0
    assert server.asked == [("GET", USER, ("repository:open/image:pull,push",))]

    server.asked.clear()
    assert run_whit("tag", name, copy).returncode == 0
    mounted = run_whit("push", copy, environment=home)
    assert mounted.stdout.count("Mounted from open/image") == 7
    both = ("repository:closed/image:pull,push", "repository:open/image:pull")
    assert [scopes for _, _, scopes in server.asked] == [("repository:closed/image:pull,push",), both]

    nobody = {**home, "HOME": str(tmp_path)}
    server.asked.clear()
    assert run_whit("pull", name, environment=nobody, root=tmp_path / "other").returncode == 0
    assert server.asked == [("GET", "", ("repository:open/image:pull",))]
    assert is_whole(tmp_path / "other", name, image.digest)
    refused = run_whit("pull", copy, environment=nobody)
    assert f"{peer.name} refuses access" in refused.stderr

    server.seconds, before = 1, server.seconds
    try:
        assert run_whit("pull", name, environment=home, root=tmp_path / "third").returncode == 0
    finally:
        server.seconds = before


def test_a_token_that_is_refused_in_the_middle_is_renewed_once(
    tokens: tuple[Tokens, RegistryPeer], run_whit: RunWhit, whit_root: Path, home: dict[str, str], tmp_path: Path
) -> None:
    server, peer = tokens
    left = [1]

    def before(exchange: Exchange) -> None:
        if "/blobs/" in exchange.path and left[0] > 0:
            left[0] -= 1
            exchange.status = 401
            challenge = f'Bearer realm="http://localhost:{server.port}/token",service="{SERVICE}",error="invalid_token"'
            exchange.headers = {"WWW-Authenticate": challenge}

    with lying_proxy(peer.port) as proxy:
        name = f"localhost:{proxy.port}/open/expiring:1"
        image = make_image(whit_root, name, (MB, 5))
        assert _login(run_whit, f"localhost:{proxy.port}", home).returncode == 0
        assert run_whit("push", name, environment=home).returncode == 0
        proxy.before = before
        server.asked.clear()
        assert run_whit("pull", name, environment=home, root=tmp_path / "other").returncode == 0
        assert is_whole(tmp_path / "other", name, image.digest)
        assert len(server.asked) == 2
        left[0] = 1000
        refused = run_whit("pull", name, environment=home, root=tmp_path / "third")
        assert "refuses access" in refused.stderr


def test_a_refresh_token_takes_the_password_s_place(
    tokens: tuple[Tokens, RegistryPeer], run_whit: RunWhit, whit_root: Path, home: dict[str, str]
) -> None:
    server, peer = tokens
    server.gives_refresh = True
    try:
        assert _login(run_whit, peer.name, home).returncode == 0
        assert _login(run_whit, peer.name, home, "wrong").returncode == 1
    finally:
        server.gives_refresh = False
    assert _stored(home)["auths"][peer.name]["identitytoken"] == REFRESH
    assert PASSWORD not in base64.b64decode(_stored(home)["auths"][peer.name]["auth"]).decode()
    name = f"{peer.name}/refreshed:1"
    make_image(whit_root, name, (10,))
    server.asked.clear()
    assert run_whit("push", name, environment=home).returncode == 0
    assert server.asked == [("POST", USER, ("repository:refreshed:pull,push",))]


def test_a_private_authority_and_a_client_s_certificate_are_found_in_certs_d(
    run_whit: RunWhit, whit_root: Path, home: dict[str, str], tmp_path: Path
) -> None:
    made = make_certificates(tmp_path)
    tls = {"certificate": str(made.server), "key": str(made.server_key), "clientcas": [str(made.authority)]}
    with docker_registry(tmp_path / "registry", tls=tls) as peer:
        name = f"{peer.name}/secure:1"
        make_image(whit_root, name, (MB,))
        unknown = run_whit("push", name, environment=home)
        assert unknown.returncode == 1
        assert f"the certificate of {peer.name} can't be trusted" in unknown.stderr
        assert f"certs.d/{peer.name}/ca.crt" in unknown.stderr

        place = tmp_path / "home/.config/containers/certs.d" / peer.name
        place.mkdir(parents=True)
        shutil.copy(made.authority, place / "ca.crt")
        anonymous = run_whit("push", name, environment=home)
        assert anonymous.returncode == 1
        assert "Traceback" not in anonymous.stderr
        shutil.copy(made.client, place / "client.cert")
        shutil.copy(made.client_key, place / "client.key")
        done = run_whit("push", name, environment=home)
        assert (done.returncode, done.stderr) == (0, "")
        assert run_whit("pull", name, environment=home, root=tmp_path / "other").returncode == 0


def test_a_certificate_that_nobody_vouches_for_is_taken_when_asked_to(
    run_whit: RunWhit, whit_root: Path, home: dict[str, str], tmp_path: Path
) -> None:
    made = make_certificates(tmp_path)
    with docker_registry(
        tmp_path / "registry", tls={"certificate": str(made.server), "key": str(made.server_key)}
    ) as peer:
        name = f"{peer.name}/insecure:1"
        make_image(whit_root, name, (10,))
        assert run_whit("push", name, environment=home).returncode == 1
        assert run_whit("push", "--insecure", name, environment=home).returncode == 0


def test_a_certificate_that_has_expired_is_told(run_whit: RunWhit, home: dict[str, str], tmp_path: Path) -> None:
    made = make_certificates(tmp_path, server_days="-1")
    tls = {"certificate": str(made.server), "key": str(made.server_key)}
    with docker_registry(tmp_path / "registry", tls=tls) as peer:
        place = tmp_path / "home/.config/containers/certs.d" / peer.name
        place.mkdir(parents=True)
        shutil.copy(made.authority, place / "ca.crt")
        refused = run_whit("pull", f"{peer.name}/x:1", environment=home)
        assert f"the certificate of {peer.name} can't be trusted: certificate has expired" in refused.stderr
        assert "its owner has to renew it" in refused.stderr


def test_a_mirror_is_read_first_and_never_written_to(
    basic: RegistryPeer, run_whit: RunWhit, whit_root: Path, home: dict[str, str], tmp_path: Path
) -> None:
    assert find_peer("docker-registry")
    with docker_registry(tmp_path / "mirror") as mirror:
        there = f"{mirror.name}/cache/base:1"
        image = make_image(whit_root, there, (1000,))
        assert run_whit("push", there, environment=home).returncode == 0
        conf = tmp_path / "registries.conf"
        conf.write_text(
            f'[[registry]]\nprefix = "{basic.name}"\nlocation = "{basic.name}"\n'
            f'[[registry.mirror]]\nlocation = "{mirror.name}/cache"\ninsecure = true\n'
        )
        wanted = f"{basic.name}/base:1"
        environment = {**home, "CONTAINERS_REGISTRIES_CONF": str(conf)}
        assert run_whit("pull", wanted, environment=environment, root=tmp_path / "other").returncode == 0
        assert is_whole(tmp_path / "other", wanted, image.digest)
        refused = run_whit("push", wanted, environment=environment, root=tmp_path / "other")
        assert f"{basic.name} refuses access" in refused.stderr
        conf.write_text(f'[[registry]]\nlocation = "{basic.name}"\nblocked = true\n')
        assert f"is blocked by {conf}" in run_whit("pull", wanted, environment=environment).stderr
