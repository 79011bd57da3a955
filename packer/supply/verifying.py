"""Is an image signed by a key? Every signature that is attached to it is looked at; one that holds is enough."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.image.oci import DOCKER_MANIFEST, INDEXES, MANIFEST, parse_manifest
from whit.packer.supply.attaching import MOST, plain
from whit.packer.supply.places import images
from whit.packer.supply.provenance import PREDICATE
from whit.packer.supply.signing import (
    ENVELOPE,
    MAX_PAYLOAD,
    SIMPLE_SIGNING,
    Payload,
    opened_envelope,
    parse_payload,
    signature_of,
)
from whit.packer.support.errors import InvalidFileError, WhitError
from whit.packer.support.jsondoc import parse_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.image.oci import Descriptor
    from whit.packer.supply.keys import PublicKey
    from whit.packer.supply.places import Place


class VerificationError(WhitError):
    """An image isn't signed as it should be."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a signature has to say: by which key, and, where given, of which repository and with which annotations."""

    key: PublicKey
    identity: str | None = None
    annotations: tuple[tuple[str, str], ...] = ()


def verify(place: Place, wanted: Wanted, name: str) -> tuple[Payload, ...]:
    """All signatures that hold. Raises :class:`VerificationError` where none does, with the reason why."""
    found: dict[bytes, Payload] = {}
    refused: list[str] = []
    for layer in layers(place, place.subject.digest, SIMPLE_SIGNING):
        reason = _checked(place, layer, wanted, found)
        if reason:
            refused.append(reason)
    if found:
        return tuple(found.values())
    if not refused:
        raise VerificationError(f"{name} has no signature", hint=_where(name))
    several = f" ({len(refused)} signatures)" if len(refused) > 1 else ""
    raise VerificationError(f"{name} isn't signed as it should be{several}: {refused[-1]}")


def _where(name: str) -> str | None:
    if name.startswith("docker://"):
        return None
    return f"'whit verify docker://{name}' looks at its registry, 'whit sign' signs it"


def _checked(place: Place, layer: Descriptor, wanted: Wanted, found: dict[bytes, Payload]) -> str | None:
    """Why a signature doesn't hold; None where it does, which is noted."""
    signature = signature_of(layer)
    if signature is None:
        return "a signature isn't base64"
    try:
        if layer.size > MAX_PAYLOAD:
            return f"a payload has {layer.size} bytes"
        data = place.blob(layer)
    except WhitError as error:
        return f"its payload can't be read: {error.message}"
    if not wanted.key.verifies(signature, data):
        return "the signature is another key's, or its payload was changed"
    try:
        payload = parse_payload(data)
    except InvalidFileError as error:
        return error.message
    reason = _differs(payload, wanted, place.subject.digest)
    if reason is None:
        found.setdefault(data, payload)
    return reason


def _differs(payload: Payload, wanted: Wanted, digest: str) -> str | None:
    if payload.digest != digest:
        return f"the signature is another image's, {payload.digest[:80]}"
    if wanted.identity is not None and payload.identity != wanted.identity:
        return f"it is signed as {payload.identity[:200]!r}, not as {wanted.identity!r}"
    said = dict(payload.annotations)
    for key, value in wanted.annotations:
        if said.get(key) != value:
            return (
                f"it is signed with {key}={said[key]!r}, not {value!r}"
                if key in said
                else f"it is signed without {key}"
            )
    return None


def provenances(place: Place, key: PublicKey, name: str) -> tuple[dict[str, object], ...]:
    """The signed statements of how an image, or each of an index, was made. Raises :class:`VerificationError` where one lacks."""
    found: list[dict[str, object]] = []
    for image in images(place):
        if image.media_type in INDEXES:
            continue
        statements = list(_statements(place, image.digest, key))
        if not statements:
            what = name if image.digest == place.subject.digest else f"{name}: {image.digest}"
            raise VerificationError(f"{what} has no provenance that is signed by that key", hint=_where(name))
        found += statements
    return tuple(found)


def _statements(place: Place, digest: str, key: PublicKey) -> Iterator[dict[str, object]]:
    """Those about the image itself; what is about another one and was hung on this is passed over."""
    for layer in layers(place, digest, ENVELOPE):
        with contextlib.suppress(InvalidFileError):
            data = opened_envelope(place.blob(layer), key)
            if data is None:
                continue
            doc = parse_object(data, "the statement", len(data))
            subjects = {item.doc("digest").text_or_none("sha256") for item in doc.docs("subject")[:100]}
            if doc.text_or_none("predicateType") == PREDICATE and digest.partition(":")[2] in subjects:
                statement: dict[str, object] = json.loads(data)
                yield statement


def layers(place: Place, digest: str, media_type: str) -> Iterator[Descriptor]:
    """The layers of a kind in all that is attached to an image; each once."""
    seen: set[Descriptor] = set()
    for referrer in place.referrers(digest):
        if referrer.media_type not in {MANIFEST, DOCKER_MANIFEST}:
            continue
        with contextlib.suppress(InvalidFileError):
            for layer in parse_manifest(place.document(plain(referrer)), referrer.digest).layers:
                if layer.media_type == media_type and layer not in seen:
                    seen.add(layer)
                    if len(seen) > MOST:
                        return
                    yield layer
