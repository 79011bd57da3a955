"""What refers to an image, at registries that list it and at those that don't."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.registries import make_image
from tests.peers.registry import asked, docker_registry, memory_registry, other_registry
from whit.packer.image.oci import Descriptor, Manifest
from whit.packer.image.reference import parse_reference
from whit.packer.registry.referrers import referrers
from whit.packer.registry.registries import Registries
from whit.packer.registry.settings import Settings
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.registry import RegistryPeer

pytestmark = pytest.mark.peer("docker-registry")
EMPTY = "application/vnd.oci.empty.v1+json"


@pytest.fixture(params=["docker", "ggcr"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RegistryPeer]:
    if request.param == "docker":
        with docker_registry(tmp_path / "registry") as peer:
            yield peer
        return
    if other_registry() is None:
        lacking("there is no Go to build the registry with")
    with memory_registry(request.param, tmp_path) as peer:
        yield peer


def _artifact(layout: Path, subject: Descriptor, number: int) -> str:
    """A layout with an artifact that refers to an image; its digest."""
    store = Store(layout)
    with store.adding() as made:
        empty = made.put(b"{}", EMPTY)
        plain = Descriptor(subject.media_type, subject.digest, subject.size)
        manifest = Manifest(empty, (empty,), (("number", str(number)),), artifact_type="example/note", subject=plain)
        descriptor = made.put(manifest.to_json(), manifest.media_type)
        made.edit_index(lambda _: (descriptor,))
    return descriptor.digest


def test_referrers_are_listed_whoever_keeps_the_list(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    name = f"{registry.name}/with/notes:1"
    image = make_image(whit_root, name, (10,))
    assert run_whit("push", name).returncode == 0
    digests = []
    for number in range(2):
        layout = tmp_path / f"note{number}"
        digests.append(_artifact(layout, image, number))
        for _ in range(2):  # a second time changes nothing
            copied = run_whit("copy", f"oci:{layout}/images", f"{registry.name}/with/notes:note{number}")
            assert copied.returncode == 0, copied.stderr
    repository = Registries(Settings.read()).repository(parse_reference(name))
    found = referrers(repository, image.digest)
    assert sorted(one.digest for one in found) == sorted(digests)
    # go-containerregistry's list has the configuration's type.
    assert {one.artifact_type for one in found} <= {"example/note", EMPTY}
    assert referrers(repository, digests[0]) == ()
    tags = json.loads(asked(registry, "/v2/with/notes/tags/list"))["tags"]
    fallback = {image.digest.replace(":", "-")} if registry.data.name == "data" else set()
    assert set(tags) == {"1", "note0", "note1"} | fallback


def test_an_artifact_is_no_image_and_is_copied_as_it_is(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    name = f"{registry.name}/with/notes"
    image = make_image(whit_root, f"{name}:1", (10,))
    assert run_whit("push", f"{name}:1").returncode == 0
    digest = _artifact(tmp_path / "note", image, 1)
    assert run_whit("copy", f"oci:{tmp_path}/note/images", f"{name}:note").returncode == 0
    refused = run_whit("pull", f"{name}:note")
    assert "is an artifact of type example/note, not an image" in refused.stderr
    assert run_whit("copy", "-q", f"{name}:note", f"oci:{tmp_path}/back").stdout == f"{digest}\n"
