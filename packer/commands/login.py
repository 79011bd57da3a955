"""``whit login [REGISTRY]``: try a name and a password at a registry, and keep them where docker does."""

from __future__ import annotations

import sys

import click

from whit.packer.commands.registry_options import insecure_option

MAX_PASSWORD = 64 << 10


@click.command("login", short_help="Log in to a registry")
@click.argument("registry", required=False)
@click.option("-u", "--username", metavar="NAME", help="Who you are there.")
@click.option("-p", "--password", metavar="SECRET", help="Your password or token; others on the machine can see it.")
@click.option("--password-stdin", is_flag=True, help="Take the password from standard input.")
@insecure_option
def command(
    registry: str | None, username: str | None, password: str | None, password_stdin: bool, insecure: bool
) -> None:
    """Log in to REGISTRY, docker.io if none is given.

    What it takes is kept in docker's form, in $DOCKER_CONFIG or ~/.docker/config.json, or by the helper named there.
    """
    from whit.packer.registry.credentials import docker_config_path, remember
    from whit.packer.registry.login import known_user, try_login
    from whit.packer.registry.settings import Settings
    from whit.packer.showing.console import warn
    from whit.packer.support.errors import UsageError

    domain = registry_domain(registry)
    if password_stdin and password is not None:
        raise UsageError("--password and --password-stdin are mutually exclusive", hint="leave one of them out")
    if password_stdin and not username:
        raise UsageError("Must provide --username with --password-stdin", hint="whit login --username NAME …")
    if password is not None:
        warn("using --password via the CLI is insecure", "use --password-stdin")
    user = username or _asked("Username", known_user(domain))
    if password_stdin:
        secret = sys.stdin.read(MAX_PASSWORD).rstrip("\r\n")
    else:
        secret = password if password is not None else _asked("Password", hidden=True)
    if not user or not secret:
        raise UsageError("Error: Password Required" if user else "Error: Username Required", hint="both are needed")
    settings = Settings.read(insecure=insecure)
    helper = remember(domain, try_login(settings, domain, user, secret))
    if not helper:
        warn(
            f"your password is stored unencrypted in {docker_config_path()}",
            "a credential helper (credsStore) keeps it better",
        )
    click.echo("Login Succeeded")


def _asked(what: str, usual: str = "", *, hidden: bool = False) -> str:
    from whit.packer.support.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(
            f"nobody is there to be asked for the {what.lower()}", hint="--username NAME --password-stdin", exit_code=1
        )
    answer: str = click.prompt(what, default=usual or None, hide_input=hidden, show_default=bool(usual), err=True)
    return answer


def registry_domain(text: str | None) -> str:
    """A registry's name on the command line, with or without https:// and a path. Raises :class:`UsageError`."""
    from whit.packer.image.reference import DEFAULT_DOMAIN, parse_reference
    from whit.packer.support.errors import UsageError

    if not text:
        return DEFAULT_DOMAIN
    host = text.partition("://")[2] if "://" in text else text
    host = host.partition("/")[0].lower()
    if host in {"index.docker.io", "registry-1.docker.io", DEFAULT_DOMAIN}:
        return DEFAULT_DOMAIN
    try:
        parse_reference(f"{host}:443/name" if ":" not in host else f"{host}/name")
    except UsageError:
        raise UsageError(
            f"{text[:200]!r} is not a registry", hint="give its host, and its port if it has one"
        ) from None
    return host
