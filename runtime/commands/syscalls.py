"""``whit syscalls FILE``: which system calls an executable's own code can make."""

from __future__ import annotations

import click

from whit.packer.commands.options import add_calls_option


@click.command("syscalls", short_help="Find the system calls that an executable can make, in its code")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/syscalls.md) instead of a page.")
@click.option("--ways", is_flag=True, help="Show where each call is made, and how its number gets there.")
@click.option(
    "--profile",
    type=click.Choice(["docker", "oci"]),
    help="The filter for docker's --security-opt seccomp=FILE, or linux.seccomp of an OCI configuration.",
)
@click.option(
    "--refuse",
    type=click.Choice(["errno", "log", "kill"]),
    show_default="errno",
    help="With --profile: what is done with other calls.",
)
@add_calls_option
def command(
    file: str, as_json: bool, ways: bool, profile: str | None, refuse: str | None, add_calls: tuple[str, ...]
) -> None:
    """Find in the machine code of FILE, a static executable, all system calls that it can make.

    FILE is only read, never run. Where the number of a call can't be told, that is said, with the place.
    """
    from whit.packer.executable.bundled import refuse_bundle
    from whit.packer.executable.file import opened
    from whit.packer.showing.console import page_width, print_json
    from whit.packer.syscalls.added import added_calls
    from whit.packer.syscalls.present import page
    from whit.packer.syscalls.remembered import find_once
    from whit.packer.syscalls.report import document

    _check(as_json=as_json, ways=ways, profile=profile, refuse=refuse, added=add_calls)
    more = added_calls(add_calls)
    with opened(file) as program:
        program.look(refuse_bundle)
        findings = program.look(find_once)
    if profile is not None:
        from whit.runtime.seccomp.ofprogram import profile_of

        print_json(profile_of(program.name, findings, refuse or "errno", more))
        return
    if as_json:
        print_json(document(program.name, findings))
        return
    for line in page(program.name, findings, page_width(), ways=ways):
        click.echo(line)


def _check(*, as_json: bool, ways: bool, profile: str | None, refuse: str | None, added: tuple[str, ...]) -> None:
    """That no option would be without effect. Raises :class:`UsageError`."""
    from whit.packer.support.errors import UsageError

    if profile is not None and as_json:
        raise UsageError("--json and --profile are two documents", hint="leave --json out: a profile is JSON as well")
    if ways and profile is not None:
        raise UsageError(
            "--ways and --profile don't go together", hint="leave --ways out: a profile says nothing of them"
        )
    if ways and as_json:
        raise UsageError("--ways and --json are two forms", hint="leave --ways out: the document has all ways")
    if refuse is not None and profile is None:
        raise UsageError(
            "--refuse goes with --profile", hint=f"as in whit syscalls --profile docker --refuse {refuse} FILE"
        )
    if added and profile is None:
        raise UsageError(
            "--add-calls goes with --profile", hint="as in whit syscalls --profile docker --add-calls trace.json FILE"
        )
