"""Images are signed in the store and at registries, verified there, and refused for each reason there is."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.registries import AMD64, ARM64, make_image, make_index, with_or_without_referrers
from tests.unit.packer.test_supply_signing import COSIGN_KEY, COSIGN_PUB
from whit.packer.image.oci import parse_manifest
from whit.packer.store.store import Store
from whit.packer.supply.attaching import attach, attached

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import RunWhit
    from tests.peers.registry import RegistryPeer

pytestmark = [pytest.mark.peer("docker-registry"), pytest.mark.peer("openssl")]
COSIGN = "github.com/sigstore/cosign/v2/cmd/cosign@v2.6.5"
BUSYBOX = Path("/bin/busybox")
SECRET = {"COSIGN_PASSWORD": "secret"}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """k.pem (SEC 1), e.pem (Ed25519), cosign.key, and the public halves k.pub, e.pub, cosign.pub."""
    folder = tmp_path_factory.mktemp("keys")
    for words in (
        "ecparam -name prime256v1 -genkey -out k.pem",
        "ec -in k.pem -pubout -out k.pub",
        "genpkey -algorithm ed25519 -out e.pem",
        "pkey -in e.pem -pubout -out e.pub",
    ):
        subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)
    (folder / "cosign.key").write_bytes(COSIGN_KEY)
    (folder / "cosign.pub").write_bytes(COSIGN_PUB)
    return folder


@pytest.fixture(scope="module", params=["docker-registry", "ggcr"])
def registry(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryPeer]:
    with with_or_without_referrers(request.param, tmp_path_factory.mktemp("registry")) as peer:
        yield peer


def test_a_signature_goes_from_the_store_to_the_registry_and_holds_there(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, keys: Path
) -> None:
    name = f"{registry.name}/me/app:1"
    image = make_image(whit_root, name, (1000,))
    for key in ("k.pem", "e.pem", "cosign.key"):
        words = ("sign", "--key", keys / key, "-a", "team=core", name)
        signed = run_whit(*words, environment=SECRET)
        assert (signed.stdout, signed.stderr) == (f"Signed: {name}@{image.digest}\n", "")
    assert run_whit(*words, environment=SECRET).stdout == signed.stdout
    assert len(attached(Store(whit_root), image.digest)) == 3

    assert run_whit("push", name).returncode == 0

    for key in ("k.pub", "e.pub", "cosign.pub"):
        for place in (name, f"docker://{name}") if key == "k.pub" else (f"docker://{name}",):
            document = json.loads(run_whit("verify", "--key", keys / key, "-a", "team=core", "--json", place).stdout)
            assert document["digest"] == image.digest
            expected = {"identity": name.rpartition(":")[0], "annotations": {"team": "core"}}
            assert document["signatures"] == [expected]


def test_what_is_signed_at_the_registry_stays_beside_what_was(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path, keys: Path
) -> None:
    name = f"{registry.name}/me/index:1"
    images = [
        make_image(whit_root, f"x:{seed}", (10,), seed=seed, platform=platform)
        for seed, platform in enumerate((AMD64, ARM64))
    ]
    index = make_index(whit_root, name, *images)
    assert run_whit("push", name).returncode == 0

    for key in ("k.pem", "e.pem"):
        signed = run_whit("sign", "--key", keys / key, f"docker://{name}")
        digests = {line.rpartition("@")[2] for line in signed.stdout.split()[1::2]}
        assert digests == {index.digest, *(image.digest for image in images)}

    for key in ("k.pub", "e.pub"):
        assert run_whit("verify", "--key", keys / key, f"docker://{name}").returncode == 0
    # One platform's image is verified, too, where it was pulled with what is attached to it.
    other = tmp_path / "other"
    assert run_whit("pull", "--with-referrers", name, root=other).returncode == 0
    assert run_whit("verify", "--key", keys / "e.pub", name, root=other).returncode == 0


def test_each_reason_to_refuse_is_told_in_a_line(run_whit: RunWhit, whit_root: Path, keys: Path) -> None:
    def verify(name: str, *more: str | Path, key: str = "k.pub") -> str:
        result = run_whit("verify", "--key", keys / key, *more, name)
        assert (result.returncode, result.stdout) == (1, "")
        return result.stderr.splitlines()[0].removeprefix("whit: ")

    make_image(whit_root, "me/unsigned:1", (20,), seed=3)
    make_image(whit_root, "me/app:1", (1000,))
    other = make_image(whit_root, "me/other:1", (10,), seed=2)
    assert run_whit("sign", "--key", keys / "k.pem", "-a", "a=1", "me/app:1").returncode == 0
    assert run_whit("sign", "--key", keys / "k.pem", "me/other:1").returncode == 0
    wrong = "me/app:1 isn't signed as it should be: "

    assert verify("me/unsigned:1") == "me/unsigned:1 has no signature"
    assert verify("me/app:1", key="e.pub") == f"{wrong}the signature is another key's, or its payload was changed"
    as_other = verify("me/app:1", "--identity", "me/other")
    assert as_other == f"{wrong}it is signed as 'index.docker.io/me/app', not as 'index.docker.io/me/other'"
    assert verify("me/app:1", "-a", "a=2") == f"{wrong}it is signed with a='1', not '2'"
    assert verify("me/app:1", "-a", "b=1") == f"{wrong}it is signed without b"

    store = Store(whit_root)
    with store.adding():  # somebody hangs the signature of one image on another
        attach(store, store.entry("me/unsigned:1").digest, attached(store, other.digest)[0])
    moved = verify("me/unsigned:1")
    assert moved == f"me/unsigned:1 isn't signed as it should be: the signature is another image's, {other.digest}"


def test_a_payload_that_was_changed_is_refused(run_whit: RunWhit, whit_root: Path, keys: Path) -> None:
    image = make_image(whit_root, "me/app:1", (1000,))
    assert run_whit("sign", "--key", keys / "k.pem", "me/app:1").returncode == 0
    layout = Store(whit_root).layout
    artifact = attached(Store(whit_root), image.digest)[0]
    (layer,) = parse_manifest(layout.read(artifact)).layers
    path = layout.blob_path(layer.digest)
    path.write_bytes(path.read_bytes().replace(b"me/app", b"me/apq"))

    refused = run_whit("verify", "--key", keys / "k.pub", "me/app:1")

    assert refused.returncode == 1
    assert "its payload can't be read: blob" in refused.stderr


def test_keys_that_cannot_be_used_are_told(run_whit: RunWhit, whit_root: Path, keys: Path) -> None:
    make_image(whit_root, "me/app:1", (10,))

    absent = run_whit("sign", "--key", "absent.pem", "me/app:1")
    locked = run_whit("sign", "--key", keys / "cosign.key", "me/app:1")
    wrong = run_whit("verify", "--key", keys / "k.pem", "me/app:1")

    assert absent.stderr == "whit: the key absent.pem can't be read: no such file or directory\n"
    assert "has a password\nhint: put it into the environment as COSIGN_PASSWORD" in locked.stderr
    assert f"{keys}/k.pem is a private key" in wrong.stderr


@pytest.mark.peer("busybox")
def test_pack_and_build_attach_what_they_are_asked_for(run_whit: RunWhit, tmp_path: Path, keys: Path) -> None:
    asked = ("--sbom", "spdx,cyclonedx", "--provenance", "--sign", keys / "k.pem")
    (tmp_path / "whit.yaml").write_text(f"binary: {BUSYBOX}\nlabels: {{a: b}}\n")
    kinds = [
        "application/spdx+json",
        "application/vnd.cyclonedx+json",
        "application/vnd.dsse.envelope.v1+json",
        "application/vnd.dev.cosign.artifact.sig.v1+json",
    ]

    packed = run_whit("pack", BUSYBOX, "-t", "me/packed:1", *asked, "--json")
    built = run_whit("build", "-t", "me/built:1", *asked, "--json", tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY whit.yaml /\n")
    from_dockerfile = run_whit("build", "-f", tmp_path / "Dockerfile", "-t", "me/docker:1", *asked, "--json", tmp_path)

    for result, name in ((packed, "me/packed:1"), (built, "me/built:1"), (from_dockerfile, "me/docker:1")):
        assert result.returncode == 0, result.stderr
        assert [item["type"] for item in json.loads(result.stdout)["attached"]] == kinds
        verified = run_whit("verify", "--key", keys / "k.pub", "--provenance", "--json", name)
        (statement,) = json.loads(verified.stdout)["provenance"]
        assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
        other = run_whit("verify", "--key", keys / "e.pub", "--provenance", name)
        assert other.returncode == 1
    refused = run_whit("pack", BUSYBOX, "-o", tmp_path / "x.tar", "--sbom", "spdx")
    assert (refused.returncode, (tmp_path / "x.tar").exists()) == (2, False)
    unread = run_whit("pack", BUSYBOX, "-t", "me/never:1", "--sign", tmp_path / "absent")
    assert unread.returncode == 1
    assert "me/never" not in run_whit("images").stdout


@pytest.mark.slow
def test_cosign_takes_what_whit_signs_and_whit_what_cosign_signs(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path, keys: Path
) -> None:
    from tests.bench.programs import go_program  # noqa: PLC0415 - only here

    program = go_program(COSIGN)
    if program is None:
        lacking("there is no Go to build cosign with")

    def cosign(*words: str | Path) -> None:
        result = subprocess.run(
            [str(program), *words], capture_output=True, text=True, cwd=keys, check=False,
            env={**SECRET, "HOME": str(tmp_path), "COSIGN_EXPERIMENTAL": "1"},
        )  # fmt: skip
        assert result.returncode == 0, result.stderr

    packed = f"{registry.name}/by/pack:1"
    assert run_whit("pack", BUSYBOX, "-t", packed, "--provenance", "--sign", keys / "k.pem").returncode == 0
    assert run_whit("push", packed).returncode == 0
    cosign("verify-attestation", "--key", "k.pub", "--insecure-ignore-tlog", "--type", "slsaprovenance1", packed)
    ours, theirs = f"{registry.name}/by/whit:1", f"{registry.name}/by/cosign:1"
    make_image(whit_root, ours, (1000,))
    make_image(whit_root, theirs, (500,), seed=2)
    for key in ("k.pem", "e.pem", "cosign.key"):
        words = ("sign", "--key", keys / key, "-a", "team=core", ours)
        assert run_whit(*words, environment=SECRET).returncode == 0
    assert run_whit("push", ours).returncode == 0
    assert run_whit("push", theirs).returncode == 0

    for key in ("k.pub", "e.pub", "cosign.pub"):
        cosign("verify", "--key", key, "--insecure-ignore-tlog", "-a", "team=core", ours)
        cosign("verify", "--key", key, "--insecure-ignore-tlog", "--experimental-oci11", ours)
    cosign("sign", "--key", "cosign.key", "--tlog-upload=false", "-y", "-a", "x=y", theirs)
    assert run_whit("verify", "--key", keys / "cosign.pub", "-a", "x=y", f"docker://{theirs}").returncode == 0
    assert run_whit("sign", "--key", keys / "k.pem", f"docker://{theirs}").returncode == 0
    for key in ("k.pub", "cosign.pub"):
        cosign("verify", "--key", key, "--insecure-ignore-tlog", theirs)
