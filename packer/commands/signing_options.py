"""Keys from files and passwords from where they may be: what all commands that sign or verify have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.packer.supply.keys import PrivateKey, PublicKey


def signing_key(path: str) -> PrivateKey:
    """The private key in a file; where it has a password, that is $COSIGN_PASSWORD, or it is asked for."""
    from whit.packer.supply.keys import private_key

    return private_key(_read(path), path, lambda: _password(path))


def verifying_key(path: str) -> PublicKey:
    """The public key in a file."""
    from whit.packer.supply.keys import public_key

    return public_key(_read(path), path)


def _read(path: str) -> bytes:
    from pathlib import Path

    from whit.packer.supply.keys import MAX_KEY
    from whit.packer.support.errors import NotFoundError

    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_KEY + 1)
    except OSError as error:
        raise NotFoundError(f"the key {path} can't be read: {(error.strerror or str(error)).lower()}") from None


def _password(path: str) -> str:
    import os
    import sys

    import click

    from whit.packer.support.errors import UsageError

    known = os.environ.get("COSIGN_PASSWORD")
    if known is not None:
        return known
    if not sys.stdin.isatty():
        raise UsageError(f"{path} has a password", hint="put it into the environment as COSIGN_PASSWORD")
    return str(click.prompt(f"Password of {path}", hide_input=True, err=True, default="", show_default=False))


def pairs(option: str, texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """``KEY=VALUE`` words, sorted. Raises :class:`UsageError`."""
    from whit.packer.support.errors import UsageError

    for text in texts:
        if not text.partition("=")[0] or "=" not in text:
            raise UsageError(f"{option} {text!r} isn't KEY=VALUE", hint=f"as in {option} team=core")
    return tuple(sorted({key: value for key, _, value in (text.partition("=") for text in texts)}.items()))
