"""``--build-context NAME=…``: what FROM, COPY --from and mounts take in the place of an image or a stage of that name.

As BuildKit has them (frontend/dockerui/namedcontext.go): ``docker-image://REF``, ``oci-layout://FOLDER[:TAG|@DIGEST]``, a git
repository, a URL (a folder with its file, called ``context``), or a folder, whose ``.dockerignore`` holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.graph import SCRATCH, context_name
from whit.packer.buildfile.dockerfile.ignorefile import LARGEST, IgnoreRules, parse_ignore_file
from whit.packer.buildfile.dockerfile.plan import EMPTY, Origin, OriginKind
from whit.packer.buildfile.remote import contexts
from whit.packer.image.reference import parse_reference
from whit.packer.support.errors import NotFoundError, UsageError
from whit.packer.support.light import replace
from whit.packer.support.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.buildfile.remote.sources import Sources
    from whit.packer.store.store import Store

IMAGE, LAYOUT = "docker-image://", "oci-layout://"
_IGNORE = ".dockerignore"


@dataclass(frozen=True, slots=True)
class Named:
    """A context: what it is in a plan, and its folder where it is one."""

    origin: Origin
    folder: Path | None = None
    ignore: IgnoreRules = field(default_factory=IgnoreRules)


def read_contexts(texts: Iterable[str], sources: Sources) -> dict[str, Named]:
    """All of them, by name. Raises :class:`UsageError`, :class:`NotFoundError`, and what fetching raises."""
    found: dict[str, Named] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not name or not value:
            raise UsageError(
                f"--build-context {text[:200]}: it isn't NAME=PLACE", hint="as in --build-context src=../src"
            )
        key = context_name(name)
        if key is None:
            raise UsageError(f"--build-context {text[:200]}: no image and no stage can be called {name}")
        found[key] = _read(key, value, sources)
    return found


def _read(name: str, value: str, sources: Sources) -> Named:
    if value.startswith(IMAGE):
        reference = value.removeprefix(IMAGE)
        return Named(EMPTY if reference == SCRATCH else Origin(OriginKind.IMAGE, image=str(parse_reference(reference))))
    if value.startswith(LAYOUT):
        return Named(Origin(OriginKind.IMAGE, image=_adopted(name, value, sources.cache.store)))
    origin = Origin(OriginKind.NAMED, image=name)
    if contexts.is_remote(value):
        return Named(origin, contexts.fetched_as_is(value, sources))
    folder = Path(value)
    if "://" in value or not folder.is_dir():
        hint = f"a folder, {IMAGE}REF, {LAYOUT}FOLDER, a git repository or a URL"
        raise NotFoundError(f"--build-context {name}={value[:200]}: there is no such folder", hint=hint)
    return Named(origin, folder, _ignored(folder / _IGNORE))


def _ignored(path: Path) -> IgnoreRules:
    try:
        return parse_ignore_file(read_regular(path, LARGEST), str(path))
    except FileNotFoundError:
        return IgnoreRules()


def _adopted(name: str, value: str, store: Store) -> str:
    """An image of a layout, in the store under its digest; the name that it has there."""
    from whit.packer.image.oci import REF_NAME  # noqa: PLC0415 - few contexts are layouts
    from whit.packer.registry.ends import LayoutSource, LayoutTarget  # noqa: PLC0415
    from whit.packer.registry.progress import Silent  # noqa: PLC0415
    from whit.packer.registry.transfer import transfer  # noqa: PLC0415
    from whit.packer.registry.tree import gather  # noqa: PLC0415
    from whit.packer.store.layout import Layout  # noqa: PLC0415

    place, _, digest = value.removeprefix(LAYOUT).partition("@")
    folder, colon, tag = place.rpartition(":")
    if not colon or "/" in tag:
        folder, tag = place, "latest"
    layout = Layout(Path(folder), private=False)
    layout.check_version()
    there = layout.index().manifests
    called = [one for one in there if (one.annotation(REF_NAME) or "").rpartition(":")[2] == tag]
    chosen = [one for one in there if one.digest == digest] if digest else called or (there if len(there) == 1 else [])
    if not chosen:
        raise NotFoundError(
            f"--build-context {name}: {folder} has no image {digest or tag}", hint=f"{LAYOUT}{folder}:TAG"
        )
    descriptor = replace(chosen[0], annotations=())
    reference = replace(parse_reference(name), tag=None, digest=descriptor.digest)
    source = LayoutSource(layout, descriptor)
    tree = gather(source.root(), source.document)
    with store.adding() as target:
        end = LayoutTarget(target, lambda made: store.add(made, (reference,)), None, is_named=lambda _: False)
        transfer(tree, source, end, Silent())
    return str(reference)
