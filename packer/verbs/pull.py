"""Images of a registry into the store."""

from __future__ import annotations

import sys

from whit.packer.image.reference import parse_reference
from whit.packer.registry.pulling import Take
from whit.packer.registry.registries import Registries
from whit.packer.registry.settings import Settings
from whit.packer.registry.told import pull_told
from whit.packer.showing.console import print_json, say
from whit.packer.store.store import Store
from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.shortid import short_id

if TYPE_CHECKING:
    from whit.packer.registry.pulling import Pulled


def pull(  # noqa: PLR0913 - one an option
    name: str,
    *,
    all_tags: bool = False,
    quiet: bool = False,
    platform: str | None = None,
    all_platforms: bool = False,
    with_referrers: bool = False,
    insecure: bool = False,
    as_json: bool = False,
) -> None:
    """Take an image, or all tags of a repository; as whit.packer.commands.pull says."""
    reference = parse_reference(name)
    is_bare = not (reference.digest or name.rpartition("/")[2].count(":"))
    if all_tags and not is_bare:
        raise UsageError("tag can't be used with --all-tags/-a", hint="give the repository's name alone")
    if platform and all_platforms:
        raise UsageError("--platform and --all-platforms contradict each other", hint="leave one of them out")
    store, hub = Store.open(), Registries(Settings.read(insecure=insecure))
    wanted = None
    if platform:
        from whit.packer.image.platform import parse_platform  # noqa: PLC0415 - seldom given

        wanted = parse_platform(platform)
    take = Take.WHOLE if all_platforms else Take.EXACT
    tags = list(hub.source(reference).repository.tags()) if all_tags else []
    # Parsed, so that a registry can't make up names that nobody could type.
    references = [parse_reference(f"{name}:{tag}") for tag in tags] or [reference]
    if is_bare and not (quiet or as_json or all_tags):
        say(f"Using default tag: {reference.tag}")
    found = [pull_told(store, hub, one, sys.stdout, wanted, take=take, quiet=quiet or as_json) for one in references]
    for one in found if with_referrers else ():
        _attach(store, hub, one, quiet=quiet or as_json)
    if as_json:
        print_json({"schema": "whit-pull/1", "images": [_document(one) for one in found]})
    else:
        say(reference.familiar_name if all_tags else str(reference))


def _attach(store: Store, hub: Registries, pulled: Pulled, *, quiet: bool) -> None:
    """Have the store hold what the registry has attached to an image that was pulled."""
    from whit.packer.registry.ends import RepositorySource  # noqa: PLC0415 - seldom asked for
    from whit.packer.registry.referring import listed, receive  # noqa: PLC0415
    from whit.packer.supply.attaching import attach  # noqa: PLC0415

    repository = hub.repository(pulled.reference)
    source = RepositorySource(repository, pulled.digest)
    with store.adding() as layout:
        fetched = receive(
            lambda digest: listed(repository, digest), pulled.tree, source, layout,
            lambda subject, artifact: attach(store, subject, artifact),
        )  # fmt: skip
    for one in fetched if not quiet else ():
        say(f"{short_id(one.hex)}: Attached ({one.artifact_type or one.media_type})")


def _document(pulled: Pulled) -> dict[str, object]:
    """For programs."""
    return {
        "name": pulled.reference.familiar,
        "digest": pulled.digest,
        "stored": pulled.descriptor.digest,
        "new": not pulled.moved.was_there,
        "blobs": len(pulled.tree.blobs),
        "size": pulled.tree.size,
        "transferred": pulled.moved.size,
    }
