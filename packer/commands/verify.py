"""``whit verify IMAGE --key PUB``: is it signed by that key?"""

from __future__ import annotations

import click

from whit.packer.commands.registry_options import insecure_option, registries


@click.command("verify", short_help="Tell whether an image is signed by a key")
@click.argument("name", metavar="IMAGE")
@click.option("--key", required=True, metavar="FILE", help="The public key, PEM.")
@click.option("--identity", metavar="REPOSITORY", help="As what it has to be signed.  [default: any name]")
@click.option("-a", "--annotations", multiple=True, metavar="KEY=VALUE", help="What has to be signed, too.")
@click.option("--provenance", is_flag=True, help="Its provenance has to be signed, too; it is printed.")
@insecure_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/supply-chain.md) instead of lines.")
def command(
    name: str,
    key: str,
    identity: str | None,
    annotations: tuple[str, ...],
    provenance: bool,
    insecure: bool,
    as_json: bool,
) -> None:
    """Verify the signatures, whit's and cosign's, of what IMAGE points to. The exit status is 1 if none holds.

    The store is looked at, or, if the image isn't there, its registry; docker://IMAGE means the registry in any case.
    """
    import json

    from whit.packer.commands.signing_options import pairs, verifying_key
    from whit.packer.image.reference import parse_reference
    from whit.packer.showing.console import print_json
    from whit.packer.store.store import Store
    from whit.packer.supply.places import find
    from whit.packer.supply.signing import identity_of
    from whit.packer.supply.verifying import Wanted, provenances, verify

    public = verifying_key(key)
    repository = identity_of(parse_reference(identity)) if identity else None
    place = find(name, Store.open(), registries(insecure=insecure))
    found = verify(place, Wanted(public, repository, pairs("-a", annotations)), name)
    statements = provenances(place, public, name) if provenance else ()
    if as_json:
        print_json(
            {
                "schema": "whit-verify/1",
                "digest": place.subject.digest,
                "key": f"sha256:{public.fingerprint}",
                "signatures": [{"identity": one.identity, "annotations": dict(one.annotations)} for one in found],
                **({"provenance": list(statements)} if provenance else {}),
            }
        )
        return
    click.echo(f"{place.subject.digest} is signed by {key}")
    for one in found:
        said = "".join(f" {ascii(pair[0])[1:-1]}={pair[1]!r}" for pair in one.annotations)
        click.echo(f"  as {one.identity!r}{said}")
    for statement in statements:
        click.echo(json.dumps(statement, indent=2))
