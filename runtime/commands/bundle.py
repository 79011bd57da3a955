"""``whit bundle``: a container in one file, and what is in such a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from whit.packer.commands.options import add_calls_option
from whit.packer.image.callsclaim import SECCOMP_WORDS
from whit.runtime.commands.options import launch_options, pull_option

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_OWN = ("create", "inspect", "verify")


class _Group(click.Group):
    """``whit bundle IMAGE`` is ``whit bundle create IMAGE``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = args[0] if args else "--help"
        return super().parse_args(ctx, args if first in {*_OWN, "-h", "--help"} else ["create", *args])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        """The verbs, and what may stand behind ``create``."""
        from whit.runtime.completion import values

        create = self.commands["create"]
        argument = next(one for one in create.params if isinstance(one, click.Argument))
        found = [
            *super().shell_complete(ctx, incomplete),
            *create.shell_complete(click.Context(create, ctx), incomplete),
            *(() if incomplete.startswith("-") else values(argument, "create", incomplete)),
        ]
        return list({item.value: item for item in found}.values())


@click.group("bundle", cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Containers in one file, which run confined where nothing is installed. 'whit bundle IMAGE' is 'whit bundle create IMAGE'."""


@command.command(
    "create", context_settings={"help_option_names": ["--help"]}, short_help="Make one file of an executable or image"
)
@click.option("-o", "--output", required=True, metavar="FILE", help="Write it there.")
@click.option(
    "--sign", metavar="KEY", help="Sign it with this private key, PEM or cosign's; $COSIGN_PASSWORD opens it."
)
@click.option("--writable", is_flag=True, help="Let the program change its own files, in memory.")
@click.option(
    "--unpack",
    metavar="cache|runtime|FOLDER|none",
    help="Where it keeps its files, for quicker starts: in folders of whoever starts it, in that one, or nowhere, so that they are in memory "
    "each time.  [default: cache for more than 3 MB, or 64 files]",
)
@click.option(
    "--seccomp",
    type=click.Choice(["image", *SECCOMP_WORDS[1:]]),
    default="image",
    show_default=True,
    help="Which system calls it may make: as the image says, or of the usual ones what its code can make; others fail, are logged, or end it.",
)
@add_calls_option
@click.option("--json", "as_json", is_flag=True, help="Say what was written as JSON (docs/bundle.md).")
@pull_option
@launch_options
def create(  # noqa: PLR0917 - click's: one an option
    output: str,
    sign: str | None,
    writable: bool,
    unpack: str | None,
    seccomp: str,
    add_calls: tuple[str, ...],
    as_json: bool,
    pull: str,
    **values: Any,  # noqa: ANN401
) -> None:
    """Make one executable file of FILE or IMAGE: launcher, plans, files. It runs confined anywhere, without root, whit or Python.

    Limits, network, volumes and variables that are given here hold unless the file is started with others: FILE --whit-help.
    Words behind -- are the program's where it is started without any.
    """
    from pathlib import Path

    from whit.packer.commands.signing_options import signing_key
    from whit.packer.image.callsclaim import refusal_of
    from whit.packer.showing.console import human_size, print_json, warn
    from whit.packer.showing.present import printable
    from whit.packer.store.store import Store
    from whit.packer.syscalls.added import added_to
    from whit.runtime.bundle.keeping import CACHE
    from whit.runtime.bundle.making import ready, settings, warning_of
    from whit.runtime.bundle.writing import Order, write_bundle
    from whit.runtime.request import Words

    refusal = refusal_of(seccomp)
    added = added_to(refusal, add_calls)
    words, store = Words(**values, pull=pull), Store.open()
    key = signing_key(sign) if sign else None
    defaults = settings(words, writable=writable, unpack=unpack)
    image, options = ready(words, store, refusal, frozenset(added))
    order = Order(image, options, defaults, key, may_be_kept=unpack is None and not writable)
    done = write_bundle(Path(output), order, store)
    warning = warning_of(image, words)
    if warning:
        warn(*warning)
    if as_json:
        print_json(
            {
                "schema": "whit-bundled/1",
                "path": done.path,
                "size": done.size,
                "digest": done.digest,
                "image": done.image,
                "files": done.files,
                "files_size": done.files_size,
                "signed": done.is_signed,
                "settings": list(map(printable, done.settings)),
            }
        )
        return
    signed = ", signed" if done.is_signed else ""
    kept = ", kept unpacked in the cache of who starts it" if unpack is None and CACHE in done.settings else ""
    click.echo(f"{done.path}: {human_size(done.size)}, {done.files} files{signed}{kept}\n{done.digest}")


@command.command("inspect", short_help="Show what is in a bundle")
@click.argument("path", metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="For programs; docs/bundle.md has the form.")
def inspect(path: str, as_json: bool) -> None:
    """Show what is in a bundle, as its own --whit-inspect does, without executing it."""
    from whit.packer.showing.console import put_bytes
    from whit.runtime.bundle.reading import opened

    with opened(path) as bundle:
        put_bytes(bundle.shown(as_json=as_json).encode())


@command.command("verify", short_help="Tell whether a bundle is whole, and signed by a key")
@click.argument("path", metavar="FILE")
@click.option("--key", metavar="FILE", help="The public key, PEM, whose signature it has to have.")
@click.option("--json", "as_json", is_flag=True, help="For programs; docs/bundle.md has the form.")
def verify(path: str, key: str | None, as_json: bool) -> None:
    """Tell whether a bundle is whole, to the last byte, and with --key, whether it is signed by it. The exit status is 1 if not."""
    from whit.packer.commands.signing_options import verifying_key
    from whit.packer.showing.console import print_json
    from whit.packer.supply.verifying import VerificationError
    from whit.runtime.bundle import reading

    public = verifying_key(key) if key else None
    with reading.opened(path) as bundle:
        count, digest, signature = reading.verify(bundle), reading.digest(bundle), bundle.head.signature
        if public and not reading.is_signed_by(bundle, public):
            raise VerificationError(
                f"{path} isn't signed by {key}: the signature is another key's, or something was changed"
            )
    if as_json:
        print_json(
            {
                "schema": "whit-bundle-verify/1",
                "digest": f"sha256:{digest}",
                "files": count,
                "signed": signature.size > 0,
                "key": f"sha256:{public.fingerprint}" if public else None,
            }
        )
        return
    said = (
        f", and is signed by {key}" if key else ", and has a signature, which --key verifies" if signature.size else ""
    )
    click.echo(f"sha256:{digest} is whole: {count} files{said}")
