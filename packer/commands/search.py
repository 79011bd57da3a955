"""``whit search TERM``: repositories of Docker Hub, or, by REGISTRY/TERM, of another registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.packer.commands.registry_options import insecure_option, registries

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.registry.searching import Hit

_MOST = 100
_DESCRIBED = 45
_HEADERS = {"Name": "NAME", "Description": "DESCRIPTION", "StarCount": "STARS", "IsOfficial": "OFFICIAL"}
_TABLE = r"table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}"


@click.command("search", short_help="Search registries for images")
@click.argument("term")
@click.option("--limit", type=click.IntRange(1, _MOST), default=25, show_default=True, help="How many to show.")
@click.option("-f", "--filter", "filters", multiple=True, metavar="NAME=VALUE", help="is-official=true, stars=NUMBER.")
@click.option("--no-trunc", is_flag=True, help="Show whole descriptions.")
@click.option("--list-tags", is_flag=True, help="Show the tags of each in its description's place.")
@click.option("--format", "form", metavar="FORMAT", help="json, or a template (docs/format.md).")
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/registry.md) instead of a table.")
@insecure_option
def command(
    term: str,
    *,
    limit: int,
    filters: tuple[str, ...],
    no_trunc: bool,
    list_tags: bool,
    form: str | None,
    insecure: bool,
    as_json: bool,
) -> None:
    """Search Docker Hub for TERM, or another registry: HOST/TERM, HOST/ for all that it lists.

    A registry without a search is asked for its catalog: its names are searched then, and nothing is known of stars.
    """
    from dataclasses import replace

    from whit.packer.registry.searching import search, tags_of
    from whit.packer.showing.console import print_json, show
    from whit.packer.template import render_rows

    domain, wanted = _parted(term)
    keep = _filter(filters)
    hub = registries(insecure=insecure)
    hits = [hit for hit in search(hub, domain, wanted, limit) if keep(hit)]
    if list_tags:
        hits = [replace(hit, description=", ".join(tags_of(hub, hit))) for hit in hits]
    if as_json:
        print_json({"schema": "whit-search/1", "results": [_document(hit) for hit in hits]})
        return
    rows: list[dict[str, object]] = [_row(hit, no_trunc) for hit in hits]
    show(render_rows(form or _TABLE, rows, _HEADERS, usual=_TABLE))


def _parted(term: str) -> tuple[str, str]:
    """(registry, what to search there), by the rule for references."""
    from whit.packer.image.reference import DEFAULT_DOMAIN
    from whit.packer.support.errors import UsageError

    first, slash, rest = term.partition("/")
    if slash and (any(mark in first for mark in ".:") or first == "localhost"):
        return first, rest
    if not term.strip():
        raise UsageError("there is nothing to search for", hint="whit search TERM")
    return DEFAULT_DOMAIN, term


def _filter(filters: tuple[str, ...]) -> Callable[[Hit], bool]:
    from whit.packer.support.errors import UsageError

    stars, official = 0, None
    for text in filters:
        name, _, value = text.partition("=")
        if name == "stars" and value.isascii() and value.isdigit():
            stars = max(stars, int(value[:9]))
        elif name == "is-official" and value in {"true", "false", "1", "0"}:
            official = value in {"true", "1"}
        else:
            raise UsageError(f"invalid filter '{text}'", hint="is-official=true|false, stars=NUMBER")
    return lambda hit: hit.stars >= stars and official in {None, hit.is_official}


def _row(hit: Hit, whole: bool) -> dict[str, object]:
    from whit.packer.showing.tabular import shortened

    return {
        "Name": hit.name,
        "Description": hit.description if whole else shortened(hit.description, _DESCRIBED),
        "StarCount": str(hit.stars),
        "IsOfficial": "[OK]" if hit.is_official else "",
    }


def _document(hit: Hit) -> dict[str, object]:
    return {"name": hit.name, "description": hit.description, "stars": hit.stars, "official": hit.is_official}
