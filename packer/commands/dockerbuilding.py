"""``whit build`` with a Dockerfile."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from whit.packer.commands.supply_options import document, show

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from whit.packer.buildfile.build.bases import Bases
    from whit.packer.buildfile.build.ordering import Built, Order
    from whit.packer.buildfile.build.steps import StepRunner
    from whit.packer.buildfile.dockerfile.checks import Finding
    from whit.packer.buildfile.remote.sources import Sources
    from whit.packer.image.oci import Descriptor
    from whit.packer.image.platform import Platform
    from whit.packer.image.reference import Reference
    from whit.packer.store.store import Store
    from whit.packer.supply.wishes import Wishes


def build_dockerfile(words: dict[str, Any], make_runner: Callable[[Path], StepRunner]) -> int:
    """Build it; ``words`` are the command line's. The exit code."""
    from pathlib import Path

    from whit.packer.buildfile.build import reading
    from whit.packer.buildfile.build.ordering import build, opened
    from whit.packer.buildfile.build.progress import Progress
    from whit.packer.store.garbage import collect
    from whit.packer.store.store import Store
    from whit.packer.support import durable

    wished: Wishes | None = words["wishes"]
    store = Store.open()
    is_quiet = words["quiet"] or words["progress"] == "quiet"
    rewrites = words["rewrite_timestamps"]
    with opened(store, reading.secrets(words["secrets"]), _agents(words), rewrites_times=rewrites) as sources:
        order, bases = _order(words, sources), _bases(store, pulls=words["pull"])
        if words["check"]:
            return _checked(order, bases)
        progress = Progress(lambda text: click.echo(text, err=True, nl=False), is_quiet=is_quiet)
        built = build(order, sources, make_runner(store.root), progress, bases)
    collect(store)
    if not is_quiet:
        _warn(built.findings)
    if built.descriptor is None:
        return 0
    image_id = store.image(built.descriptor).image_id
    attached = _attach(store, order, built.descriptor, wished) if wished else ()
    if not is_quiet:
        show(attached, err=True)
    if words["iidfile"]:
        with durable.output_errors(words["iidfile"]):
            durable.write_whole(Path(words["iidfile"]), image_id.encode(), private=False)
    if words["as_json"]:
        _print_json(order, built, image_id, words["output"], attached)
    elif is_quiet:
        click.echo(image_id)
    return 0


def _agents(words: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """``--ssh``; a context that takes an agent is given the person's own, as by docker."""
    import os

    from whit.packer.buildfile.build.agents import DEFAULT, VARIABLE, parse_agents
    from whit.packer.buildfile.remote.contexts import is_ssh

    given = words["agents"]
    if not given and os.environ.get(VARIABLE) and is_ssh(words["context"]):
        given = (DEFAULT,)
    return parse_agents(given)


def _attach(store: Store, order: Order, descriptor: Descriptor, wished: Wishes) -> tuple[Descriptor, ...]:
    from whit.packer.commands.supply_options import attach
    from whit.packer.supply.provenance import DOCKERFILE, build_origin

    wishes = order.wishes
    origin = build_origin(
        DOCKERFILE, order.begun.data, wishes.args, target=wishes.target, network=order.network,
        platform=str(wishes.platform or wishes.here), labels=dict(wishes.labels),
    )  # fmt: skip
    return attach(store, descriptor, order.names, origin, wished)


def _print_json(
    order: Order, built: Built, image_id: str, output: str | None, attached: tuple[Descriptor, ...]
) -> None:
    from whit.packer.showing.console import print_json

    print_json(
        {
            "schema": "whit-build/1",
            "digest": built.descriptor.digest if built.descriptor else None,
            "id": image_id,
            "names": [reference.familiar for reference in order.names],
            "output": output,
            "warnings": [
                {"rule": one.rule, "message": one.message, "file": one.place.file, "line": one.place.first}
                for one in built.findings
            ],
            **document(attached),
        }
    )


def _order(words: dict[str, Any], sources: Sources) -> Order:
    from whit.packer.buildfile.build import reading
    from whit.packer.buildfile.build.exporting import parse_output
    from whit.packer.buildfile.build.ordering import Order
    from whit.packer.buildfile.dockerfile.evaluate import Wishes
    from whit.packer.image.platform import parse_platform
    from whit.packer.image.reference import parse_reference
    from whit.packer.support.errors import UsageError

    platforms = [word for text in words["platforms"] for word in text.split(",")]
    if len(platforms) > 1:
        raise UsageError("a Dockerfile is built for one platform at a time", hint="build once for each --platform")
    here = _here()
    wishes = Wishes(
        here=here,
        platform=parse_platform(platforms[0], here) if platforms else None,
        target=words["target"],
        args=reading.pairs(words["variables"], "--build-arg", from_environment=True),
        labels=tuple(reading.pairs(words["labels"], "--label").items()),
    )
    return Order(
        begun=reading.begin(words["context"], words["file"], wishes.args, sources),
        wishes=wishes,
        names=tuple(map(parse_reference, words["names"])),
        uses_cache=not words["no_cache"],
        network=words["network"],
        output=parse_output(words["output"]) if words["output"] else None,
    )


def _here() -> Platform:
    import os

    from whit.packer.image.platform import machine_platform

    return machine_platform(os.uname().machine)


def _bases(store: Store, *, pulls: bool) -> Bases:
    from whit.packer.buildfile.build.bases import Bases

    def pull(reference: Reference, platform: Platform | None) -> None:
        from whit.packer.commands.registry_options import registries
        from whit.packer.registry.pulling import Take
        from whit.packer.registry.told import pull_told

        pull_told(store, registries(insecure=False), reference, sys.stderr, platform, take=Take.ANY)

    return Bases(store, _here(), pull, pulls)


def _checked(order: Order, bases: Bases) -> int:
    """Tell what the checks find; the exit code, as docker has it."""
    from whit.packer.buildfile.build.ordering import plan_of

    findings = plan_of(order, bases, all_stages=True).findings
    for finding in findings:
        click.echo(
            f"WARNING: {finding.rule}{f' - {finding.rule.url}' if finding.rule.url else ''}\n{finding.message}\n{finding.place}\n"
        )
    count = len(findings)
    click.echo(
        f"Check complete, {count} warning{'s have' if count > 1 else ' has'} been found!"
        if count
        else "Check complete, no warnings found."
    )
    return 1 if findings else 0


def _warn(findings: tuple[Finding, ...]) -> None:
    if findings:
        count = len(findings)
        click.echo(f" {count} warning{'s' if count > 1 else ''} found:", err=True)
    for finding in findings:
        click.echo(f" - {finding.rule}: {finding.message} (line {finding.place.first})", err=True)
