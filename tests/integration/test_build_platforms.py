"""Dockerfiles for several platforms at once, and what is done with what comes of them: indexes, files, registries."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.builds import Builder, make_builder, write_context
from tests.integration.kept import Engine
from tests.integration.registries import AMD64, ARM64, make_image, make_index
from tests.peers.registry import docker_registry
from whit.packer.buildfile.build.emulation import parse_handler, program_head
from whit.packer.image.oci import parse_index
from whit.packer.store.garbage import verify
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

BOTH = ("--platform", "linux/amd64,linux/arm64")
NO_NETWORK = ("--network", "none")
CROSS = (
    "FROM --platform=$BUILDPLATFORM base AS build",
    "RUN echo once > /once",
    "ARG TARGETARCH TARGETPLATFORM",
    "RUN echo $TARGETPLATFORM > /for",
    "FROM scratch",
    "COPY --from=build /once /for /",
    "ARG TARGETARCH",
    "LABEL arch=$TARGETARCH",
)


def context(folder: Path, *lines: str, **files: str) -> Path:
    return write_context(folder, {"Dockerfile": "\n".join(lines), **files})


def index_of(builder: Builder, name: str) -> dict[str, str]:
    store = Store(builder.engine.root)
    found = parse_index(store.layout.read(store.entry(name)))
    return {str(one.platform): one.digest for one in found.manifests}


def test_each_platform_is_an_image_of_an_index_and_stages_of_the_machines_own_are_built_once(
    builder: Builder, tmp_path: Path
) -> None:
    folder = context(tmp_path, *CROSS)
    told = builder.built(folder, *NO_NETWORK, *BOTH, "--no-cache", "-t", "cross")
    assert sorted(line.partition("] ")[2] for line in told.splitlines() if "RUN" in line) == [
        "RUN echo linux/amd64 > /for", "RUN echo linux/arm64 > /for", "RUN echo once > /once", "RUN echo once > /once",
    ]  # fmt: skip
    assert told.count("CACHED") == 1, "the one that is the same for both"
    assert "[linux/arm64 build 3/3]" in told
    found = index_of(builder, "cross")
    assert list(found) == ["linux/amd64", "linux/arm64"]
    store = Store(builder.engine.root)
    for platform, architecture in ((AMD64, "amd64"), (ARM64, "arm64")):
        image = store.resolve("cross", platform)
        assert (image.platform, image.config.run.labels) == (platform, (("arch", architecture),))
    again = builder.built(folder, *NO_NETWORK, *BOTH, "-t", "again")
    assert index_of(builder, "again") == found
    assert again.count("CACHED") == 6
    assert verify(store) == ()


def test_platforms_are_built_at_the_same_time(builder: Builder, tmp_path: Path) -> None:
    folder = context(
        tmp_path,
        "FROM --platform=$BUILDPLATFORM base",
        "ARG TARGETARCH",
        "RUN --mount=type=cache,target=/meeting touch /meeting/$TARGETARCH; "
        "until test -e /meeting/amd64 && test -e /meeting/arm64; do sleep 0.05; done",
    )
    told = builder.built(folder, *NO_NETWORK, *BOTH, "--no-cache", "-t", "met")
    assert told.count("DONE") == 3


def test_outputs_of_several_platforms_are_told_apart(builder: Builder, tmp_path: Path) -> None:
    folder = context(tmp_path / "c", *CROSS)
    out = tmp_path / "files"
    builder.built(folder, *NO_NETWORK, *BOTH, "-o", f"type=local,dest={out}")
    assert {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()} == {
        "linux_amd64/for", "linux_amd64/once", "linux_arm64/for", "linux_arm64/once",
    }  # fmt: skip
    assert (out / "linux_arm64" / "for").read_text() == "linux/arm64\n"
    builder.built(folder, *NO_NETWORK, *BOTH, "-o", f"type=tar,dest={tmp_path / 'x.tar'}")
    with tarfile.open(tmp_path / "x.tar") as tar:
        assert "linux_arm64/for" in tar.getnames()
    builder.built(folder, *NO_NETWORK, *BOTH, "-t", "named", "-o", f"type=oci,dest={tmp_path / 'oci.tar'}")
    other = Engine(builder.engine.program, tmp_path / "other")
    other("load", "-i", tmp_path / "oci.tar")
    assert Store(other.root).entry("named").digest == Store(builder.engine.root).entry("named").digest
    refused = builder(folder, *NO_NETWORK, *BOTH, "-o", f"type=docker,dest={tmp_path / 'd.tar'}")
    assert "docker's archives hold images for one platform" in refused.stderr


@pytest.mark.parametrize("several", [False, True], ids=["one platform", "two"])
def test_a_tar_of_files_that_are_only_copied_has_no_time_of_the_build(
    builder: Builder, tmp_path: Path, several: bool
) -> None:
    folder = context(
        tmp_path / "c", "FROM scratch", "WORKDIR /made/here", "COPY a /made/by/a", "COPY a /made/a", a="a\n"
    )
    platforms = BOTH if several else ()
    builder.built(folder, *platforms, "--no-cache", "-o", f"type=tar,dest={tmp_path / 'x.tar'}")
    with tarfile.open(tmp_path / "x.tar") as tar:
        assert {member.name: member.mtime for member in tar if member.mtime} == {}


def test_a_run_that_can_not_be_executed_is_told_before_anything_is_built(builder: Builder, tmp_path: Path) -> None:
    foreign = make_image(builder.engine.root, "foreign", (100,), platform=ARM64)
    make_index(builder.engine.root, "both", Store(builder.engine.root).list()[0].descriptor, foreign)
    folder = context(
        tmp_path, "FROM base AS first", "RUN echo built-first", "FROM foreign", "COPY --from=first /data /d", "RUN true"
    )
    done = builder(folder, *NO_NETWORK, "--platform", "linux/riscv64")
    assert done.returncode == 1
    folder = context(
        tmp_path,
        "FROM --platform=$BUILDPLATFORM base AS first",
        "RUN echo built-first",
        "FROM foreign",
        "COPY --from=first /data /d",
        "RUN true",
    )
    done = builder(folder, *NO_NETWORK, "--platform", "arm64")
    if done.returncode == 0:
        return  # this machine executes it
    assert "Dockerfile:5: RUN true is for linux/arm64, and this machine (linux/amd64) can't execute that" in done.stderr
    assert "qemu-aarch64" in done.stderr
    assert "built-first" not in done.stderr
    fine = context(tmp_path, "FROM foreign", "COPY a /a", "WORKDIR /w", a="a\n")
    builder.built(fine, "--platform", "arm64", "-t", "made")
    assert Store(builder.engine.root).resolve("made", ARM64).platform == ARM64


@pytest.mark.parametrize(
    ("text", "takes"),
    [
        ("enabled\ninterpreter /usr/bin/qemu\nflags: F\noffset 0\nmagic {head}\nmask {mask}\n", True),
        ("enabled\ninterpreter /usr/bin/qemu\nflags: F\noffset 0\nmagic {head}\n", True),
        ("enabled\ninterpreter /usr/bin/qemu\nflags: F\noffset 4\nmagic {head}\n", False),
        ("disabled\ninterpreter /usr/bin/qemu\nflags: F\noffset 0\nmagic {head}\n", None),
        ("enabled\ninterpreter /usr/bin/x\nflags: \nextension .py\n", None),
        ("enabled\ninterpreter x\nflags: \noffset zero\nmagic 7f\n", None),
        ("enabled\ninterpreter x\nflags: \noffset 0\nmagic 7f45\nmask ff\n", None),
    ],
)
def test_handlers_are_read_as_the_kernel_shows_them(text: str, takes: bool | None) -> None:
    head = program_head("arm64")
    assert head
    mask = "ffffffffffffff00fffffffffffffffffeffffff"
    handler = parse_handler("qemu-aarch64", text.format(head=head[:20].hex(), mask=mask))
    assert (handler.takes(head) if handler else None) is takes
    other = program_head("riscv64")
    assert not (handler and other and handler.takes(other))


def test_annotations_and_files_for_programs(builder: Builder, tmp_path: Path) -> None:
    folder = context(tmp_path / "c", "FROM scratch", "COPY a /", a="a\n")
    words = (
        "--annotation",
        "a=1",
        "--annotation",
        "index:b=2",
        "--annotation",
        "manifest[linux/arm64],manifest-descriptor:c=3",
    )
    done = builder(
        folder,
        *BOTH,
        *words,
        "-t",
        "noted",
        "--json",
        "--iidfile",
        tmp_path / "iid",
        "--metadata-file",
        tmp_path / "meta",
        "--provenance",
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    store = Store(builder.engine.root)
    index = parse_index(store.layout.read(store.entry("noted")))
    assert index.annotations == (("b", "2"),)
    assert [dict(one.annotations) for one in index.manifests] == [{"c": "3"}, {"c": "3"}]
    assert store.resolve("noted", ARM64).manifest.annotations == (("a", "1"), ("c", "3"))
    assert store.resolve("noted", AMD64).manifest.annotations == (("a", "1"),)
    assert (tmp_path / "iid").read_text() == found["digest"] == found["id"] == store.entry("noted").digest
    assert [one["platform"]["architecture"] for one in found["images"]] == ["amd64", "arm64"]
    meta = json.loads((tmp_path / "meta").read_text())
    assert (meta["containerimage.digest"], meta["image.name"]) == (found["digest"], "docker.io/library/noted:latest")
    assert len(found["attached"]) == 2
    for word in ("index:b=2", "nothing", "nosuch:a=1"):
        refused = builder(folder, "--annotation", word)
        assert (refused.returncode, refused.stderr.startswith("whit: --annotation ")) == (2, True)


def test_stages_are_done_anew_where_that_is_asked_for(builder: Builder, tmp_path: Path) -> None:
    lines = (
        "FROM base AS one",
        "RUN echo 1 > /1",
        "FROM base AS two",
        "RUN echo 2 > /2",
        "FROM scratch",
        "COPY --from=one /1 /",
        "COPY --from=two /2 /",
    )
    folder = context(tmp_path, *lines)
    builder.built(folder, *NO_NETWORK)
    assert builder.built(folder, *NO_NETWORK, "--no-cache-filter", "TWO").count("CACHED") == 3


@pytest.mark.peer("docker-registry")
def test_names_are_pushed_once_built_and_bases_are_pulled_for_each_platform(whit: Path, tmp_path: Path) -> None:
    builder = make_builder(whit, tmp_path)
    with docker_registry(tmp_path / "registry") as registry:
        images = [
            make_image(builder.engine.root, f"{one}", (100,), seed=number, platform=platform)
            for number, (one, platform) in enumerate({"x": AMD64, "y": ARM64}.items())
        ]
        make_index(builder.engine.root, f"{registry.name}/base:1", *images)
        builder.engine("push", f"{registry.name}/base:1")
        fresh = Builder(Engine(whit, tmp_path / "other"), tmp_path)
        folder = context(
            tmp_path / "c",
            f"FROM {registry.name}/base:1",
            "ARG TARGETARCH",
            "COPY $TARGETARCH /arch",
            amd64="a",
            arm64="b",
        )
        done = fresh(folder, *BOTH, "-t", f"{registry.name}/app:1", "-t", f"{registry.name}/app:2", "--push", "--json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert [one["digest"] for one in found["pushed"]] == [found["digest"]] * 2
        registry_name = f"{registry.name}/base:1"
        assert Store(fresh.engine.root).resolve(registry_name).platform == AMD64, "the name stays this machine's"
        again = fresh.built(folder, *BOTH, "-t", f"{registry.name}/app:1", "--push", "-q")
        assert again == ""
        other = Engine(whit, tmp_path / "third")
        other("pull", "--platform", "linux/arm64", f"{registry.name}/app:1")
        assert Store(other.root).resolve(f"{registry.name}/app:1", ARM64).digest == found["images"][1]["digest"]
        fresh.built(folder, "-o", f"type=registry,name={registry.name}/single:1")
        other("pull", f"{registry.name}/single:1")
    offline = fresh.built(folder, *BOTH, "-t", "offline")
    assert offline.count("CACHED") == 2, "bases for other platforms are found again"
    refused = fresh(folder, *BOTH, "-t", f"{registry.name}/app:1", "--push")
    assert refused.returncode == 1
    assert "whit: " in refused.stderr
    nameless = fresh(folder, "--push")
    assert (nameless.returncode, "there is no name to push to" in nameless.stderr) == (2, True)


def test_checks_need_no_store_that_can_be_written_to(builder: Builder, tmp_path: Path) -> None:
    folder = context(tmp_path, "FROM scratch", "copy a /", a="a")
    done = Engine(builder.engine.program, tmp_path / "none").run("build", "--check", folder)
    assert "ConsistentInstructionCasing" in done.stdout
    assert not (tmp_path / "none").exists()
