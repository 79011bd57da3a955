"""What is to be attached to an image as soon as it is there: ``--sbom``, ``--provenance`` and ``--sign``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.image.oci import INDEXES
from whit.packer.supply.attaching import attach_document
from whit.packer.supply.places import InStore, images
from whit.packer.supply.provenance import PREDICATE, provenance
from whit.packer.supply.reading import inventory_of
from whit.packer.supply.sbom import Form, bill
from whit.packer.supply.signing import ENVELOPE, IN_TOTO, SIGNATURE, Payload, envelope, identity_of, signed
from whit.packer.support.errors import UsageError

if TYPE_CHECKING:
    from whit.packer.image.oci import Descriptor
    from whit.packer.image.reference import Reference
    from whit.packer.store.store import Store
    from whit.packer.supply.keys import PrivateKey
    from whit.packer.supply.provenance import Origin

PREDICATE_TYPE = "in-toto.io/predicate-type"
"""The annotation by which BuildKit tells what an attestation is of."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """``forms`` of bills of materials; ``key`` signs the image, and the provenance too."""

    forms: tuple[Form, ...] = ()
    provenance: bool = False
    key: PrivateKey | None = None

    def __bool__(self) -> bool:
        return bool(self.forms or self.provenance or self.key)


def parse_forms(texts: tuple[str, ...]) -> tuple[Form, ...]:
    """``spdx,cyclonedx``. Raises :class:`UsageError`."""
    words = [word for text in texts for word in text.split(",") if word]
    known = set(Form)
    for word in words:
        if word not in known:
            raise UsageError(f"--sbom {word!r} is no form that there is", hint=f"one of {', '.join(Form)}")
    return tuple(dict.fromkeys(map(Form, words)))


@dataclass(frozen=True, slots=True)
class Made:
    """An image that was just made, and how; ``created`` and ``version`` (whit's) are for what tells of it."""

    descriptor: Descriptor
    references: tuple[Reference, ...]
    origin: Origin
    created: int
    version: str


def attach_wished(store: Store, made: Made, wishes: Wishes) -> tuple[Descriptor, ...]:
    """Attach all that is wished for to an image of the store; of an index, to each image, and the signature to all.

    The same image and key give the same artifacts. Raises :class:`UsageError` for a signature without a name.
    """
    reference = made.references[0] if made.references else None
    if wishes.key and reference is None:
        raise UsageError("--sign needs a name for the image", hint="-t NAME: a signature holds it")
    place = InStore(store, made.descriptor, reference)
    found: list[Descriptor] = []
    for descriptor in images(place):
        if descriptor.media_type not in INDEXES and (wishes.forms or wishes.provenance):
            found += _documents(store, descriptor, made, wishes)
        for identity in dict.fromkeys(map(identity_of, made.references)) if wishes.key else ():
            if wishes.key:
                found.append(place.attach(*signed(descriptor, Payload(descriptor.digest, identity), wishes.key)))
    return tuple(found)


def _documents(store: Store, descriptor: Descriptor, made: Made, wishes: Wishes) -> list[Descriptor]:
    image = store.image(descriptor)
    inventory = inventory_of(store.layout, image, made.references[0] if made.references else None)
    found = [
        attach_document(store, descriptor, bill(inventory, form, made.created, made.version), form.media_type)
        for form in wishes.forms
    ]
    if wishes.provenance:
        statement = provenance(inventory, image.manifest, made.origin, made.version)
        said: tuple[tuple[str, str], ...] = ((PREDICATE_TYPE, PREDICATE),)
        data, media_type = statement, IN_TOTO
        if wishes.key:
            # Cosign wants both of these with a layer that it takes for an attestation.
            said = (*said, (SIGNATURE, ""), ("predicateType", PREDICATE))
            data, media_type = envelope(statement, wishes.key), ENVELOPE
        found.append(attach_document(store, descriptor, data, media_type, annotations=said))
    return found
