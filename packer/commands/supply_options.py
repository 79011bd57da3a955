"""``--sbom``, ``--provenance`` and ``--sign``: what ``pack`` and ``build`` attach to the images that they make."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.image.oci import Descriptor
    from whit.packer.image.reference import Reference
    from whit.packer.store.store import Store
    from whit.packer.supply.provenance import Origin
    from whit.packer.supply.wishes import Wishes

OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("--sbom", "sboms"),
        {"multiple": True, "metavar": "FORM,…", "help": "Attach bills of materials: spdx, spdx3, cyclonedx."},
    ),
    (("--provenance",), {"is_flag": True, "help": "Attach how it was made, as SLSA provenance; with --sign, signed."}),
    (("--sign", "sign_key"), {"metavar": "FILE", "help": "Sign it with the private key in a file, as whit sign does."}),
)


def supply_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the three; it is called with ``wishes`` instead: None where nothing is wished for.

    A key is read at once, before anything is made.
    """

    @functools.wraps(function)
    def with_wishes(
        *words: object, sboms: tuple[str, ...], provenance: bool, sign_key: str | None, **others: object
    ) -> object:
        return function(*words, wishes=_wishes(sboms, provenance=provenance, sign_key=sign_key), **others)

    for names, settings in reversed(OPTIONS):
        with_wishes = click.option(*names, **settings)(with_wishes)
    return with_wishes


def _wishes(sboms: tuple[str, ...], *, provenance: bool, sign_key: str | None) -> Wishes | None:
    if not (sboms or provenance or sign_key):
        return None
    from whit.packer.commands.signing_options import signing_key
    from whit.packer.supply.wishes import Wishes, parse_forms

    return Wishes(parse_forms(sboms), provenance, signing_key(sign_key) if sign_key else None)


def attach(
    store: Store,
    descriptor: Descriptor,
    references: tuple[Reference, ...],
    origin: Origin,
    wishes: Wishes,
    created: int | None = None,
) -> tuple[Descriptor, ...]:
    """Attach what is wished for."""
    from importlib.metadata import version

    from whit.packer.pipeline import source_date_epoch
    from whit.packer.supply.attaching import plain
    from whit.packer.supply.wishes import Made, attach_wished

    time = source_date_epoch() if created is None else created
    made = Made(plain(descriptor), references, origin, time, version("whit"))
    return attach_wished(store, made, wishes)


def show(attached: tuple[Descriptor, ...], *, err: bool = False) -> None:
    """The artifacts, a line each."""
    for one in attached:
        click.echo(f"attached {one.digest} ({one.artifact_type})", err=err)


def document(attached: tuple[Descriptor, ...]) -> dict[str, object]:
    """The artifacts as a member of a JSON document; none where there are none."""
    return {"attached": [{"digest": one.digest, "type": one.artifact_type} for one in attached]} if attached else {}
