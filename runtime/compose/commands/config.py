"""``whit compose config``: what files mean, in the canonical form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.runtime.compose.commands.chosen import Chosen
    from whit.runtime.compose.model import Canonical

LISTS = ("services", "volumes", "networks", "models", "profiles", "images", "variables", "environment")


@click.command(
    "config", short_help="Show what Compose files mean", context_settings={"help_option_names": ["-h", "--help"]}
)
@click.argument("names", nargs=-1, metavar="[SERVICE]...")
@click.option("--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", help="How it is written.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("-o", "--output", metavar="FILE", help="Write it there.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing; the exit status tells.")
@click.option("--no-interpolate", is_flag=True, help="Leave variables as they are written.")
@click.option("--no-normalize", is_flag=True, help="Add nothing that no file says.")
@click.option("--no-path-resolution", is_flag=True, help="Leave paths as they are written.")
@click.option("--no-consistency", is_flag=True, help="Don't check whether what services speak of is there.")
@click.option("--no-env-resolution", is_flag=True, help="Leave env files as they are named.")
@click.option("--all-resources", is_flag=True, help="Also networks, volumes … that no service uses.")
@click.option(
    "--resolve-image-digests", "pins", is_flag=True, help="Images with the digests that their registries have now."
)
@click.option(
    "--lock-image-digests",
    "locks",
    is_flag=True,
    help="Only images with their digests, as a file to be laid over the others.",
)
@click.option("--services", "what", flag_value="services", help="Only the services' names.")
@click.option("--volumes", "what", flag_value="volumes", help="Only the volumes' names.")
@click.option("--networks", "what", flag_value="networks", help="Only the networks' names.")
@click.option("--models", "what", flag_value="models", help="Only the models.")
@click.option("--profiles", "what", flag_value="profiles", help="Only the profiles' names.")
@click.option("--images", "what", flag_value="images", help="Only the images' names.")
@click.option("--variables", "what", flag_value="variables", help="Only the variables that the files use.")
@click.option("--environment", "what", flag_value="environment", help="Only what variables are set to.")
@click.option("--hash", "hashed", metavar="SERVICE,...", help="Only the hashes of services' configurations; * is all.")
@click.pass_obj
def command(obj: dict[str, Any], /, names: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 - click's
    """Read Compose files as 'up' does, check them, and print the whole configuration in its canonical form.

    Standard output is a Compose file that means the same: variables are in their places, files are merged, short forms
    are written out. With SERVICE, only these and what they depend on.
    """
    from whit.packer.showing.console import put, warn
    from whit.runtime.compose.finding import Wishes, load

    chosen: Chosen = obj["compose"]
    what, hashed = options["what"], options["hashed"]
    whole = bool(what or hashed)
    wishes = Wishes(
        services=() if whole and what not in {"images", "profiles"} else names,
        interpolate=not options["no_interpolate"] and what != "variables",
        normalize=not options["no_normalize"],
        resolve_paths=not options["no_path_resolution"],
        check=not options["no_consistency"] and what != "variables",
        resolve_environment=not options["no_env_resolution"] and not (what and not hashed),
        all_resources=options["all_resources"],
    )
    canonical = load(chosen, wishes)
    for text in canonical.warnings:
        warn(text)
    if options["quiet"]:
        return
    as_json = options["as_json"] or options["form"] == "json"
    if whole:
        from whit.runtime.compose.commands import configlists

        text = configlists.page(canonical, what, hashed, as_json=as_json)
    else:
        plain = canonical.configuration
        if options["pins"] or options["locks"]:
            from whit.runtime.compose.pinning import locked, pinned

            plain = pinned(plain, _digests())
            plain = locked(plain) if options["locks"] else plain
        text = document(plain, as_json=as_json, escape=wishes.interpolate)
    if options["output"]:
        _write(options["output"], text)
    elif text:
        put(_stdout(), text)


def _digests() -> Callable[[str], str]:
    """Asks registries for an image's digest, for each name once."""
    from functools import cache

    from whit.packer.image.reference import parse_reference
    from whit.packer.registry.registries import Registries
    from whit.packer.registry.settings import Settings

    hub = Registries(Settings.read())

    @cache
    def resolve(image: str) -> str:
        if "$" in image:
            return image
        reference = parse_reference(image)
        return str(reference) if reference.digest else f"{reference}@{hub.source(reference).root().descriptor.digest}"

    return resolve


def page(canonical: Canonical, *, as_json: bool, escape: bool) -> str:
    """The configuration as text. With ``escape``, each ``$`` is doubled, so that it is a Compose file that means the same."""
    return document(canonical.configuration, as_json=as_json, escape=escape)


def document(configuration: dict[str, Any], *, as_json: bool, escape: bool = True) -> str:
    """Any configuration as text, as :func:`page`."""
    from whit.packer.showing.console import json_page

    plain: Any = escaped(configuration) if escape else configuration
    if as_json:
        return json_page(plain) + "\n"
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(without_nothing(plain), Dumper=dumper, sort_keys=False, allow_unicode=True, width=10_000))


def escaped(value: object) -> object:
    """With ``$$`` for each ``$``."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {escaped(key): escaped(item) for key, item in value.items()}
    return [escaped(item) for item in value] if isinstance(value, list) else value


def without_nothing(plain: dict[str, Any]) -> dict[str, Any]:
    """Without ``command`` and ``entrypoint`` where they are nothing: YAML's form leaves them out."""
    made = dict(plain)
    for section in ("services", "jobs"):
        if section in made:
            made[section] = {name: _stated(one) for name, one in made[section].items()}
    return made


def _stated(container: dict[str, Any]) -> dict[str, Any]:
    made = {key: item for key, item in container.items() if item is not None or key not in {"command", "entrypoint"}}
    if "pre_start" in made:
        made["pre_start"] = [_stated(one) for one in made["pre_start"]]
    return made


def _stdout() -> Any:  # noqa: ANN401 - a stream
    import sys

    return sys.stdout


def _write(path: str, text: str) -> None:
    from pathlib import Path

    from whit.packer.support.durable import output_errors, write_whole

    with output_errors(path):
        write_whole(Path(path), text.encode(), private=False)
