from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.image.oci import (
    CONFIG,
    LAYER_GZIP,
    Descriptor,
    History,
    ImageConfig,
    Index,
    Manifest,
    digest_of,
    parse_config,
    parse_index,
    parse_manifest,
)
from whit.packer.image.platform import Platform
from whit.packer.image.spec import RunConfig
from whit.packer.support.errors import InvalidFileError

DIGEST = digest_of(b"x")
MANIFEST = Manifest(Descriptor(CONFIG, DIGEST, 1), (Descriptor(LAYER_GZIP, DIGEST, 1),), (("a", "b"),))


def test_documents_come_back_as_they_were_written() -> None:
    config = ImageConfig(
        Platform("linux", "arm", "v7"),
        RunConfig(entrypoint=("/a", "x\ny"), env=("A=ü",), user="1:1", labels=(("k", "v"),), exposed_ports=("80/tcp",)),
        (DIGEST,),
        (History("made", "1970-01-01T00:00:00Z"),),
        "1970-01-01T00:00:00Z",
    )
    index = Index((Descriptor(CONFIG, DIGEST, 1, (("n", "v"),), Platform("linux", "amd64")),))
    assert parse_config(config.to_json()) == config
    assert parse_manifest(MANIFEST.to_json()) == MANIFEST
    assert parse_index(index.to_json()) == index


def test_documents_are_canonical() -> None:
    data = MANIFEST.to_json()
    assert data == json.dumps(json.loads(data), sort_keys=True, separators=(",", ":")).encode()


def _changed(**members: object) -> bytes:
    return json.dumps({**json.loads(MANIFEST.to_json()), **members}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"a":NaN}',
        b'{"a":' * 100_000,
        b'{"x":' + b"[" * 40 + b"]" * 40 + b"}",
        b" " * (5 << 20),
        _changed(mediaType="text/plain"),
        _changed(config=None),
        _changed(config={"mediaType": CONFIG, "digest": "sha256:../../etc", "size": 1}),
        _changed(config={"mediaType": CONFIG, "digest": DIGEST, "size": -1}),
        _changed(config={"mediaType": CONFIG, "digest": DIGEST, "size": True}),
        _changed(config={"mediaType": "no", "digest": DIGEST, "size": 1}),
        _changed(layers={}),
        _changed(layers=[1]),
        _changed(annotations={"a": 1}),
        _changed(annotations={"a": "\ud800"}),
    ],
    ids=range(18),
)
def test_what_is_no_manifest_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(InvalidFileError) as raised:
        parse_manifest(data)
    assert "\n" not in raised.value.message


@given(
    st.binary(max_size=200)
    | st.dictionaries(st.text(), st.none() | st.integers() | st.text()).map(lambda d: json.dumps(d).encode())
)
def test_no_bytes_bring_a_parser_down(data: bytes) -> None:
    for parse in (parse_config, parse_manifest, parse_index):
        try:
            parse(data)
        except InvalidFileError:
            continue
