"""The whole way from a source tree to images: recognise, digest, make what isn't there yet, pack."""

from __future__ import annotations

import os
import posixpath
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer import pipeline
from whit.packer.image.oci import INDEX, Index
from whit.packer.image.packcache import code_state
from whit.packer.image.platform import machine_platform
from whit.packer.image.reference import reference_from_file_name
from whit.packer.image.spec import PackOptions
from whit.packer.support import durable
from whit.packer.support.counting import counted
from whit.packer.support.errors import UsageError
from whit.packer.support.jsondoc import canonical_json
from whit.packer.support.light import dataclass, replace
from whit.toolchains.cache import BuildCache
from whit.toolchains.choosing import choose
from whit.toolchains.languages import toolchain_of
from whit.toolchains.model import Note, Wish
from whit.toolchains.tools import TOOLS
from whit.toolchains.tree import snapshot, snapshot_of_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.buildfile.build.steps import StepRunner
    from whit.packer.elf.debugfile import DebugFile
    from whit.packer.image.oci import Descriptor
    from whit.packer.image.packcache import Record
    from whit.packer.image.platform import Platform
    from whit.packer.image.reference import Reference
    from whit.packer.store.layout import Follower
    from whit.packer.store.store import Store
    from whit.packer.supply.provenance import Origin
    from whit.toolchains.cache import Made
    from whit.toolchains.lonefile import Lone
    from whit.toolchains.model import Kit, Project, Recipe, Step, Toolchain
    from whit.toolchains.process import Watcher
    from whit.toolchains.tree import Snapshot

_HERMETIC = (Note("--hermetic", "asked for: no network, sources read-only, of this machine the tools alone"),)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says. ``shown`` is the context as it was given, ``written`` are files of its own output."""

    shown: str
    names: tuple[Reference, ...] = ()
    platforms: tuple[Platform, ...] = ()
    bins: tuple[str, ...] = ()
    keeps_debug: bool = False
    splits_debug: bool = False
    variables: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    written: frozenset[str] = frozenset()
    hermetic: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """One platform's programs, and the image that holds them; ``debug`` is (program, its debug information), where that is wanted."""

    platform: Platform
    made: Made
    record: Record
    debug: tuple[tuple[str, DebugFile], ...] = ()


@dataclass(frozen=True, slots=True)
class Built:
    """What is in the store now: an image's manifest, or an index of one for each platform. ``tree`` is the sources' digest."""

    project: Project
    tree: Snapshot
    descriptor: Descriptor
    references: tuple[Reference, ...]
    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class Means:
    """What a build uses of the machine. ``runner`` gives what confines steps, for those that are to be.

    ``follower`` is told how layers grow.
    """

    kit: Kit
    watcher: Watcher
    runner: Callable[[Path], StepRunner]
    is_offline: bool = False
    follower: Follower | None = None


def build(store: Store, project: Project, asked: Asked, means: Means) -> Built:
    """Build all platforms, or nothing is named. Raises what the toolchain, the steps and packing raise."""
    toolchain = toolchain_of(project.language)
    _check_variables(toolchain, asked)
    cache = BuildCache(store)
    roots = (project.root, *toolchain.outside(project, means.kit))
    with cache.using():
        tree = _taken(cache, project, toolchain, roots, asked, means)
        work = _Work(cache, project, toolchain, tree, roots, asked)
        platforms = asked.platforms or (machine_platform(os.uname().machine),)
        programs = [work.programs(platform, means) for platform in platforms]
        with store.adding() as layout:
            images = [
                Image(platform, made, pipeline.pack(_order(made, platform, asked), store, (), means.follower), debug)
                for platform, made, debug in programs
            ]
            descriptor = images[0].record.manifest
            if len(images) > 1:
                index = Index(tuple(image.record.descriptor for image in images))
                descriptor = layout.put(index.to_json(), INDEX)
            references = asked.names or (reference_from_file_name(project.name),)
            store.add(descriptor, references)
    return Built(project, tree, descriptor, references, tuple(images))


def _parts(project: Project, asked: Asked, kit: Kit) -> Lone | None:
    if not project.is_lone:
        return None
    from whit.toolchains.lonefile import parts_of  # noqa: PLC0415 - few projects are a lone file

    return parts_of(project, dict(asked.variables), kit)


def _taken(
    cache: BuildCache, project: Project, toolchain: Toolchain, roots: tuple[str, ...], asked: Asked, means: Means
) -> Snapshot:
    """What is built from, as it is now: folders and files, or of a lone file what it names."""
    began = time.monotonic()

    def heard(path: str) -> None:
        means.watcher.doing(f"the digest of {path}", time.monotonic() - began)

    lone = _parts(project, asked, means.kit)
    if lone and lone.files:
        index = cache.index(posixpath.join(project.root, project.files[0]))
        tree = snapshot_of_files(project.root, lone.files, index)
        others = f" and {tree.files - 1} beside it that it names" if tree.files > 1 else " alone"
        return replace(tree, told=f"{posixpath.join(project.root, project.files[0])}{others}")
    tree = snapshot(roots, toolchain.ignores, asked.written, cache.index(project.root), heard)
    means.watcher.done()
    why = f", as {lone.reason}" if lone else ""
    return replace(tree, told=f"{counted(tree.files, 'file')} in {project.root}{why}")


@dataclass(frozen=True, slots=True)
class _Work:
    cache: BuildCache
    project: Project
    toolchain: Toolchain
    tree: Snapshot
    roots: tuple[str, ...]
    asked: Asked

    def programs(self, platform: Platform, means: Means) -> tuple[Platform, Made, tuple[tuple[str, DebugFile], ...]]:
        """One platform's, and their debug information, where that is to stand beside them."""
        made = self.made(platform, means)
        if self.asked.splits_debug and platform.architecture == "wasm":
            means.watcher.warn(
                f"--split-debug: of {platform} debug information isn't kept: it is of ELF programs alone"
            )
        if not self.asked.splits_debug or platform.architecture == "wasm":
            return platform, made, ()
        from whit.toolchains.debuginfo import separated  # noqa: PLC0415 - seldom wanted

        full = replace(self, asked=replace(self.asked, keeps_debug=True)).made(platform, means)
        return platform, made, separated(made, full, platform)

    def made(self, platform: Platform, means: Means) -> Made:
        """One platform's programs: those that are there, or new ones."""
        key = self._key(platform, means.kit)
        with self.cache.one_at_a_time(key):
            known = None if self.tree.leaves else self.cache.recall(key)
            return known or self._make(key, platform, means)

    def _make(self, key: str, platform: Platform, means: Means) -> Made:
        from whit.toolchains.finishing import finish, write_files  # noqa: PLC0415 - not where nothing has changed

        asked = self.asked
        kit = means.kit.confining(lambda step: self._ask(step, means)) if asked.hermetic else means.kit
        wish = Wish(platform, asked.bins, asked.keeps_debug, asked.variables, asked.hermetic)
        targets, why = choose(asked.shown, self.toolchain.targets(self.project, kit), asked.bins)
        _refuse_same_names([target.name for target in targets])
        with self.cache.workplace() as place:
            recipe = self.toolchain.recipe(self.project, targets, wish, str(place), kit)
            for text in recipe.warnings:
                means.watcher.warn(text)
            with durable.store_errors(f"build in {place.parent}"):
                write_files(place, recipe)
                self._perform(recipe, place, means)
                watched = (*recipe.watched, *recipe.reads())
                recipe = replace(recipe, programs=finish(place, recipe), watched=watched)
            # Whoever edits while it is built gets what was there, which isn't kept as what is there now.
            after = _taken(self.cache, self.project, self.toolchain, self.roots, asked, means)
            kept = key if after.digest == self.tree.digest and not self.tree.leaves else f"{key[:-8]}-moving"
            return self.cache.keep(kept, place, recipe, (why, *recipe.notes, *(_HERMETIC if asked.hermetic else ())))

    def _perform(self, recipe: Recipe, place: Path, means: Means) -> None:
        from whit.toolchains import hermetic, warming  # noqa: PLC0415 - nothing is started where nothing has changed
        from whit.toolchains.process import run  # noqa: PLC0415

        if not self.asked.hermetic:
            for step in recipe.steps:
                run(step, means.watcher)
            return
        prepares = () if means.is_offline else recipe.prepares
        for step in prepares:
            if not step.evaluates:
                run(step, means.watcher)
        box = hermetic.Box(recipe, self._folders, means.runner(self.cache.store.root), means.watcher)
        steps = (*(step for step in prepares if step.evaluates), *recipe.steps)
        with self.cache.workplace() as rooms:
            warming.warm(box, hermetic.own_caches(self.cache.folder, self.project.root), str(place), self.cache)
            for number, step in enumerate(steps):
                confined = hermetic.rooms(rooms / str(number), place, self.cache.folder, self.project.root)
                box.run(step, confined, has_network=step in prepares)

    @property
    def _folders(self) -> tuple[str, ...]:
        """The sources as a confined step sees them: files above the tree are its toolchain's matter."""
        return tuple(root for root in self.roots if os.path.isdir(root))  # noqa: PTH112 - a text, as all here

    def _ask(self, step: Step, means: Means) -> str:
        """What the tree says where it is executed: confined, and what it writes is thrown away."""
        from whit.toolchains import hermetic  # noqa: PLC0415 - as above

        runner = means.runner(self.cache.store.root)
        with self.cache.workplace() as place, self.cache.workplace() as rooms:
            confined = hermetic.rooms(rooms / "asked", place, self.cache.folder, self.project.root)
            return hermetic.ask(step, self._folders, confined, runner, means.watcher)

    def _key(self, platform: Platform, kit: Kit) -> str:
        """All that decides, but for the tools' state, which the record knows."""
        project, asked = self.project, self.asked
        relative = posixpath.relpath(project.folder, project.root)
        document = {
            "tree": self.tree.digest,
            "project": [project.language, project.name, relative, project.manifest, *project.files],
            "place": sha256(os.fsencode(project.root)).hexdigest() if self.tree.leaves else "",
            "tool": os.fsencode(kit.place(self.toolchain.tool)).hex(),
            "chosen": [os.fsencode(os.environ.get(name, "")).hex() for name in TOOLS[self.toolchain.tool].inherits],
            "platform": str(platform),
            "bins": asked.bins,
            "debug": asked.keeps_debug,
            "hermetic": asked.hermetic,
            "variables": [list(pair) for pair in asked.variables],
            "code": sorted(code_state(Path(__file__).parent)),
        }
        return sha256(canonical_json(document)).hexdigest()[:48]


def _refuse_same_names(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two programs are called {name}: one image can't hold both at /{name}")


def _check_variables(toolchain: Toolchain, asked: Asked) -> None:
    known = toolchain.variables
    for name, _ in asked.variables:
        if name not in known:
            words = "; ".join(f"{key}: {what}" for key, what in known.items())
            raise UsageError(f"--build-arg {name}: there is no such variable for these sources", hint=words or None)


def _order(made: Made, platform: Platform, asked: Asked) -> pipeline.Order:
    options = PackOptions(
        created=pipeline.source_date_epoch(),
        labels=asked.labels,
        annotations=(("dev.whit.toolchain", ", ".join(made.tools)),),
    )
    first, *others = made.files
    wanted = None if platform.architecture == "wasm" else replace(platform, variant=None)
    return pipeline.Order(first, options, others=tuple((path, None) for path in others), platform=wanted)


def explanation(built: Built) -> tuple[Note, ...]:
    """What was chosen, and why, in the order in which it was."""
    project = built.project
    told = (
        f"{project.language} by {project.manifest}"
        if project.manifest
        else f"{project.language}: {', '.join(project.files)}"
    )
    notes = [Note(told, built.tree.told)]
    for image in built.images:
        notes += [
            Note(", ".join(image.made.tools), "built now" if image.made.is_new else "built before, unchanged since")
        ]
        notes += image.made.notes
    return tuple(dict.fromkeys(notes))


def origin_of(built: Built, asked: Asked) -> Origin:
    """For provenance: the tree's digest, and what was chosen. Names of variables alone: values hold whatever a person has put there."""
    from whit.packer.supply.provenance import SOURCE, Origin  # noqa: PLC0415 - only where it is asked for

    project = built.project
    parameters: dict[str, object] = {
        "source": {"digest": {"sha256": built.tree.digest}},
        "language": project.language,
        "programs": list(built.images[0].made.names),
        "platforms": [str(image.platform) for image in built.images],
        "tools": list(dict.fromkeys(tool for image in built.images for tool in image.made.tools)),
        "variables": [name for name, _ in asked.variables],
    }
    if project.manifest:
        parameters["manifest"] = project.manifest
    return Origin(SOURCE, parameters)
