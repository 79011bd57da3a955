"""WebAssembly's two forms, the image and the artifact: everything that is done with images is done with both, by others too."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.bench.programs import CRANE, go_program
from tests.conftest import lacking
from tests.integration.registries import AMD64, is_whole, make_image
from tests.peers.registry import docker_registry
from tests.programs.build import build
from tests.programs.make_wasm import COMPONENT, MODULE, custom, name, producers, section, vector
from whit.packer.image.oci import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.registry import RegistryPeer

FORMS = ("oci", "wasm")
PROGRAM = (
    MODULE
    + section(2, vector(name("wasi_snapshot_preview1") + name("fd_write") + b"\0\0"))
    + producers(language=("Rust", ""), processed_by=("rustc", "1.95.0 (abc 2026-04-14)"))
)
CLI = COMPONENT + section(11, vector(b"\0" + name("wasi:cli/run@0.2.3") + b"\x05\x00\x00"))


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryPeer]:
    with docker_registry(tmp_path_factory.mktemp("registry")) as peer:
        yield peer


def done(run_whit: RunWhit, *words: str | Path, root: Path | None = None) -> str:
    result = run_whit(*words, root=root)
    assert result.returncode == 0, result.stderr
    return result.stdout


def packed(run_whit: RunWhit, tmp_path: Path, form: str, image: str, data: bytes = PROGRAM) -> str:
    """The digest of an image or artifact of a program."""
    program = tmp_path / "app.wasm"
    program.write_bytes(data)
    digest: str = json.loads(done(run_whit, "pack", "--json", "--format", form, "-t", image, program))["digest"]
    return digest


@pytest.mark.parametrize("form", FORMS)
def test_what_is_done_with_images_is_done_with_both_forms(run_whit: RunWhit, tmp_path: Path, form: str) -> None:
    digest = packed(run_whit, tmp_path, form, "me/app:1")
    platform = {"oci": "wasi/wasm", "wasm": "wasip1/wasm"}[form]

    assert done(run_whit, "images", "--format", "{{.Repository}} {{.Platform}}") == f"me/app {platform}\n"
    shown = json.loads(done(run_whit, "inspect", "--type", "image", "me/app:1"))[0]
    assert (shown["Digest"], f"{shown['Os']}/{shown['Architecture']}") == (digest, platform)
    assert shown["Config"]["Entrypoint"] == ["/app.wasm"]
    assert "/app.wasm" in done(run_whit, "history", "--no-trunc", "me/app:1")
    done(run_whit, "tag", "me/app:1", "me/app:2")
    assert done(run_whit, "rmi", "me/app:1") == "Untagged: me/app:1\n"
    sbom = json.loads(done(run_whit, "sbom", "--format", "cyclonedx", "me/app:2"))
    assert {"app.wasm", "rust-compiler"} <= {part["name"] for part in sbom["components"]}
    packed(run_whit, tmp_path, form, "me/app:3", PROGRAM + custom("more"))
    changed = json.loads(run_whit("image", "diff", "--json", "me/app:2", "me/app:3").stdout)
    assert [file["path"] for file in changed["files"]] == ["/app.wasm"]


@pytest.mark.parametrize("form", FORMS)
def test_both_forms_keep_their_digest_through_archives_and_layouts(
    run_whit: RunWhit, tmp_path: Path, form: str
) -> None:
    digest = packed(run_whit, tmp_path, form, "me/app:1")

    done(run_whit, "save", "-o", tmp_path / "app.tar", "me/app:1")
    done(run_whit, "load", "-i", tmp_path / "app.tar", root=tmp_path / "loaded")
    done(run_whit, "copy", "store:me/app:1", f"oci:{tmp_path}/layout:1")
    done(run_whit, "copy", f"oci:{tmp_path}/layout:1", "store:me/app:copied", root=tmp_path / "copied")

    assert is_whole(tmp_path / "loaded", "me/app:1", digest)
    assert is_whole(tmp_path / "copied", "me/app:copied", digest)


@pytest.mark.peer("docker-registry")
@pytest.mark.parametrize("form", FORMS)
def test_both_forms_are_pushed_pulled_and_have_what_belongs_to_them_attached(
    registry: RegistryPeer, run_whit: RunWhit, tmp_path: Path, form: str
) -> None:
    image = f"{registry.name}/wasm/{form}:1"
    digest = packed(run_whit, tmp_path, form, image)

    done(run_whit, "sbom", "--attach", image)
    done(run_whit, "push", image)
    for words in ((), ("--platform", "wasi/wasm")):
        root = tmp_path / f"other{len(words)}"
        done(run_whit, "pull", "--with-referrers", *words, image, root=root)
        assert is_whole(root, image, digest)
        assert "spdx" in done(run_whit, "referrers", image, root=root)
    refused = run_whit("pull", "--platform", "linux/arm64", image)
    assert refused.returncode != 0
    assert "nothing for linux/arm64" in refused.stderr


@pytest.mark.peer("docker-registry", "skopeo")
@pytest.mark.parametrize("form", FORMS)
def test_skopeo_copies_both_forms(registry: RegistryPeer, run_whit: RunWhit, tmp_path: Path, form: str) -> None:
    image, copy = (f"{registry.name}/skopeo/{form}:{tag}" for tag in ("1", "copy"))
    digest = packed(run_whit, tmp_path, form, image)
    done(run_whit, "push", image)
    insecure = ("--src-tls-verify=false", "--dest-tls-verify=false", "--override-os=wasi", "--override-arch=wasm")

    subprocess.run(["skopeo", "copy", *insecure, f"docker://{image}", f"docker://{copy}"], check=True, timeout=60)

    done(run_whit, "pull", copy, root=tmp_path / "other")
    assert is_whole(tmp_path / "other", copy, digest)


@pytest.mark.slow  # crane is compiled first
@pytest.mark.peer("docker-registry")
@pytest.mark.parametrize("form", FORMS)
def test_crane_copies_and_validates_both_forms(
    registry: RegistryPeer, run_whit: RunWhit, tmp_path: Path, form: str
) -> None:
    crane = go_program(CRANE)
    if crane is None:
        lacking("there is no Go to build crane with")
        return
    image, copy = (f"{registry.name}/crane/{form}:{tag}" for tag in ("1", "copy"))
    digest = packed(run_whit, tmp_path, form, image)
    done(run_whit, "push", image)

    subprocess.run([crane, "copy", image, copy], check=True, timeout=60)
    if form == "oci":
        subprocess.run([crane, "validate", "--remote", copy], check=True, timeout=60)

    done(run_whit, "pull", copy, root=tmp_path / "other")
    assert is_whole(tmp_path / "other", copy, digest)


@pytest.mark.peer("docker-registry")
def test_one_name_has_a_program_for_linux_and_one_for_wasi(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    linux = make_image(whit_root, "me/app:linux", (10,), platform=AMD64)
    wasi = packed(run_whit, tmp_path, "oci", "me/app:wasi")
    both = f"{registry.name}/wasm/both:1"
    done(run_whit, "manifest", "create", both, "me/app:linux", "me/app:wasi")
    done(run_whit, "push", both)

    for platform, digest in (("linux/amd64", linux.digest), ("wasi/wasm", wasi), ("wasip1/wasm", wasi)):
        root = tmp_path / platform.partition("/")[0]
        done(run_whit, "pull", "--platform", platform, both, root=root)
        assert is_whole(root, both, digest)


@pytest.mark.peer("docker-registry")
def test_an_artifact_of_several_components_is_refused_before_anything_is_fetched(
    registry: RegistryPeer, run_whit: RunWhit, tmp_path: Path
) -> None:
    packed(run_whit, tmp_path, "wasm", "me/app:1", CLI)
    layout = tmp_path / "layout"
    done(run_whit, "copy", "store:me/app:1", f"oci:{layout}:1")
    index = json.loads((layout / "index.json").read_text())
    blobs = layout / "blobs/sha256"
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_bytes())
    manifest["layers"] *= 2
    data = json.dumps(manifest).encode()
    (blobs / digest_of(data)[7:]).write_bytes(data)
    index["manifests"][0] |= {"digest": digest_of(data), "size": len(data)}
    (layout / "index.json").write_text(json.dumps(index))
    image = f"{registry.name}/wasm/several:1"
    done(run_whit, "copy", f"oci:{layout}:1", f"docker://{image}")

    refused = run_whit("pull", image, root=tmp_path / "other")

    assert refused.returncode != 0
    assert refused.stderr.splitlines()[-2].startswith(f"whit: {image} has 2 layers, and one that is WebAssembly")


def test_a_dockerfile_makes_an_image_for_wasi_and_one_on_top_of_it(run_whit: RunWhit, tmp_path: Path) -> None:
    (tmp_path / "app.wasm").write_bytes(PROGRAM)
    file = tmp_path / "Dockerfile"
    file.write_text('FROM scratch\nCOPY app.wasm /app.wasm\nENTRYPOINT ["/app.wasm"]\n')
    done(run_whit, "build", "--platform", "wasi/wasm", "-t", "me/base", tmp_path)
    file.write_text("FROM me/base\nENV A=b\n")
    done(run_whit, "build", "--platform", "wasi/wasm", "-t", "me/app", tmp_path)

    shown = json.loads(done(run_whit, "inspect", "--type", "image", "me/app"))[0]

    assert (shown["Os"], shown["Architecture"]) == ("wasi", "wasm")
    assert shown["Config"]["Entrypoint"] == ["/app.wasm"]


def test_nothing_can_be_put_on_an_artifact(run_whit: RunWhit, tmp_path: Path) -> None:
    packed(run_whit, tmp_path, "wasm", "me/app:1")
    (tmp_path / "Dockerfile").write_text("FROM me/app:1\nENV A=b\n")

    for words in (
        ("build", "--platform", "wasi/wasm", "-t", "me/other", tmp_path),
        ("pack", "--base", "me/app:1", tmp_path / "app.wasm"),
    ):
        refused = run_whit(*words)
        assert refused.returncode != 0
        assert "is a Wasm artifact: it holds one module, and nothing can be put on it" in refused.stderr


def test_lint_asks_of_an_artifact_no_more_than_it_can_say(run_whit: RunWhit, tmp_path: Path) -> None:
    packed(run_whit, tmp_path, "wasm", "me/app:1")

    found = json.loads(done(run_whit, "lint", "--json", "me/app:1"))

    assert "root-user" not in {finding["id"] for finding in found["findings"]}


@pytest.mark.peer("docker-registry")
@pytest.mark.parametrize(("form", "platform"), [("oci", "wasi/wasm"), ("wasm", "wasip1/wasm")])
def test_a_build_file_makes_one_name_for_linux_and_for_wasi_in_either_form(
    registry: RegistryPeer, run_whit: RunWhit, tmp_path: Path, form: str, platform: str
) -> None:
    """Given a whit.yaml for linux and wasi, when it is pushed, then each platform is pulled by its own name, an artifact too."""
    native = build("exit", "c-zig", stripped=True)
    for target, data in (("amd64", native.read_bytes()), ("wasm", PROGRAM)):
        (tmp_path / target).mkdir()
        (tmp_path / target / "app").write_bytes(data)
        (tmp_path / target / "app").chmod(0o755)
    image = f"{registry.name}/yaml/{form}:1"
    (tmp_path / "whit.yaml").write_text(
        f"name: {image}\nplatforms: [linux/amd64, wasi/wasm]\nbinary: ${{TARGETARCH}}/app\nformat: {form}\n"
    )

    built = json.loads(done(run_whit, "build", "--json", "--push", tmp_path))

    assert [f"{one['platform']['os']}/{one['platform']['architecture']}" for one in built["images"]] == [
        "linux/amd64",
        platform,
    ]
    for asked, made in zip(("linux/amd64", "wasi/wasm"), built["images"], strict=True):
        root = tmp_path / f"pulled-{made['platform']['os']}"
        done(run_whit, "pull", "--platform", asked, image, root=root)
        assert is_whole(root, image, made["digest"])


def test_what_an_artifact_has_no_place_for_is_told_with_its_build_file(run_whit: RunWhit, tmp_path: Path) -> None:
    (tmp_path / "app.wasm").write_bytes(PROGRAM)
    (tmp_path / "whit.yaml").write_text('binary: app.wasm\nformat: wasm\nenv: {A: b}\nuser: "5"\n')

    refused = run_whit("build", tmp_path)

    assert refused.returncode != 0
    assert refused.stderr.startswith(
        f"whit: {tmp_path}/whit.yaml: format wasm: the artifact holds the module and nothing else, so not variables, a user\n"
    )
