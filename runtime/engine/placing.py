"""The mounts that were asked for → those that a container has: paths are found, volumes made and filled, the image's own added."""

from __future__ import annotations

import contextlib
from pathlib import Path

from whit.packer.store.rootfs import MountPoint
from whit.packer.support.errors import NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.engine.model import Mounted, MountKind
from whit.runtime.engine.mounting import AskedMount, inherited, outer_first
from whit.runtime.mounts import container_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.image.spec import RunConfig
    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.volumes import Volumes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be mounted: asked for, taken over from other containers, and the image's volumes."""

    asked: tuple[AskedMount, ...] = ()
    taken: tuple[Mounted, ...] = ()

    @property
    def has_volumes(self) -> bool:
        """Whether a volume is among them."""
        kinds = {mount.kind for mount in self.asked} | {mount.kind for mount in self.taken}
        return MountKind.VOLUME in kinds

    @property
    def targets(self) -> set[str]:
        """Where something is mounted."""
        return {mount.target for mount in self.asked} | {mount.target for mount in self.taken}

    def points(self) -> tuple[MountPoint, ...]:
        """The places that must be there to be mounted on."""
        places = [(mount.target, mount.kind, mount.source) for mount in self.asked]
        places += [(mount.target, mount.kind, mount.source) for mount in self.taken]
        return tuple(
            MountPoint(target, is_directory=kind is not MountKind.BIND or Path(source).is_dir())
            for target, kind, source in places
        )


def wanted(
    asked: tuple[AskedMount, ...], volumes_from: tuple[tuple[str, bool | None], ...], containers: Containers
) -> Wanted:
    """What the command line asks for; sources are whole paths now. Raises :class:`NotFoundError`."""
    found = tuple(map(_located, asked))
    targets = {mount.target for mount in found}
    taken: dict[str, Mounted] = {}
    for name, read_only in volumes_from:
        for mount in inherited(containers.find(name).container.mounts, read_only):
            taken.setdefault(mount.target, mount)
    return Wanted(found, tuple(mount for target, mount in taken.items() if target not in targets))


def _located(asked: AskedMount) -> AskedMount:
    if asked.kind is not MountKind.BIND:
        return asked
    path = Path(asked.source).absolute()
    _require(path, f"'{asked.source}:{asked.target}'")
    return replace(asked, source=str(path))


def with_image(wanted: Wanted, config: RunConfig) -> Wanted:
    """With a new volume for each that the image declares and nothing else is mounted on."""
    targets = wanted.targets
    own = []
    for text in config.volumes:
        try:
            target = container_path(text if text.startswith("/") else f"/{text}", text)
        except UsageError as error:
            raise UsageError(f"the image's volume {error.message}", hint="pack it anew without that volume") from None
        if target not in targets:
            own.append(AskedMount(MountKind.VOLUME, "", target))
            targets.add(target)
    return replace(wanted, asked=(*wanted.asked, *own))


@dataclass(frozen=True, slots=True)
class Ground:
    """What volumes are made for: the image's files, and the user that its program runs as."""

    rootfs: Path
    owner: tuple[int, int]


@contextlib.contextmanager
def placed(wanted: Wanted, root: Path, ground: Ground) -> Iterator[tuple[Mounted, ...]]:
    """The container's mounts, in their order. Their volumes stay if the container is there at the end of the block."""
    if not wanted.has_volumes:
        yield outer_first([*wanted.taken, *map(_plain, wanted.asked)])
        return
    from whit.runtime.engine.volumes import Volumes  # noqa: PLC0415 - many containers have none

    volumes = Volumes(root)
    made: list[str] = []
    with volumes.using():
        try:
            yield outer_first([*wanted.taken, *(_placed(asked, volumes, ground, made) for asked in wanted.asked)])
        except BaseException:
            volumes.discard(made)
            raise


def _plain(asked: AskedMount) -> Mounted:
    return Mounted(asked.kind, asked.source, asked.target, asked.read_only, options=asked.options)


def _placed(asked: AskedMount, volumes: Volumes, ground: Ground, made: list[str]) -> Mounted:
    if asked.kind is not MountKind.VOLUME:
        return _plain(asked)
    from whit.runtime.engine.volumeform import backing  # noqa: PLC0415 - only where there are volumes
    from whit.runtime.engine.volumes import anonymous_name, new_volume  # noqa: PLC0415

    is_anonymous = not asked.source
    name = asked.source or anonymous_name()
    if is_anonymous:
        made.append(name)
    volume = volumes.make(new_volume(name, asked.volume_options, asked.volume_labels, is_anonymous=is_anonymous))
    found = backing(volume, str(volumes.data(name)))
    if found.source == str(volumes.data(name)):
        volumes.fill(name, ground.rootfs, asked.target, ground.owner, copies=asked.copies)
    elif not found.file_system:
        _require(Path(found.source), f"volume {name}")
    return Mounted(
        MountKind.VOLUME, found.source, asked.target, asked.read_only, name=name,
        options=(*found.options, *asked.options), is_anonymous=is_anonymous, file_system=found.file_system,
    )  # fmt: skip


def _require(path: Path, said: str) -> None:
    if not path.exists():
        raise NotFoundError(f"{said}: there is no {path}", hint="create it first: what would be in it?")
