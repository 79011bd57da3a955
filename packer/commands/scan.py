"""``whit scan IMAGE --db DATABASE``: what is known to be wrong with what an image is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.packer.commands.registry_options import platform_option

if TYPE_CHECKING:
    from whit.packer.supply.osv import Finding


@click.command("scan", short_help="Find known vulnerabilities in an image, by a database on disk")
@click.argument("name", metavar="IMAGE")
@click.option(
    "--db", "database", required=True, metavar="FOLDER|ZIP", help="OSV records, as osv.dev's all.zip has them."
)
@click.option(
    "--fail-on",
    type=click.Choice(["low", "medium", "high", "critical"]),
    help="The exit status is 1 only from here on.  [default: for anything]",
)
@platform_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/supply-chain.md) instead of a table.")
def command(name: str, database: str, fail_on: str | None, platform: str | None, as_json: bool) -> int:
    """Match Go modules, Rust crates, and Debian's and Alpine's packages of an image with a database. Nothing is asked
    of any network, but an image that isn't in the store is pulled.

    The exit status is 1 if something is found.
    """
    from pathlib import Path

    from whit.packer.commands.sbom import stored_image
    from whit.packer.image.platform import parse_platform
    from whit.packer.showing.console import print_json
    from whit.packer.store.store import Store
    from whit.packer.supply.cvss import Severity
    from whit.packer.supply.database import records
    from whit.packer.supply.osv import findings, is_known
    from whit.packer.supply.reading import inventory_of

    store = Store.open()
    image = stored_image(store, name, parse_platform(platform) if platform else None)
    inventory = inventory_of(store.layout, image)
    known = [component for component in inventory.components if is_known(component)]
    names = {component.source[0] for component in known}
    found = findings(known, records(Path(database), names))
    least = Severity[fail_on.upper()] if fail_on else Severity.UNKNOWN
    # What nobody has judged may be anything.
    counted = [one for one in found if one.vulnerability.severity in {Severity.UNKNOWN, *range(least, 5)}]
    if as_json:
        print_json(
            {
                "schema": "whit-scan/1",
                "digest": image.digest,
                "components": len(known),
                "findings": [_document(one) for one in found],
            }
        )
    else:
        _show(found, len(known))
    return 1 if counted else 0


def _show(found: tuple[Finding, ...], known: int) -> None:
    from whit.packer.showing.tabular import aligned
    from whit.packer.support.counting import counted

    if found:
        lines = ["COMPONENT\tVERSION\tFIXED IN\tVULNERABILITY\tSEVERITY\tWHERE"]
        for one in found:
            component, record = one.component, one.vulnerability
            score = f" {record.score:.1f}" if record.score is not None else ""
            where = component.part_of or component.path or component.ecosystem
            cells = (
                component.name, component.version or "", one.fixed or "-", record.id,
                f"{record.severity.name.lower()}{score}", where,
            )  # fmt: skip
            lines.append("\t".join(_shown(cell) for cell in cells))
        click.echo(aligned("\n".join(lines)))
    click.echo(f"{len(found)} found among {counted(known, 'component')} with a version")


def _shown(text: str) -> str:
    """Records and images come from anywhere: nothing in them is for the terminal to obey."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _document(one: Finding) -> dict[str, object]:
    component, record = one.component, one.vulnerability
    return {
        "id": record.id,
        "aliases": list(record.aliases),
        "summary": record.summary,
        "severity": record.severity.name.lower(),
        "score": record.score,
        "component": component.name,
        "version": component.version,
        "fixed": one.fixed,
        "purl": component.purl,
        "ecosystem": component.ecosystem,
        "path": component.part_of or component.path,
    }
