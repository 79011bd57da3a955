"""``--cache-from`` and ``--cache-to``: steps that were done on another machine, here another store."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.integration.builds import Builder, base_tar, make_builder, write_context
from tests.integration.kept import Engine
from tests.peers.registry import docker_registry
from whit.packer.store.garbage import verify
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.registry import RegistryPeer

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

NO_NETWORK = ("--network", "none")
LINES = (
    "FROM base AS tools",
    "RUN echo slow > /tool && head -c 2000000 /dev/urandom > /large",
    "FROM base AS build",
    "COPY --chown=app src /src",
    "RUN --mount=type=bind,from=tools,target=/t cat /t/tool /src/a > /built; rm -r /data/old; mkdir /data/old; ln -s /built /link",
    "RUN rm /data/file; head -c 1000 /dev/urandom > /random",
    "FROM scratch",
    "COPY --from=build /built /random /",
    "COPY --from=build --link /data /data",
    "WORKDIR /w",
)


@pytest.fixture
def machines(whit: Path, tmp_path: Path) -> tuple[Builder, Builder]:
    """Two with the same base image and nothing else in common."""
    first = make_builder(whit, tmp_path)
    return first, _another(first, tmp_path, "second")


def _another(first: Builder, folder: Path, name: str) -> Builder:
    engine = Engine(first.engine.program, folder / name)
    engine("import", base_tar(folder / f"{name}.tar"), "base")
    return Builder(engine, folder)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryPeer]:
    with docker_registry(tmp_path / "registry") as peer:
        yield peer


def project(folder: Path, *lines: str) -> Path:
    return write_context(folder, {"Dockerfile": "\n".join(lines or LINES), "src/a": "a\n", "src/b": "b\n"})


def digest(builder: Builder, name: str) -> str:
    assert verify(Store(builder.engine.root)) == ()
    return Store(builder.engine.root).resolve(name).digest


def layers_in(builder: Builder) -> int:
    return sum(path.stat().st_size for path in (builder.engine.root / "images" / "blobs" / "sha256").iterdir())


@pytest.mark.peer("docker-registry")
def test_steps_of_another_machine_are_taken_and_only_their_layers_that_are_needed(
    machines: tuple[Builder, Builder], registry: RegistryPeer, tmp_path: Path
) -> None:
    first, second = machines
    folder = project(tmp_path / "c")
    place = f"type=registry,ref={registry.name}/cache:1"
    first.built(folder, *NO_NETWORK, "-t", "made", "--cache-to", f"{place},mode=max")
    before = layers_in(second)
    told = second.built(folder, *NO_NETWORK, "-t", "made", "--cache-from", place)
    assert told.count("CACHED") == 7, told
    assert digest(first, "made") == digest(second, "made"), "random bytes and all"
    assert layers_in(second) - before < 100_000, "the large layer of a stage wasn't fetched"
    again = second.built(folder, *NO_NETWORK, "-t", "again", "--cache-from", f"{registry.name}/cache:1")
    assert (again.count("CACHED"), digest(second, "again")) == (7, digest(second, "made"))


def test_a_step_that_has_changed_goes_on_from_the_files_that_were_fetched(
    machines: tuple[Builder, Builder], tmp_path: Path
) -> None:
    first, second = machines
    folder, shared = project(tmp_path / "c"), tmp_path / "shared"
    first.built(folder, *NO_NETWORK, "-t", "made", "--cache-to", f"type=local,dest={shared},mode=max")
    changed = project(
        tmp_path / "d",
        *LINES[:5],
        "RUN ls -ln / /src /data/old > /built; test ! -e /data/old/gone; cat /link",
        *LINES[6:7],
        "COPY --from=build /built /link /",
        *LINES[8:],
    )
    told = second.built(changed, *NO_NETWORK, "-t", "changed", "--cache-from", f"type=local,src={shared}")
    assert told.count("CACHED") == 3, told
    files = second.files(changed, *NO_NETWORK)
    built = files["built"][-1]
    assert isinstance(built, bytes)
    assert b"1000     1001" in built
    assert "data/old/gone" not in files
    assert "data/old" in files
    assert verify(Store(second.engine.root)) == ()


def test_what_is_copied_from_a_stage_is_found_by_its_files_where_the_stage_was_made_anew(
    machines: tuple[Builder, Builder], tmp_path: Path
) -> None:
    first, second = machines
    shared = tmp_path / "shared"
    lines = (
        "FROM base AS build",
        "RUN echo same > /same; echo {0} > /other",
        "FROM base",
        "COPY --from=build /same /",
        "RUN head -c 10 /dev/urandom > /random",
    )
    one = project(tmp_path / "1", *(line.format(1) for line in lines))
    two = project(tmp_path / "2", *(line.format(2) for line in lines))
    first.built(one, *NO_NETWORK, "-t", "made", "--cache-to", f"type=local,dest={shared}")
    told = second.built(two, *NO_NETWORK, "-t", "made", "--cache-from", f"type=local,src={shared}")
    assert told.count("CACHED") == 2, told
    one_s, two_s = (Store(builder.engine.root).resolve("made").config.diff_ids for builder in machines)
    assert one_s == two_s, "random bytes and all"


def test_a_target_s_own_steps_are_all_that_mode_min_gives(machines: tuple[Builder, Builder], tmp_path: Path) -> None:
    first, second = machines
    folder, shared = project(tmp_path / "c"), tmp_path / "shared"
    first.built(folder, *NO_NETWORK, "-t", "made", "--cache-to", f"type=local,dest={shared}")
    config = next(
        path
        for path in (shared / "blobs" / "sha256").iterdir()
        if b"whit-cache/1" in path.read_bytes()[-2000:] or path.read_bytes().startswith(b'{"entries"')
    )
    assert len(json.loads(config.read_bytes())["entries"]) == 3
    told = second.built(folder, *NO_NETWORK, "--cache-from", f"type=local,src={shared}")
    assert told.count("CACHED") < 4
    assert (
        first.built(folder, *NO_NETWORK, "--no-cache", "--cache-from", f"type=local,src={shared}").count("CACHED") == 0
    )


@pytest.mark.peer("docker-registry")
def test_a_cache_that_is_not_there_or_is_none_is_told_of_and_does_no_harm(
    machines: tuple[Builder, Builder], registry: RegistryPeer, tmp_path: Path
) -> None:
    first, _ = machines
    folder = project(tmp_path / "c", "FROM base", "RUN true")
    first.engine("tag", "base", f"{registry.name}/base:1")
    first.engine("push", f"{registry.name}/base:1")
    told = first.built(
        folder,
        *NO_NETWORK,
        "--cache-from",
        f"{registry.name}/none:1",
        "--cache-from",
        f"{registry.name}/base:1",
        "--cache-from",
        f"type=local,src={tmp_path}",
    )
    assert "ERROR: there is no image" in told
    quiet = first.built(folder, *NO_NETWORK, "-q", "--cache-from", f"{registry.name}/none:1")
    assert f"whit: warning: --cache-from {registry.name}/none:1 isn't used: there is no image" in quiet
    assert "is no build cache of whit's" in told
    assert "is not an OCI image layout" in told
    for word in (
        "type=gha",
        "type=inline",
        "type=registry",
        "type=local,dest=x",
        "type=registry,ref=A!",
        "type=local,src=x,mode=most",
    ):
        done = first(folder, "--cache-from", word)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), word
    done = first(folder, *NO_NETWORK, "-t", "kept", "--cache-to", "localhost:1/x:1")
    assert done.returncode == 1
    assert "kept" in first.engine("images"), "the image is there by then"


@pytest.mark.peer("docker-registry")
def test_an_image_tells_of_its_own_steps_where_that_is_asked_for(
    machines: tuple[Builder, Builder], registry: RegistryPeer, tmp_path: Path
) -> None:
    first, second = machines
    lines = ("FROM base", "RUN head -c 10 /dev/urandom > /1", "WORKDIR /w", "RUN head -c 10 /dev/urandom > /2")
    name = f"{registry.name}/inline:1"
    folder = project(tmp_path / "c", *lines)
    first.built(
        folder,
        *NO_NETWORK,
        "-t",
        name,
        "--push",
        "--cache-to",
        "type=inline",
        "--platform",
        "linux/amd64,linux/amd64/v2",
    )
    told = second.built(folder, *NO_NETWORK, "-t", "made", "--cache-from", name)
    assert told.count("CACHED") == 3, told
    first.built(folder, *NO_NETWORK, "-t", name, "--push", "--build-arg", "BUILDKIT_INLINE_CACHE=1")
    longer = project(tmp_path / "d", *lines, "RUN cat /1 /2 > /3")
    told = _another(first, tmp_path, "third").built(longer, *NO_NETWORK, "-t", "made", "--cache-from", name)
    assert told.count("CACHED") == 3, told
    image = Store(first.engine.root).resolve(name)
    assert len(json.loads(dict(image.manifest.annotations)["dev.whit.cache"])["layers"]) == 3


def test_a_cache_with_other_bytes_than_it_says_is_refused(machines: tuple[Builder, Builder], tmp_path: Path) -> None:
    first, second = machines
    folder, shared = project(tmp_path / "c"), tmp_path / "shared"
    first.built(folder, *NO_NETWORK, "-t", "made", "--cache-to", f"type=local,dest={shared}")
    blobs = shared / "blobs" / "sha256"
    largest = max(blobs.iterdir(), key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 1
    largest.write_bytes(data)
    done = second(folder, *NO_NETWORK, "-t", "made", "--cache-from", f"type=local,src={shared}")
    assert "Traceback" not in done.stderr
    if done.returncode == 0:
        assert digest(second, "made")
    for path in blobs.iterdir():
        path.write_bytes(b"{}")
    assert "ERROR" in _another(first, tmp_path, "third").built(
        folder, *NO_NETWORK, "--cache-from", f"type=local,src={shared}"
    )
    shutil.rmtree(shared)
