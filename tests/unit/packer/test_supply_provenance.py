"""How an image was made: the statement, what is in it, and what isn't."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import resource_descriptor_pb2, statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement

from tests.unit.packer.supplied import add_image, debian_files
from whit.packer.image.spec import PackOptions
from whit.packer.resolution.choices import Addition, Choices
from whit.packer.store.store import Store
from whit.packer.supply.attaching import attached
from whit.packer.supply.provenance import BUILD, build_origin, pack_origin, provenance
from whit.packer.supply.reading import inventory_of
from whit.packer.supply.sbom import Form
from whit.packer.supply.wishes import Made, Wishes, attach_wished, parse_forms
from whit.packer.support.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = pack_origin(
    "server",
    PackOptions(env=("A=b",), user="1"),
    Choices(needs=(("zones", True),), additions=(Addition("/home/me/secret/conf", "/etc/app"),)),
    "debian:12",
)


def test_it_tells_what_was_asked_for_and_each_file_and_no_place_on_the_host(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    image = add_image(store, "me/app:1", debian_files())

    data = provenance(inventory_of(store.layout, image), image.manifest, ORIGIN, "1.0")

    statement = json.loads(data)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert statement["subject"] == [{"name": "app", "digest": {"sha256": image.digest.partition(":")[2]}}]
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {
        "program": "server",
        "options": {"env": ["A=b"], "user": "1", "compression": "gzip"},
        "added": ["/etc/app"],
        "needs": {"zones": True},
        "sources": "packages",
        "base": "debian:12",
    }
    assert {item["name"] for item in definition["resolvedDependencies"]} == set(debian_files())
    assert statement["predicate"]["runDetails"]["builder"]["version"] == {"whit": "1.0"}
    assert b"/home/me" not in data
    parsed = json_format.Parse(data, statement_pb2.Statement())
    Statement.copy_from_pb(parsed).validate()
    for item in definition["resolvedDependencies"]:
        ResourceDescriptor.copy_from_pb(
            json_format.ParseDict(item, resource_descriptor_pb2.ResourceDescriptor())
        ).validate()
    json_format.ParseDict(statement["predicate"], provenance_pb2.Provenance())  # no member that SLSA doesn't know


def test_a_build_file_is_told_by_its_digest_and_variables_by_name_alone() -> None:
    origin = build_origin(BUILD, b"binary: x", {"TOKEN": "hunter2"}, platforms=["linux/amd64"], target="")

    assert json.dumps(origin.parameters, sort_keys=True) == (
        '{"file": {"digest": {"sha256": "75383b55b9df1606454b8269787aa056ddfaa9e32ccab367b5b90d79066de8e3"}},'
        ' "platforms": ["linux/amd64"], "variables": ["TOKEN"]}'
    )


def test_the_same_image_gets_the_same_artifacts_and_each_once(tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        store = Store.open(tmp_path / name)
        image = add_image(store, "me/app:1", debian_files())
        assert image.reference is not None
        made = Made(image.descriptor, (image.reference,), ORIGIN, 0, "1.0")
        wishes = Wishes((Form.SPDX, Form.CYCLONEDX), provenance=True)
        first, again = attach_wished(store, made, wishes), attach_wished(store, made, wishes)
        assert first == again == attached(store, image.digest)
        digests.add(tuple(item.digest for item in first))
    assert len(digests) == 1


def test_forms_are_named() -> None:
    assert parse_forms(("spdx,cyclonedx", "spdx")) == (Form.SPDX, Form.CYCLONEDX)
    with pytest.raises(UsageError, match="'swid' is no form") as refused:
        parse_forms(("swid",))
    assert refused.value.hint == "one of spdx, spdx3, cyclonedx"
