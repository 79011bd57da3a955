"""``whit pack FILE``: the smallest image that runs an executable, into the store, a layout or an archive."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from whit.packer.commands.options import add_calls_option, raw_choice_options
from whit.packer.commands.push_options import push_options
from whit.packer.commands.supply_options import supply_options
from whit.packer.image.callsclaim import SECCOMP_WORDS

if TYPE_CHECKING:
    from whit.packer.image.callsclaim import Refusal
    from whit.packer.image.spec import PackOptions
    from whit.packer.supply.wishes import Wishes


@click.command("pack", short_help="Make the smallest image that runs an executable")
@click.option("-t", "--tag", "names", multiple=True, metavar="NAME[:TAG]", help="A name in the store; may be repeated.")
@click.option("-o", "--output", metavar="FOLDER/|FILE.tar", help="Write an OCI image layout or an archive.")
@click.option("--path", "path_in_image", metavar="PATH", help="Where the program is in the image.  [default: /NAME]")
@click.option("--cmd", multiple=True, metavar="ARGUMENT", help="An argument that the caller's own ones replace.")
@click.option("-e", "--env", multiple=True, metavar="NAME=VALUE", help="A variable of the program's environment.")
@click.option("-u", "--user", metavar="USER[:GROUP]", help="Whom it runs as.  [default: 65532:65532]")
@click.option("-w", "--workdir", metavar="PATH", help="The working directory.  [default: /]")
@click.option("-l", "--label", "labels", multiple=True, metavar="KEY=VALUE", help="A label of the image.")
@click.option("--base", metavar="IMAGE", help="An image to put it on, instead of on nothing.")
@click.option("--compression", type=click.Choice(["gzip", "zstd", "none"]), default="gzip", show_default=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["oci", "wasm"]),
    default="oci",
    show_default=True,
    help="An image, or of WebAssembly the CNCF's artifact: the module alone.",
)
@click.option("--annotation", "annotations", multiple=True, metavar="KEY=VALUE", help="An annotation of the manifest.")
@click.option("--expose", multiple=True, metavar="PORT[/PROTOCOL]", help="A port that the program listens on.")
@click.option(
    "--seccomp",
    type=click.Choice(SECCOMP_WORDS),
    default="default",
    show_default=True,
    help="Which system calls it may make: the usual ones, or of these what its code can make; others fail, are logged, or end it.",
)
@add_calls_option
@click.option(
    "--source-date-epoch", type=click.IntRange(0), metavar="SECONDS", help="The image's time, else $SOURCE_DATE_EPOCH."
)
@raw_choice_options
@supply_options
@push_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/store.md) instead of a page.")
@click.argument("file")
@click.argument("arguments", nargs=-1, metavar="[-- ARGUMENT…]")
def command(  # noqa: PLR0917 - click's: one an option
    file: str,
    names: tuple[str, ...],
    output: str | None,
    base: str | None,
    add: tuple[str, ...],
    needs: tuple[str, ...],
    sources: str,
    sysroot: str | None,
    wishes: Wishes | None,
    push: bool,
    insecure: bool,
    as_json: bool,
    **chosen: object,
) -> None:
    """Pack FILE, an executable, with what it needs and nothing else. It always gets the ARGUMENTs.

    Without -t and -o the image is stored under the file's name. Each file in the image is shown with its reason.
    """
    from whit.packer.image.spec import PackOptions
    from whit.packer.pipeline import source_date_epoch
    from whit.packer.verbs.pack import pack

    options = _options(chosen)
    is_usual = options == PackOptions(created=source_date_epoch())
    pack(
        file, names=names, output=output, base=base, add=add, needs=needs, sources=sources if sources != "packages" else None,
        sysroot=sysroot, push=push, insecure=insecure, as_json=as_json, wishes=wishes,
        options=None if is_usual else options,
    )  # fmt: skip


def _options(chosen: dict[str, object]) -> PackOptions:
    """Click's words → what a person decides."""
    from whit.packer.image.callsclaim import refusal_of
    from whit.packer.image.spec import Compression, PackOptions
    from whit.packer.pipeline import LAST_SECOND, source_date_epoch

    def many(key: str) -> tuple[str, ...]:
        value = chosen[key]
        return tuple(map(str, value)) if isinstance(value, tuple) else ()

    def one(key: str) -> str | None:
        value = chosen[key]
        return None if value is None else str(value)

    epoch, refusal = chosen["source_date_epoch"], refusal_of(str(chosen["seccomp"]))
    return PackOptions(
        path_in_image=one("path_in_image"),
        arguments=many("arguments"),
        cmd=many("cmd"),
        env=many("env"),
        user=one("user"),
        working_dir=one("workdir"),
        labels=_pairs("--label", many("labels")),
        exposed_ports=many("expose"),
        annotations=_pairs("--annotation", many("annotations")),
        compression=Compression(str(chosen["compression"])),
        as_artifact=chosen["form"] == "wasm",
        refusal=refusal,
        added_calls=_added(many("add_calls"), refusal),
        created=min(epoch, LAST_SECOND) if isinstance(epoch, int) else source_date_epoch(),
    )


def _added(words: tuple[str, ...], refusal: Refusal | None) -> tuple[str, ...]:
    if not words:
        return ()
    from whit.packer.syscalls.added import added_to

    return added_to(refusal, words)


def _pairs(option: str, texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    from whit.packer.support.errors import UsageError

    for text in texts:
        if not re.match(r"[^=]+=", text):
            raise UsageError(f"{option} {text!r} isn't KEY=VALUE", hint=f"as in {option} team=core")
    return tuple((key, value) for key, _, value in (text.partition("=") for text in texts))
