"""``whit sign IMAGE --key KEY``: a signature as cosign makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.packer.commands.registry_options import insecure_option, registries

if TYPE_CHECKING:
    from whit.packer.supply.keys import PrivateKey
    from whit.packer.supply.places import Place


@click.command("sign", short_help="Sign images with a key, as cosign does")
@click.argument("names", metavar="IMAGE…", nargs=-1, required=True)
@click.option(
    "--key", required=True, metavar="FILE", help="The private key, PEM or cosign's; $COSIGN_PASSWORD opens it."
)
@click.option("-a", "--annotations", multiple=True, metavar="KEY=VALUE", help="Something that is signed, too.")
@insecure_option
def command(names: tuple[str, ...], key: str, annotations: tuple[str, ...], insecure: bool) -> None:
    """Sign what each IMAGE points to, and every image of an index: by digest, so a tag that moves takes no signature along.

    In the store the signature is attached to the image, and goes along with a push. An image that isn't there, or
    docker://IMAGE, is signed at its registry.
    """
    from whit.packer.commands.signing_options import pairs, signing_key
    from whit.packer.store.store import Store
    from whit.packer.supply.places import find

    added = pairs("-a", annotations)
    private = signing_key(key)
    store, hub = Store.open(), registries(insecure=insecure)
    for name in names:
        for digest in sign(find(name, store, hub), private, added, name):
            click.echo(f"Signed: {name}@{digest}" if "@" not in name else f"Signed: {digest}")


def sign(place: Place, key: PrivateKey, annotations: tuple[tuple[str, str], ...], name: str) -> list[str]:
    """Sign an image and all that its index has; the digests that were signed."""
    from whit.packer.supply.places import images
    from whit.packer.supply.signing import Payload, identity_of, signed
    from whit.packer.support.errors import UsageError

    if place.reference is None:
        raise UsageError(f"{name} has no name, and a signature holds one", hint="whit tag gives it one")
    done = []
    for subject in images(place):
        payload = Payload(subject.digest, identity_of(place.reference), annotations)
        place.attach(*signed(subject, payload, key))
        done.append(subject.digest)
    return done
