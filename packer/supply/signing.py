"""Signatures of images in cosign's form: what is signed, and how it is said. Pure.

The payload is "simple signing" (containers/image, docs/containers-signature.5.md) with cosign's type; the signature stands in an
annotation of the layer that holds it. In-toto statements are signed as DSSE envelopes (secure-systems-lab/dsse).
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.image.oci import MANIFEST, Descriptor, Manifest, digest_of
from whit.packer.image.reference import DEFAULT_DOMAIN
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.jsondoc import canonical_json, parse_object

if TYPE_CHECKING:
    from whit.packer.image.reference import Reference
    from whit.packer.supply.keys import PrivateKey, PublicKey

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGNATURES = "application/vnd.dev.cosign.artifact.sig.v1+json"
ENVELOPE = "application/vnd.dsse.envelope.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
SIGNATURE = "dev.cosignproject.cosign/signature"
TYPE = "cosign container image signature"
MAX_PAYLOAD = 1 << 20
"""Bytes of a payload that are read."""

_EMPTY = b"{}"


@dataclass(frozen=True, slots=True)
class Payload:
    """What a signature says: which image, by which name, and what the signer added."""

    digest: str
    identity: str
    annotations: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> bytes:
        """The bytes that are signed."""
        return canonical_json(
            {
                "critical": {
                    "identity": {"docker-reference": self.identity},
                    "image": {"docker-manifest-digest": self.digest},
                    "type": TYPE,
                },
                "optional": dict(self.annotations) or None,
            }
        )


def parse_payload(data: bytes) -> Payload:
    """A payload of untrusted bytes. Raises :class:`InvalidFileError`."""
    doc = parse_object(data, "the signature's payload", MAX_PAYLOAD)
    critical = doc.doc("critical")
    if critical.text("type") != TYPE:
        raise InvalidFileError(f"the signature's payload is of type {critical.text('type')!r}, not an image's")
    optional = json.loads(data).get("optional")
    texts = (
        {str(key): value for key, value in optional.items() if isinstance(value, str)}
        if isinstance(optional, dict)
        else {}
    )
    return Payload(
        critical.doc("image").text("docker-manifest-digest"),
        critical.doc("identity").free_text("docker-reference"),
        tuple(sorted(texts.items())),
    )


def identity_of(reference: Reference) -> str:
    """A repository as cosign names it: docker.io by the address of its index."""
    domain = "index.docker.io" if reference.domain == DEFAULT_DOMAIN else reference.domain
    return f"{domain}/{reference.path}"


def signed(subject: Descriptor, payload: Payload, key: PrivateKey) -> tuple[Manifest, dict[str, bytes]]:
    """The artifact that says it, and its blobs by digest."""
    data = payload.to_json()
    signature = base64.b64encode(key.sign(data)).decode()
    layer = Descriptor(SIMPLE_SIGNING, digest_of(data), len(data), ((SIGNATURE, signature),))
    # Cosign finds it among an image's referrers by the media type of its configuration.
    config = Descriptor(SIGNATURES, digest_of(_EMPTY), len(_EMPTY))
    manifest = Manifest(config, (layer,), (), MANIFEST, SIGNATURES, subject)
    return manifest, {layer.digest: data, config.digest: _EMPTY}


def signature_of(layer: Descriptor) -> bytes | None:
    """The signature over a layer's payload; None where there is none that can be one."""
    try:
        return base64.b64decode(layer.annotation(SIGNATURE) or "", validate=True) or None
    except (binascii.Error, ValueError):
        return None


def envelope(statement: bytes, key: PrivateKey) -> bytes:
    """An in-toto statement, signed (DSSE 1.0)."""
    signature = base64.b64encode(key.sign(_pre_authentication(IN_TOTO, statement))).decode()
    payload = base64.b64encode(statement).decode()
    return canonical_json({"payloadType": IN_TOTO, "payload": payload, "signatures": [{"keyid": "", "sig": signature}]})


def opened_envelope(data: bytes, key: PublicKey) -> bytes | None:
    """The statement of an envelope that one of its signatures is the key's of, else None. Raises :class:`InvalidFileError`."""
    doc = parse_object(data, "the envelope", len(data))
    try:
        payload = base64.b64decode(doc.text("payload"), validate=True)
        signatures = [base64.b64decode(item.text("sig"), validate=True) for item in doc.docs("signatures")[:100]]
    except (binascii.Error, ValueError):
        raise InvalidFileError("the envelope isn't DSSE: something in it isn't base64") from None
    whole = _pre_authentication(doc.text("payloadType"), payload)
    return payload if any(key.verifies(signature, whole) for signature in signatures) else None


def _pre_authentication(kind: str, payload: bytes) -> bytes:
    """What is signed of an envelope: lengths before texts, so that nothing can be read in two ways (DSSE, PAE)."""
    text = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(text), text, len(payload), payload)
