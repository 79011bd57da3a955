"""Asking before something is removed for good."""

from __future__ import annotations

import sys

import click


def is_sure(warning: str, verb: str) -> bool:
    """Whether a person says yes; where nobody can be asked the answer is awaited, and its absence is an error.

    Raises :class:`UsageError`.
    """
    from whit.packer.support.errors import UsageError

    click.echo(f"WARNING! {warning}\nAre you sure you want to continue? [y/N] ", nl=False, err=not sys.stdout.isatty())
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        click.echo(err=not sys.stdout.isatty())
    if not answer and not sys.stdin.isatty():
        raise UsageError(
            "nobody answers whether all that is to go", hint=f"whit {verb} --force doesn't ask", exit_code=1
        )
    return answer.strip().lower() in {"y", "yes"}
