"""``whit build`` with sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from whit.packer.commands.builtpage import Images, finish, upstream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from whit.packer.buildfile.build.steps import StepRunner
    from whit.packer.image.oci import Descriptor
    from whit.packer.store.store import Store
    from whit.packer.supply.wishes import Wishes
    from whit.toolchains.building import Asked, Built


def build_sources(words: dict[str, Any], make_runner: Callable[[Path], StepRunner]) -> int:
    """Build them; ``words`` are the command line's. The exit code."""
    from whit.packer.store.fetched import fetched_folder
    from whit.packer.store.store import Store
    from whit.toolchains.building import Means, build, explanation
    from whit.toolchains.cache import BuildCache
    from whit.toolchains.commands.watching import Telling, fetcher
    from whit.toolchains.debuginfo import attach_debug_information
    from whit.toolchains.model import Language
    from whit.toolchains.project import find_project
    from whit.toolchains.tools import MachineKit

    wishes: Wishes | None = words["wishes"]
    asked = _asked(words)
    project = find_project(words["context"], Language(words["language"]) if words["language"] else None)
    store = Store.open()
    folder = fetched_folder(store)
    telling = Telling(is_quiet=words["quiet"])
    kit = MachineKit(
        folder,
        None if words["offline"] else lambda name: fetcher(folder).fetch(name),
        telling,
        BuildCache(store).folder,
    )
    with upstream(words) as there:
        follower = there.follower(asked.names)
        means = Means(kit, telling, make_runner, is_offline=words["offline"], follower=follower)
        built = build(store, project, asked, means)
        attached = attach_debug_information(store, built)
        attached += _attach(store, built, asked, wishes) if wishes else ()
        images = Images(built.descriptor, built.references, tuple(image.record for image in built.images), attached)
        if not (words["as_json"] or words["quiet"]):
            _explain(explanation(built))
        finish(store, images, words, there, {"source": _document(built)})
    return 0


def _asked(words: dict[str, Any]) -> Asked:
    import os

    from whit.packer.commands.given import pairs
    from whit.packer.image.platform import parse_platform
    from whit.packer.image.reference import parse_reference
    from whit.packer.support.errors import UsageError
    from whit.toolchains.building import Asked

    if words["debug"] and words["split_debug"]:
        raise UsageError(
            "--debug keeps debug information in the program, --split-debug beside it", hint="one of the two"
        )
    platforms = (parse_platform(word) for text in words["platforms"] for word in text.split(","))
    written = (words["output"], words["iidfile"])
    return Asked(
        shown=words["context"],
        names=tuple(dict.fromkeys(map(parse_reference, words["names"]))),
        platforms=tuple(dict.fromkeys(platforms)),
        bins=words["bins"],
        hermetic=words["hermetic"],
        keeps_debug=words["debug"],
        splits_debug=words["split_debug"],
        variables=tuple(sorted(pairs(words["variables"], "--build-arg", from_environment=True).items())),
        labels=tuple(sorted(pairs(words["labels"], "--label").items())),
        written=frozenset(os.path.abspath(path) for path in written if path),  # noqa: PTH100 - as it is walked
    )


def _attach(store: Store, built: Built, asked: Asked, wishes: Wishes) -> tuple[Descriptor, ...]:
    from whit.packer.commands.supply_options import attach
    from whit.toolchains.building import origin_of

    return attach(store, built.descriptor, built.references, origin_of(built, asked), wishes)


def _explain(notes: Any) -> None:  # noqa: ANN401
    from whit.packer.showing.console import page_width
    from whit.packer.showing.present import columns, printable

    rows = [(printable(note.choice), printable(note.reason)) for note in notes]
    for line in columns(rows, indent="", width=page_width()):
        click.echo(line)
    click.echo()


def _document(built: Built) -> dict[str, object]:
    from whit.toolchains.building import explanation

    project = built.project
    return {
        "language": project.language,
        "manifest": project.manifest or None,
        "tree": f"sha256:{built.tree.digest}",
        "programs": list(built.images[0].made.names),
        "tools": list(dict.fromkeys(tool for image in built.images for tool in image.made.tools)),
        "built": [image.made.is_new for image in built.images],
        "chosen": [{"what": note.choice, "why": note.reason} for note in explanation(built)],
    }
