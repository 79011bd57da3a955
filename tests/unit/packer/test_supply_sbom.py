"""Bills of materials: what is found in an image, and the documents, by the official libraries' judgement."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL
from spdx_python_model import v3_0_1 as spdx3_model
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from tests.programs.make_wasm import MODULE, producers
from tests.unit.packer.supplied import INSTALLED, add_image, debian_files, go_program
from whit.packer.image.platform import Platform
from whit.packer.store.store import Store
from whit.packer.supply import distro
from whit.packer.supply.components import File, Subject, take_inventory
from whit.packer.supply.reading import inventory_of
from whit.packer.supply.sbom import Form, bill
from whit.packer.support.light import replace

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.supply.components import Inventory

PARSER: Any = JsonLikeDictParser
KNOWN = {
    "pkg:golang/example.org/cmd@v1.2.3",
    "pkg:golang/stdlib@1.22.3",
    "pkg:golang/golang.org/x/text@v0.3.7",
    "pkg:golang/github.com/docker/docker@v24.0.1%2Bincompatible",
    "pkg:golang/example.org/own",
    "pkg:cargo/server@0.3.1",
    "pkg:cargo/time@0.1.43",
    "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12",
    "pkg:deb/debian/base-files@12.4%2Bdeb12u5?distro=debian-12",
}


def inventory(root: Path, files: dict[str, bytes] | None = None) -> Inventory:
    store = Store.open(root)
    image = add_image(store, "r.example/me/app:1", debian_files() if files is None else files)
    return inventory_of(store.layout, image)


def test_programs_modules_crates_and_packages_are_found_and_named_as_the_oracle_names_them(tmp_path: Path) -> None:
    found = inventory(tmp_path)

    assert {component.purl for component in found.components} == KNOWN
    for purl in (found.subject.purl, *KNOWN):
        assert PackageURL.from_string(purl).to_string() == purl
    assert found.subject.purl.startswith("pkg:oci/app@sha256:")
    assert {file.path for file in found.files} == set(debian_files())
    parts = {component.name: component.part_of for component in found.components}
    assert parts["golang.org/x/text"] == "/usr/bin/cmd"
    assert parts["time"] == "/usr/bin/server"
    sources = {component.name: (component.ecosystem, component.source) for component in found.components}
    assert sources["libssl3"] == ("Debian:12", ("openssl", "3.0.11-1"))
    assert sources["example.org/own"] == ("", ("example.org/own", ""))


def test_alpine_s_and_distroless_packages_are_found(tmp_path: Path) -> None:
    release = b"ID=alpine\nVERSION_ID=3.19.1\n"
    alpine = inventory(tmp_path / "alpine", {"/usr/lib/os-release": release, "/lib/apk/db/installed": INSTALLED})
    status = b"Package: tzdata\nVersion: 2024a-0+deb12u1\nArchitecture: all\n"
    distroless = inventory(
        tmp_path / "distroless",
        {"/var/lib/dpkg/status.d/tzdata": status, "/var/lib/dpkg/status.d/tzdata.md5sums": b"0123  usr/x\n"},
    )

    assert [(item.purl, item.ecosystem, item.source) for item in alpine.components] == [
        (
            "pkg:apk/alpine/libcrypto3@3.1.4-r5?arch=x86_64&distro=alpine-3.19.1",
            "Alpine:v3.19",
            ("openssl", "3.1.4-r5"),
        ),
        ("pkg:apk/alpine/musl@1.2.4-r2?distro=alpine-3.19.1", "Alpine:v3.19", ("musl", "1.2.4-r2")),
    ]
    assert [item.purl for item in distroless.components] == ["pkg:deb/debian/tzdata@2024a-0%2Bdeb12u1?arch=all"]


def test_a_webassembly_file_is_told_with_what_made_it(tmp_path: Path) -> None:
    module = MODULE + producers(language=("Rust", ""), processed_by=("rustc", "1.95.0 (59807616e 2026-04-14)"))

    program, compiler = inventory(tmp_path, {"/app.wasm": module}).components

    assert program.purl.startswith("pkg:generic/app.wasm?checksum=sha256:")
    assert (program.path, program.language) == ("/app.wasm", "rust 1.95.0")
    assert (compiler.purl, compiler.part_of) == ("pkg:generic/rust-compiler@1.95.0", "/app.wasm")


def test_a_file_that_a_higher_layer_hides_is_not_told(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "root")
    below = add_image(store, "me/below:1", {"/usr/bin/cmd": go_program(), "/kept": b"x"})
    above = add_image(store, "me/above:1", {"/usr/bin/.wh.cmd": b""})
    both = replace(
        below,
        manifest=replace(below.manifest, layers=(*below.manifest.layers, *above.manifest.layers)),
        config=replace(below.config, diff_ids=(*below.config.diff_ids, *above.config.diff_ids)),
    )

    found = inventory_of(store.layout, both)

    assert [file.path for file in found.files] == ["/kept"]
    assert found.components == ()


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[Form, bytes]:
    found = inventory(tmp_path_factory.mktemp("root"))
    again = inventory(tmp_path_factory.mktemp("other"))
    made = {form: bill(found, form, 1_700_000_000, "1.0") for form in Form}
    assert made == {form: bill(again, form, 1_700_000_000, "1.0") for form in Form}
    return made


def test_spdx_2_is_valid_and_says_what_contains_what(documents: dict[Form, bytes]) -> None:
    document = json.loads(documents[Form.SPDX])

    assert validate_full_spdx_document(PARSER().parse(document)) == []
    names = {package["SPDXID"]: package["name"] for package in document["packages"]}
    contains = {
        (names[item["spdxElementId"]], names[item["relatedSpdxElement"]])
        for item in document["relationships"]
        if item["relationshipType"] == "CONTAINS" and item["relatedSpdxElement"] in names
    }
    assert {("app", "cmd"), ("cmd", "golang.org/x/text"), ("server", "time"), ("app", "libssl3")} <= contains
    assert document["creationInfo"]["created"] == "2023-11-14T22:13:20Z"


def test_spdx_3_is_valid(documents: dict[Form, bytes]) -> None:
    objects = spdx3_model.SHACLObjectSet()

    spdx3_model.JSONLDDeserializer().read(io.BytesIO(documents[Form.SPDX3]), objects)

    assert objects.missing_ids == set()
    packages: Any = objects.foreach_type("software_Package")
    urls = {package.software_packageUrl for package in packages}
    assert urls >= KNOWN


def test_cyclonedx_is_valid_and_says_what_depends_on_what(documents: dict[Form, bytes]) -> None:
    document = json.loads(documents[Form.CYCLONEDX])

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(documents[Form.CYCLONEDX].decode()) is None
    names = {item["bom-ref"]: item["name"] for item in document["components"]}
    below = {names.get(item["ref"], "image"): item.get("dependsOn", ()) for item in document["dependencies"]}
    assert {names[ref] for ref in below["cmd"]} == {
        "stdlib",
        "golang.org/x/text",
        "github.com/docker/docker",
        "example.org/own",
    }


def test_names_that_are_no_utf_8_are_shown() -> None:
    subject = Subject(f"sha256:{1:064x}", "app", Platform("linux", "amd64"))
    found = take_inventory(subject, [File("/usr/bin/\udcff", 1, "0" * 64, "0" * 40)], {}, {})

    for form in Form:
        assert rb"\\xff" in bill(found, form, 0, "1.0")


lines = st.lists(
    st.sampled_from(["P:a", "V:1", "o:b", "Package: a", "Version: 1", "Status: x installed", "", " more", "A:", ":", "Source: a (2)"])
    | st.text(max_size=20),
    max_size=20,
)  # fmt: skip


@given(lines, st.binary(max_size=60))
def test_any_bytes_are_a_database(text: list[str], data: bytes) -> None:
    whole = "\n".join(text).encode("utf-8", "replace") + data
    files: dict[str, Any] = dict.fromkeys(("/var/lib/dpkg/status", "/lib/apk/db/installed", "/etc/os-release"), whole)

    for package in distro.installed(files):
        assert package.name
        assert package.version.isprintable()
    distro.release_of(files)
