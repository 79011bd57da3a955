"""A bundle's signature: an in-toto statement in a DSSE envelope, as provenance has it (docs/supply-chain.md), behind all else.

What is signed is the digest of all bytes before it. The place for it is as large for every key, so that the head, which is signed,
can tell where it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.supply.signing import envelope, opened_envelope
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.jsondoc import canonical_json, parse_object

if TYPE_CHECKING:
    from whit.packer.supply.keys import PrivateKey, PublicKey

SIZE = 4096
"""Bytes of its place, filled up with line feeds."""

STATEMENT, PREDICATE = "https://in-toto.io/Statement/v1", "https://whit.dev/bundle/v1"


def signature(name: str, digest: str, image: str, key: PrivateKey) -> bytes:
    """The bytes for the place. ``digest`` is the SHA-256, in hexadecimal, of all that comes before."""
    statement = canonical_json(
        {
            "_type": STATEMENT,
            "subject": [{"name": name, "digest": {"sha256": digest}}],
            "predicateType": PREDICATE,
            "predicate": {"image": image},
        }
    )
    data = envelope(statement, key)
    if len(data) > SIZE:
        raise InvalidFileError(f"the name {name[:40]}… is too long to be signed", hint="give the image a shorter one")
    return data.ljust(SIZE, b"\n")


def holds(data: bytes, digest: str, key: PublicKey) -> bool:
    """Whether what stands in the place is the key's signature of these bytes. Raises :class:`InvalidFileError` where it is none."""
    statement = opened_envelope(data.rstrip(b"\n"), key)
    if statement is None:
        return False
    doc = parse_object(statement, "the signature's statement", SIZE)
    subjects = [item.doc("digest").text_or_none("sha256") for item in doc.docs("subject")[:1]]
    return doc.text_or_none("predicateType") == PREDICATE and subjects == [digest]
