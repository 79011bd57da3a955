"""WebAssembly as an image: the CNCF's artifact, what others write, and what a container's documents say of its program."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.programs.build import build
from tests.programs.make_wasm import COMPONENT, MODULE, name, section, vector
from whit.packer.image.oci import (
    CONFIG,
    LAYER_GZIP,
    WASM_CONFIG,
    WASM_LAYER,
    WASM_LAYERS,
    Descriptor,
    Manifest,
    digest_of,
)
from whit.packer.image.platform import Platform, nearest, parse_platform
from whit.packer.image.spec import Compression, PackOptions
from whit.packer.image.wasmimage import TITLE, check_layers, module_config, module_path
from whit.packer.pipeline import Order, pack, write
from whit.packer.resolution.choices import Choices
from whit.packer.store.layout import Layout
from whit.packer.store.seeing import files_of
from whit.packer.store.store import Store, read_image
from whit.packer.support.errors import InvalidFileError, StoreError, UnsupportedError, UsageError
from whit.packer.wasm.claim import Claim, claim, variant

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.image.packcache import Record

LAYER = Descriptor(WASM_LAYER, digest_of(MODULE), len(MODULE))
RUN = b"\0" + name("wasi:cli/run@0.2.3") + b"\x05\x00\x00"
WORLD = COMPONENT + section(10, vector(b"\0" + name("wasi:io/error@0.2.3") + b"\x05\x00")) + section(11, vector(RUN))


def packed(tmp_path: Path, data: bytes, options: PackOptions, file: str = "app.wasm") -> tuple[Layout, Record]:
    program = tmp_path / file
    program.write_bytes(data)
    layout = Layout(tmp_path / "layout")
    layout.create()
    return layout, write(Order(str(program), options), layout)


def documents(layout: Layout, record: Record) -> tuple[dict[str, object], dict[str, object]]:
    """The manifest and the configuration as they were written."""
    manifest = layout.read(record.manifest)
    config = read_image(layout, record.manifest).manifest.config
    return json.loads(manifest), json.loads(layout.read(config))


@pytest.mark.parametrize("data", [MODULE, WORLD], ids=["module", "component"])
def test_packed_webassembly_is_an_image_for_wasi_as_docker_and_crun_know_it(tmp_path: Path, data: bytes) -> None:
    layout, record = packed(tmp_path, data, PackOptions())

    manifest, config = documents(layout, record)

    assert (config["os"], config["architecture"]) == ("wasi", "wasm")
    assert config["config"]["Entrypoint"] == ["/app.wasm"]  # type: ignore[index]
    assert manifest["annotations"]["module.wasm.image/variant"] == "compat-smart"  # type: ignore[index]
    assert record.platform == Platform("wasi", "wasm")


def test_a_name_that_crun_does_not_take_for_webassembly_is_marked_so_that_it_does(tmp_path: Path) -> None:
    layout, record = packed(tmp_path, MODULE, PackOptions(), "app")

    manifest, _ = documents(layout, record)

    assert manifest["annotations"]["module.wasm.image/variant"] == "compat"  # type: ignore[index]


def test_an_artifact_is_the_module_itself_with_the_cncfs_configuration(tmp_path: Path) -> None:
    layout, record = packed(tmp_path, MODULE, PackOptions(as_artifact=True))

    manifest, config = documents(layout, record)

    assert config == {
        "created": "1970-01-01T00:00:00Z",
        "architecture": "wasm",
        "os": "wasip1",
        "layerDigests": [digest_of(MODULE)],
    }
    assert manifest["config"]["mediaType"] == WASM_CONFIG  # type: ignore[index]
    assert manifest["layers"] == [
        {"mediaType": WASM_LAYER, "digest": digest_of(MODULE), "size": len(MODULE), "annotations": {TITLE: "app.wasm"}}
    ]


def test_a_components_artifact_tells_its_world(tmp_path: Path) -> None:
    layout, record = packed(tmp_path, WORLD, PackOptions(as_artifact=True))

    _, config = documents(layout, record)

    assert config["os"] == "wasip2"
    assert config["component"] == {
        "imports": ["wasi:io/error@0.2.3"],
        "exports": ["wasi:cli/run@0.2.3"],
        "target": "wasi:cli/command@0.2.3",
    }


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (PackOptions(env=("A=b",)), "variables"),
        (PackOptions(user="1"), "a user"),
        (PackOptions(path_in_image="/x.wasm"), "a path of its own"),
        (PackOptions(arguments=("a",), labels=(("a", "b"),)), "arguments, labels"),
        (PackOptions(compression=Compression.ZSTD), "compression by zstd"),
    ],
)
def test_an_artifact_has_no_place_for_what_an_image_says(tmp_path: Path, options: PackOptions, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        packed(tmp_path, MODULE, replace(options, as_artifact=True))


def test_an_artifact_has_no_place_for_files_beside_the_module(tmp_path: Path) -> None:
    program = tmp_path / "app.wasm"
    program.write_bytes(MODULE)
    layout = Layout(tmp_path / "layout")
    layout.create()
    order = Order(str(program), PackOptions(as_artifact=True), Choices(needs=(("ca", True),)))

    with pytest.raises(UsageError, match="not anything beside it"):
        write(order, layout)


def test_the_same_artifact_has_the_same_digest_in_any_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    one, other = (packed(tmp_path / where, WORLD, PackOptions(as_artifact=True))[1] for where in "ab")

    assert one.manifest == other.manifest


def test_an_artifact_is_read_as_an_image_that_holds_its_module_as_a_file(tmp_path: Path) -> None:
    layout, record = packed(tmp_path, MODULE, PackOptions(as_artifact=True))

    image = read_image(layout, record.manifest)
    files = files_of(layout, image)

    assert image.config.run.entrypoint == ("/app.wasm",)
    assert [(path, file.mode, file.size, file.digest) for path, file in files.items()] == [
        ("/app.wasm", 0o555, len(MODULE), digest_of(MODULE))
    ]


def test_a_damaged_module_is_noticed_when_it_is_unpacked(tmp_path: Path) -> None:
    layout, record = packed(tmp_path, MODULE, PackOptions(as_artifact=True))
    layout.blob_path(digest_of(MODULE)).write_bytes(MODULE[:-1] + b"x")

    with pytest.raises(StoreError, match="damaged"):
        files_of(layout, read_image(layout, record.manifest))


def test_packing_an_artifact_again_finds_it(tmp_path: Path) -> None:
    program = tmp_path / "app.wasm"
    program.write_bytes(MODULE)
    store = Store(tmp_path / "store")
    order = Order(str(program), PackOptions(as_artifact=True))

    assert pack(order, store, ()).manifest == pack(order, store, ()).manifest
    assert pack(Order(str(program), PackOptions()), store, ()).manifest != pack(order, store, ()).manifest


@pytest.mark.parametrize(
    ("title", "path"),
    [
        ("app.wasm", "/app.wasm"),
        ("etc", "/bin/etc"),
        ("", "/module.wasm"),
        ("..", "/module.wasm"),
        ("../etc/passwd", "/module.wasm"),
        ("/etc/passwd", "/module.wasm"),
        (".wh.app", "/module.wasm"),
        ("a" * 256, "/module.wasm"),
    ],
)
def test_a_module_stands_where_its_title_says_and_never_elsewhere(title: str, path: str) -> None:
    assert module_path(replace(LAYER, annotations=((TITLE, title),) if title else ())) == path


def manifest_of(*layers: Descriptor, media_type: str = WASM_CONFIG) -> Manifest:
    return Manifest(Descriptor(media_type, digest_of(b"x"), 1), layers)


def test_runwasis_images_from_before_the_artifact_are_read() -> None:
    old = replace(LAYER, media_type=WASM_LAYERS[1])
    config = {
        "os": "wasip1",
        "architecture": "wasm",
        "config": {"Entrypoint": ["demo.wasm#go", "x"], "Env": ["A=b"]},
        "rootfs": {"type": "layers", "diff_ids": []},
    }

    read = module_config(manifest_of(old, media_type=CONFIG), json.dumps(config).encode())

    assert read.run.entrypoint == ("/module.wasm#go", "x")
    assert read.run.env == ("A=b",)
    assert read.diff_ids == (LAYER.digest,)


def test_an_artifact_whose_configuration_is_empty_is_read() -> None:
    read = module_config(manifest_of(LAYER), b"{}")

    assert (str(read.platform), read.run.entrypoint) == ("wasi/wasm", ("/module.wasm",))


@pytest.mark.parametrize(
    "config",
    [
        {"layerDigests": [digest_of(b"other")]},
        {"layerDigests": ["md5:0"]},
        {"layerDigests": "no list"},
        {"os": 1},
        {"architecture": "a\nb"},
        {"config": {"Entrypoint": "text"}},
    ],
)
def test_configurations_that_contradict_their_layers_or_are_broken_are_refused(config: dict[str, object]) -> None:
    with pytest.raises(InvalidFileError):
        module_config(manifest_of(LAYER), json.dumps(config).encode())


def test_several_components_in_one_artifact_are_refused_as_its_specification_wants() -> None:
    other = Descriptor(LAYER_GZIP, digest_of(b"y"), 1)

    for manifest in (manifest_of(LAYER, LAYER), manifest_of(LAYER, other, media_type=CONFIG)):
        with pytest.raises(UnsupportedError, match="2 layers"):
            check_layers(manifest, "it")
        with pytest.raises(InvalidFileError, match="2 layers"):
            module_config(manifest, b"{}")


@pytest.mark.parametrize(
    ("text", "platform"), [("wasi/wasm", "wasi/wasm"), ("wasi/wasm32", "wasi/wasm"), ("wasip2/wasm", "wasip2/wasm")]
)
def test_wasi_is_a_platform(text: str, platform: str) -> None:
    assert str(parse_platform(text)) == platform


@pytest.mark.parametrize(
    ("wanted", "there", "found"),
    [
        ("wasi/wasm", ("linux/amd64", "wasip1/wasm"), 1),
        ("wasi/wasm", ("wasip2/wasm", "wasi/wasm"), 1),
        ("wasip2/wasm", ("wasip1/wasm", "wasi/wasm"), 1),
        ("wasip2/wasm", ("wasip1/wasm",), None),
        ("wasi/wasm", ("js/wasm", "linux/amd64"), None),
        ("linux/amd64", ("wasi/wasm",), None),
    ],
)
def test_wasi_is_any_version_of_it_and_the_same_word_is_better(
    wanted: str, there: tuple[str, ...], found: int | None
) -> None:
    assert nearest(parse_platform(wanted), map(parse_platform, there)) == found


WASM, SMART = {"run.oci.handler": "wasm"}, {"run.oci.handler": "wasm-smart"}
COMPAT, COMPAT_SMART = {"module.wasm.image/variant": "compat"}, {"module.wasm.image/variant": "compat-smart"}
POD = {"io.kubernetes.cri.container-type": "sandbox"}


@pytest.mark.parametrize(
    ("word", "annotations", "architecture", "claimed"),
    [
        ("/server", {}, "amd64", None),
        ("/app.wasm", {}, "", Claim("/app.wasm")),
        ("app.wasm#go", {}, "", Claim("app.wasm", "go")),
        ("/app.wat", {}, "", Claim("/app.wat")),
        ("/server", WASM, "", Claim("/server", "", is_certain=True)),
        ("/server", SMART, "", None),
        ("/app.wasm", SMART, "", Claim("/app.wasm")),
        ("/server", COMPAT, "", Claim("/server", "", is_certain=True)),
        ("/server", COMPAT_SMART, "", None),
        ("/app.wasm", COMPAT_SMART, "", Claim("/app.wasm")),
        ("/server", {**SMART, **COMPAT}, "", None),
        ("/server", {"run.oci.handler": "krun"}, "", None),
        ("/server#f", {}, "wasm", Claim("/server", "f", is_certain=True)),
        ("/server", {}, "wasm32", Claim("/server", "", is_certain=True)),
        ("/pause", {**WASM, **POD}, "", None),
        ("", {}, "", None),
    ],
)
def test_what_documents_say_of_a_program(
    word: str, annotations: dict[str, str], architecture: str, claimed: Claim | None
) -> None:
    assert claim(word, annotations, architecture) == claimed


@pytest.mark.parametrize(("word", "said"), [("/app.wasm", "compat-smart"), ("/app", "compat"), ("", "compat")])
def test_whit_marks_images_as_crun_wants_it(word: str, said: str) -> None:
    assert variant(word) == said


def test_no_other_program_becomes_an_artifact(tmp_path: Path) -> None:
    program = build("exit", "c-musl", stripped=True)
    layout = Layout(tmp_path / "layout")
    layout.create()
    with pytest.raises(UsageError, match="is no WebAssembly"):
        write(Order(str(program), PackOptions(as_artifact=True)), layout)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
MEMBERS = st.sampled_from(["os", "architecture", "layerDigests", "config", "created", "author", "component", "x"])


@given(st.dictionaries(MEMBERS, JSON | st.dictionaries(st.sampled_from(["Entrypoint", "Env"]), JSON)) | JSON)
def test_whatever_a_configuration_holds_it_is_read_or_refused_in_one_line(document: object) -> None:
    refused, word = "", "/module.wasm"
    try:
        word = module_config(manifest_of(LAYER), json.dumps(document).encode()).run.entrypoint[0]
    except InvalidFileError as error:
        refused = error.message
    assert "\n" not in refused
    assert word.partition("#")[0] == "/module.wasm"
