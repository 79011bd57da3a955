"""``whit build`` with a whit.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whit.packer.commands.builtpage import Images, finish, upstream

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.buildfile.yamlbuild import Asked, Built
    from whit.packer.image.oci import Descriptor
    from whit.packer.store.store import Store
    from whit.packer.supply.wishes import Wishes


def build_yaml(words: dict[str, Any]) -> None:
    """Build what it describes; ``words`` are the command line's."""
    from whit.packer.buildfile.yamlbuild import Asked, build
    from whit.packer.image.platform import parse_platform
    from whit.packer.image.reference import parse_reference
    from whit.packer.store.store import Store
    from whit.packer.support.errors import UsageError

    if any("=" not in item for item in words["variables"]):
        raise UsageError("--build-arg needs NAME=VALUE", hint="as in --build-arg VERSION=1.2.3")
    wanted = (parse_platform(word) for text in words["platforms"] for word in text.split(","))
    asked = Asked(
        tuple(dict.fromkeys(map(parse_reference, words["names"]))),
        tuple(dict.fromkeys(wanted)),
        tuple((name, value) for name, _, value in (item.partition("=") for item in words["variables"])),
    )
    wishes: Wishes | None = words["wishes"]
    store = Store.open()
    folder, found = _places(words["context"], words["file"])
    with upstream(words) as there:
        built = build(store, found, folder, asked, there.follower)
        attached = _attach(store, built, found, asked, wishes) if wishes else ()
        finish(store, Images(built.descriptor, built.references, built.records, attached), words, there)


def _attach(store: Store, built: Built, file: Path, asked: Asked, wishes: Wishes) -> tuple[Descriptor, ...]:
    from whit.packer.commands.supply_options import attach
    from whit.packer.supply.provenance import BUILD, build_origin

    platforms = [str(record.platform) for record in built.records]
    origin = build_origin(BUILD, file.read_bytes(), dict(asked.variables), platforms=platforms)
    return attach(store, built.descriptor, built.references, origin, wishes)


def _places(context: str, file: str | None) -> tuple[Path, Path]:
    """The folder, and the build file."""
    from pathlib import Path

    from whit.packer.buildfile.names import WHIT_YAML, whit_yaml_in
    from whit.packer.support.errors import NotFoundError

    folder = Path(context)
    if not folder.is_dir():
        raise NotFoundError(f"{context}: no such folder", hint="whit build FOLDER; a file in it is named by --file")
    found = Path(file) if file is not None else whit_yaml_in(folder)
    if found is None:
        raise NotFoundError(
            f"{context}: there is no {WHIT_YAML[0]}", hint="write one (docs/whit-yaml.md), or whit pack FILE"
        )
    return folder, found
