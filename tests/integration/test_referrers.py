"""What is attached to images: in the store, with a push and a pull, at registries with a list of referrers and without."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.integration.registries import AMD64, ARM64, MB, make_image, make_index, with_or_without_referrers
from tests.peers.registry import docker_registry
from whit.packer.image.reference import parse_reference
from whit.packer.registry.ends import RepositoryTarget
from whit.packer.registry.referring import put
from whit.packer.registry.registries import Registries
from whit.packer.registry.repository import Document
from whit.packer.registry.sessions import Sessions
from whit.packer.registry.settings import Settings
from whit.packer.registry.tags import tagged
from whit.packer.store.garbage import verify
from whit.packer.store.store import Store
from whit.packer.supply.attaching import attach_document, attached

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.registry import RegistryPeer
    from whit.packer.image.oci import Descriptor

pytestmark = pytest.mark.peer("docker-registry")


@pytest.fixture(scope="module", params=["docker-registry", "ggcr"])
def registry(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryPeer]:
    with with_or_without_referrers(request.param, tmp_path_factory.mktemp("registry")) as peer:
        yield peer


@pytest.fixture(scope="module")
def by_tag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryPeer]:
    """A registry without a list of referrers: the harder one."""
    with docker_registry(tmp_path_factory.mktemp("by-tag")) as peer:
        yield peer


def note(root: Path, image: Descriptor, text: str) -> Descriptor:
    return attach_document(Store(root), image, text.encode(), "text/plain", artifact_type="application/x-note")


def listed(run_whit: RunWhit, name: str, root: Path | None = None) -> set[tuple[str, str]]:
    """(subject, artifact) of all that is attached."""
    result = run_whit("referrers", "--json", name, root=root)
    assert result.returncode == 0, result.stderr
    return {(item["subject"], item["digest"]) for item in json.loads(result.stdout)["referrers"]}


def test_what_is_attached_goes_along_with_a_push_and_comes_with_a_pull_that_asks_for_it(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    name = f"{registry.name}/with/referrers:1"
    image = make_image(whit_root, name, (1000,))
    first, second = note(whit_root, image, "one"), note(whit_root, image, "two")
    about_first = note(whit_root, first, "of the first")
    expected = {(image.digest, first.digest), (image.digest, second.digest), (first.digest, about_first.digest)}
    assert listed(run_whit, name) == expected

    pushed = run_whit("push", name)

    assert pushed.stdout.count("Attached (application/x-note)") == 3
    assert "Attached" not in run_whit("push", name).stdout
    assert listed(run_whit, f"docker://{name}") == expected
    plain, whole = tmp_path / "plain", tmp_path / "whole"
    assert run_whit("pull", name, root=plain).returncode == 0
    assert listed(run_whit, name, plain) == set()
    assert run_whit("pull", "--with-referrers", name, root=whole).returncode == 0
    assert listed(run_whit, name, whole) == expected
    assert verify(Store(whole)) == ()
    copied = f"{registry.name}/with/copy:1"
    assert run_whit("copy", "--with-referrers", "-q", name, copied).returncode == 0
    assert listed(run_whit, f"docker://{copied}") == expected
    folder, third = f"oci:{tmp_path}/layout:app", tmp_path / "third"
    assert run_whit("copy", "--with-referrers", "-q", f"store:{name}", folder).returncode == 0
    again = run_whit("copy", "--with-referrers", "-q", f"oci:{tmp_path}/layout", f"store:{name}", root=third)
    assert (again.returncode, again.stdout) == (0, f"{image.digest}\n")
    assert listed(run_whit, name, third) == expected
    refused = run_whit("copy", "--with-referrers", name, f"docker-archive:{tmp_path}/x.tar")
    assert (refused.returncode, "docker's archives hold no referrers" in refused.stderr) == (1, True)
    content = run_whit("referrers", "--content", second.digest, name, root=whole)
    assert content.stdout == "two\n"
    types = json.loads(run_whit("referrers", "--json", f"docker://{name}").stdout)["referrers"]
    assert {item["artifactType"] for item in types} == {"application/x-note"}


@pytest.mark.parametrize("how", ["save", "copy"])
def test_an_archive_takes_along_what_is_attached_and_load_brings_it_back(
    run_whit: RunWhit, whit_root: Path, tmp_path: Path, how: str
) -> None:
    # given an index, one of whose images has something attached that has something attached
    name, file = "an/index:1", tmp_path / "x.tar"
    one = make_image(whit_root, "x:1", (10,), platform=AMD64)
    image = make_image(whit_root, "x:2", (20,), platform=ARM64)
    index = make_index(whit_root, name, one, image) if how == "save" else image
    first = note(whit_root, image, "one")
    expected = {(image.digest, first.digest), (first.digest, note(whit_root, first, "of the first").digest)}
    # when it is archived with that
    if how == "save":
        done = run_whit("save", "--with-referrers", "-o", file, name)
    else:
        done = run_whit("copy", "-q", "--with-referrers", "store:x:2", f"oci-archive:{file}:{name}")
    assert (done.returncode, done.stderr) == (0, "")
    # then another store has it all by it
    loaded = run_whit("load", "-i", file, root=tmp_path / "other")
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.count("Attached (application/x-note)") == 2
    assert listed(run_whit, name, tmp_path / "other") == expected
    assert Store(tmp_path / "other").entry(name).digest == index.digest
    assert verify(Store(tmp_path / "other")) == ()
    # and by a copy out of it
    third = tmp_path / "third"
    copied = run_whit("copy", "--with-referrers", "-q", f"oci-archive:{file}:{name}", f"store:{name}", root=third)
    assert (copied.returncode, copied.stdout) == (0, f"{index.digest}\n")
    assert listed(run_whit, name, third) == expected
    # and without the wish the archive is smaller
    assert run_whit("save", "-o", tmp_path / "alone.tar", name, root=third).returncode == 0
    assert (tmp_path / "alone.tar").stat().st_size < file.stat().st_size


def test_what_is_attached_to_something_else_is_not_loaded(run_whit: RunWhit, whit_root: Path, tmp_path: Path) -> None:
    image = make_image(whit_root, "x:1", (10,))
    note(whit_root, image, "one")
    assert (
        run_whit("save", "--with-referrers", "--compression", "zstd", "-o", tmp_path / "x.tar", "x:1").returncode == 2
    )
    assert run_whit("copy", "-q", "--with-referrers", "store:x:1", f"oci:{tmp_path}/x").returncode == 0
    other = make_image(whit_root, "x:2", (20,))
    assert run_whit("copy", "-q", "store:x:2", f"oci:{tmp_path}/x:two").returncode == 0
    index = json.loads((tmp_path / "x" / "index.json").read_text())
    index["manifests"] = [item for item in index["manifests"] if item["digest"] != image.digest]
    (tmp_path / "x" / "index.json").write_text(json.dumps(index))
    subprocess.run(["tar", "-C", tmp_path / "x", "-cf", tmp_path / "y.tar", "."], check=True)
    loaded = run_whit("load", "-i", tmp_path / "y.tar", root=tmp_path / "other")
    assert loaded.returncode == 0, loaded.stderr
    assert "Attached" not in loaded.stdout
    assert listed(run_whit, other.digest, tmp_path / "other") == set()


def test_what_an_index_s_images_have_goes_along(by_tag: RegistryPeer, run_whit: RunWhit, whit_root: Path) -> None:
    name = f"{by_tag.name}/an/index:1"
    one = make_image(whit_root, "x:1", (10,), platform=AMD64)
    index = make_index(whit_root, name, one, make_image(whit_root, "x:2", (20,), platform=ARM64))
    expected = {(index.digest, note(whit_root, index, "a").digest), (one.digest, note(whit_root, one, "b").digest)}

    assert run_whit("push", name).returncode == 0

    assert listed(run_whit, f"docker://{name}") == expected


def test_many_at_once_lose_none_of_each_other_s(by_tag: RegistryPeer, run_whit: RunWhit, whit_root: Path) -> None:
    name = f"{by_tag.name}/many/at-once:1"
    image = make_image(whit_root, name, (1000,))
    assert run_whit("push", name).returncode == 0
    notes = [note(whit_root, image, str(number)) for number in range(4)]
    for number in notes:  # one after the other, each by somebody who knows of no other
        _put(whit_root, name, number)
    assert listed(run_whit, f"docker://{name}") == {(image.digest, one.digest) for one in notes}
    more = [note(whit_root, image, f"at once {number}") for number in range(2)]
    threads = [threading.Thread(target=_put, args=(whit_root, name, one)) for one in more]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _put(whit_root, name, more[0])
    _put(whit_root, name, more[1])
    assert listed(run_whit, f"docker://{name}") >= {(image.digest, one.digest) for one in (*notes, *more)}


def _put(root: Path, name: str, artifact: Descriptor) -> None:
    from whit.packer.registry.ends import LayoutSource  # noqa: PLC0415 - only here

    repository = Registries(Settings.read()).repository(parse_reference(name))
    source = LayoutSource(Store(root).layout, artifact)
    document = Document(artifact, source.root().data)
    put(RepositoryTarget(repository, None, Sessions(None)), document, source)


def test_the_tag_lists_what_a_registry_does_not(by_tag: RegistryPeer, run_whit: RunWhit, whit_root: Path) -> None:
    name = f"{by_tag.name}/by/tag:1"
    image = make_image(whit_root, name, (10,))
    artifact = note(whit_root, image, "text")
    assert run_whit("push", name).returncode == 0
    repository = Registries(Settings.read()).repository(parse_reference(name))
    found, _ = tagged(repository, image.digest.replace(":", "-"))
    assert found is not None
    index = json.loads(found.data)
    assert index["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert [item["digest"] for item in index["manifests"]] == [artifact.digest]
    assert index["manifests"][0]["artifactType"] == "application/x-note"


def test_it_is_no_image_and_lives_as_long_as_its_subject(run_whit: RunWhit, whit_root: Path) -> None:
    image = make_image(whit_root, "me/app:1", (1000,))
    artifact = note(whit_root, image, "text")
    about = note(whit_root, artifact, "of that")
    other = make_image(whit_root, "me/other:1", (500,), seed=2)
    kept = note(whit_root, other, "kept")

    assert run_whit("images", "--format", "{{.Repository}}").stdout.split() == ["me/other", "me/app"]
    assert run_whit("image", "prune", "--force").returncode == 0
    layout = Store(whit_root).layout
    assert all(layout.has(one) for one in (artifact, about, kept))
    assert run_whit("rmi", "me/app:1").returncode == 0

    assert [layout.has(one) for one in (artifact, about, kept)] == [False, False, True]
    assert [path.stem for path in (whit_root / "referrers").glob("*.json")] == [other.digest.partition(":")[2]]


def test_a_damaged_list_is_told_and_nothing_is_collected(run_whit: RunWhit, whit_root: Path) -> None:
    image = make_image(whit_root, "me/app:1", (1000,))
    artifact = note(whit_root, image, "text")
    path = next((whit_root / "referrers").glob("*.json"))
    path.write_text("{")

    told = run_whit("referrers", "me/app:1")

    assert told.returncode == 1
    assert f"hint: remove {path}" in told.stderr
    assert run_whit("image", "prune", "--force").returncode == 0
    assert Store(whit_root).layout.has(artifact)


def test_many_attach_at_once_and_nothing_is_lost(run_whit: RunWhit, whit_root: Path) -> None:
    image = make_image(whit_root, "me/app:1", (10,))
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: note(whit_root, image, str(number)), range(40)))

    assert listed(run_whit, "me/app:1") == {(image.digest, one.digest) for one in made}


def test_whoever_is_killed_leaves_nothing_half_done(
    by_tag: RegistryPeer, whit: Path, run_whit: RunWhit, whit_root: Path
) -> None:
    name = f"{by_tag.name}/killed/app:1"
    image = make_image(whit_root, name, (MB,))
    chance = random.Random(7)

    def killed(*words: str) -> None:
        environment = {**os.environ, "WHIT_ROOT": str(whit_root)}
        process = subprocess.Popen(
            [whit, *words],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.1, 0.5))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    for form in ("spdx", "spdx3", "cyclonedx"):
        killed("sbom", "--attach", "--format", form, name)
        assert verify(Store(whit_root)) == ()
        assert run_whit("sbom", "--attach", "--format", form, name).returncode == 0
    expected = {(image.digest, item.digest) for item in attached(Store(whit_root), image.digest)}
    assert len(expected) == 3
    for _ in range(3):
        killed("push", name)

    assert run_whit("push", name).returncode == 0

    assert listed(run_whit, f"docker://{name}") == expected
