"""``whit build`` with a Dockerfile."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from whit.packer.commands.supply_options import document, show
from whit.packer.verbs import upstream

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
    from whit.packer.buildfile.build import reading
    from whit.packer.buildfile.build.ordering import build, opened
    from whit.packer.buildfile.build.progress import Progress
    from whit.packer.buildfile.remote import contexts
    from whit.packer.store.garbage import collect
    from whit.packer.store.store import Store

    wished: Wishes | None = words["wishes"]
    store = Store.open()
    is_quiet = words["quiet"] or words["progress"] == "quiet"
    rewrites = words["rewrite_timestamps"]
    writes = not words["check"] or words["contexts"] or words["context"] == "-" or contexts.is_remote(words["context"])
    secrets = reading.secrets(words["secrets"])
    with opened(store, secrets, _agents(words), rewrites_times=rewrites, writes=bool(writes)) as sources:
        order, bases = _order(words, sources), _bases(store, pulls=words["pull"])
        if words["check"]:
            return _checked(order, bases)
        there = upstream.Upstream(is_wished=order.pushes, insecure=words["insecure"])
        progress = Progress(lambda text: click.echo(text, err=True, nl=False), is_quiet=is_quiet)
        built = build(order, sources, make_runner(store.root), progress, bases)
    collect(store)
    if not is_quiet:
        _warn(built.findings)
    if built.descriptor is None:
        return 0
    attached = _attach(store, order, built.descriptor, wished) if wished else ()
    if not is_quiet:
        show(attached, err=True)
    image_id = store.image(built.descriptor).image_id if len(built.images) == 1 else built.descriptor.digest
    _write(words, order, built, image_id)
    pushed = upstream.document(there.push(store, order.names, quiet=is_quiet or words["as_json"], err=True))
    if words["as_json"]:
        _print_json(store, order, built, image_id, {"output": words["output"], **document(attached), **pushed})
    elif is_quiet:
        click.echo(image_id)
    return 0


def _write(words: dict[str, Any], order: Order, built: Built, image_id: str) -> None:
    """``--iidfile`` and ``--metadata-file``, in buildx's form."""
    from pathlib import Path

    from whit.packer.support import durable
    from whit.packer.support.jsondoc import canonical_json

    if built.descriptor is None:
        return
    if words["iidfile"]:
        with durable.output_errors(words["iidfile"]):
            durable.write_whole(Path(words["iidfile"]), image_id.encode(), private=False)
    if words["metadata_file"]:
        told = {
            "containerimage.digest": built.descriptor.digest,
            "containerimage.descriptor": built.descriptor.document(),
        }
        if len(built.images) == 1:
            told["containerimage.config.digest"] = image_id
        if order.names:
            told["image.name"] = ",".join(map(str, order.names))
        with durable.output_errors(words["metadata_file"]):
            durable.write_whole(Path(words["metadata_file"]), canonical_json(told), private=False)


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
        platform=",".join(map(str, order.platforms or (wishes.here,))), labels=dict(wishes.labels),
    )  # fmt: skip
    return attach(store, descriptor, order.names, origin, wished)


def _print_json(store: Store, order: Order, built: Built, image_id: str, more: dict[str, object]) -> None:
    from dataclasses import asdict

    from whit.packer.showing.console import print_json

    print_json(
        {
            "schema": "whit-build/1",
            "digest": built.descriptor.digest if built.descriptor else None,
            "id": image_id,
            "names": [reference.familiar for reference in order.names],
            "images": [
                {
                    "digest": one.digest,
                    "id": store.image(one).image_id,
                    "platform": one.platform and asdict(one.platform),
                }
                for one in built.images
            ],
            "warnings": [
                {"rule": one.rule, "message": one.message, "file": one.place.file, "line": one.place.first}
                for one in built.findings
            ],
            **more,
        }
    )


def _order(words: dict[str, Any], sources: Sources) -> Order:
    from whit.packer.buildfile.build import reading
    from whit.packer.buildfile.build.exporting import OutputKind, parse_output
    from whit.packer.buildfile.build.notes import parse_annotations
    from whit.packer.buildfile.build.ordering import Order
    from whit.packer.buildfile.build.sharing import parse_places
    from whit.packer.buildfile.dockerfile.evaluate import Wishes
    from whit.packer.buildfile.dockerfile.text import truth
    from whit.packer.buildfile.remote.named import read_contexts
    from whit.packer.commands.given import pairs
    from whit.packer.commands.registry_options import registries
    from whit.packer.image.platform import parse_platform
    from whit.packer.image.reference import parse_reference
    from whit.packer.support.errors import UsageError

    here = _here()
    output = parse_output(words["output"]) if words["output"] else None
    names = tuple(dict.fromkeys(map(parse_reference, (*words["names"], *(output.names if output else ())))))
    pushes = bool(words["push"] or (output and output.pushes))
    if pushes and not names:
        raise UsageError("there is no name to push to", hint="-t HOST/NAME:TAG")
    platforms = tuple(
        dict.fromkeys(parse_platform(word, here) for text in words["platforms"] for word in text.split(","))
    )
    annotations = parse_annotations(words["annotations"])
    if len(platforms) <= 1:
        annotations.refuse_index()
    elif output and output.kind is OutputKind.DOCKER:
        raise UsageError("docker's archives hold images for one platform", hint="-o type=oci,dest=FILE holds several")
    wishes = Wishes(
        here=here,
        target=words["target"],
        args=pairs(words["variables"], "--build-arg", from_environment=True),
        labels=tuple(pairs(words["labels"], "--label").items()),
    )
    inline = ("type=inline",) if truth(wishes.args.get("BUILDKIT_INLINE_CACHE", "")) else ()
    return Order(
        begun=reading.begin(words["context"], words["file"], wishes.args, sources),
        wishes=wishes,
        names=names,
        uses_cache=not words["no_cache"],
        network=words["network"],
        output=output if output and output.is_written else None,
        platforms=platforms,
        annotations=annotations,
        anew=frozenset(name.lower() for text in words["anew"] for name in text.split(",")),
        pushes=pushes,
        contexts=read_contexts(words["contexts"], sources),
        cache_from=parse_places(words["cache_from"], "--cache-from", "src"),
        cache_to=parse_places((*words["cache_to"], *inline), "--cache-to", "dest"),
        registries=lambda: registries(insecure=False),
    )


def _here() -> Platform:
    import os

    from whit.packer.image.platform import machine_platform

    return machine_platform(os.uname().machine)


def _bases(store: Store, *, pulls: bool) -> Bases:
    from whit.packer.buildfile.build.bases import Bases

    def pull(reference: Reference, platform: Platform | None) -> Reference:
        from dataclasses import replace

        from whit.packer.commands.registry_options import registries
        from whit.packer.registry.choosing import chosen
        from whit.packer.registry.pulling import Take
        from whit.packer.registry.told import pull_told

        hub = registries(insecure=False)
        if platform:
            source = hub.source(reference)
            image = chosen(source.root(), source, platform, reference.familiar)
            reference = replace(reference, tag=None, digest=image.descriptor.digest)
        pull_told(store, hub, reference, sys.stderr, platform, take=Take.ANY)
        return reference

    return Bases(store, _here(), pull, pulls)


def _checked(order: Order, bases: Bases) -> int:
    """Tell what the checks find; the exit code, as docker has it."""
    from whit.packer.buildfile.build.ordering import plan_of

    plans = [plan_of(order, bases, platform, all_stages=True) for platform in order.platforms or (None,)]
    findings = tuple(dict.fromkeys(finding for plan in plans for finding in plan.findings))
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
