"""RUN: what its mounts show, what its key is made of, and the order for whoever runs it."""

from __future__ import annotations

import contextlib
import os
from hashlib import sha256
from typing import TYPE_CHECKING

from whit.packer.support.light import dataclass
from whit.packer.support import durable
from whit.packer.buildfile.build.agents import MODE, VARIABLE
from whit.packer.buildfile.build.cache import Workplace, step_key
from whit.packer.buildfile.build.origins import find_one, rooted
from whit.packer.buildfile.build.pieces import Change, piece_of
from whit.packer.buildfile.build.placing import place
from whit.packer.buildfile.build.steps import Bound, Layers, Memory, RunOrder, Secret
from whit.packer.buildfile.dockerfile.mounts import MountKind, Sharing
from whit.packer.buildfile.dockerfile.plan import OriginKind
from whit.packer.buildfile.dockerfile.problems import DockerfileError, at
from whit.packer.support.errors import UnsupportedError
from whit.packer.support.userns import few_users
from whit.packer.tar.recorded import give_if_there, has_some

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from whit.packer.buildfile.build.agents import Agents
    from whit.packer.buildfile.build.cache import StepCache
    from whit.packer.buildfile.build.chain import Chain
    from whit.packer.buildfile.build.origins import Files
    from whit.packer.buildfile.dockerfile.plan import Origin, PlannedMount, RunStep

_CACHE_MODE = 0o755
_SECRET_MODE = 0o400
_MOST_PRIVATE = 1000
SEES_RECORDED = (
    "RUN sees files of users that aren't in builds of yours as root's, without their set-user-ID bits: "
    "what it copies of them is root's; with subordinate ids the image is as root's build"
)


@dataclass(frozen=True, slots=True)
class Supplies:
    """Where a RUN's mounts come from: ``files`` opens an origin, ``chain`` is a stage's or an image's, ``whole`` with its files."""

    cache: StepCache
    files: Callable[[Origin], contextlib.AbstractContextManager[Files]]
    chain: Callable[[Origin], Chain]
    whole: Callable[[Origin], Chain]
    secrets: Mapping[str, bytes]
    agents: Agents
    network: str


def key_of(step: RunStep, below: str, supplies: Supplies, epoch: int | None, *, by_origins: bool = False) -> str:
    """The step's key: what it runs, on what, with which mounts; not the secrets' contents, nor the proxies.

    ``by_origins``: files of stages and images are told by what stands for all of those.
    """
    mounts = [_mount_key(step, planned, supplies, by_origins=by_origins) for planned in step.mounts]
    script = [step.script.path, step.script.content] if step.script else None
    return step_key(
        "run", below, step.words, step.environment, step.directory, step.user, mounts,
        _network(step, supplies), step.security, script, epoch,
    )  # fmt: skip


def _mount_key(step: RunStep, planned: PlannedMount, supplies: Supplies, *, by_origins: bool) -> list[object]:
    mount = planned.mount
    words: list[object] = [
        mount.kind, planned.target, mount.is_readonly, mount.size, mount.id, mount.env, mount.mode, mount.uid, mount.gid,
    ]  # fmt: skip
    if by_origins and planned.origin.kind in (OriginKind.STAGE, OriginKind.IMAGE):
        words += [supplies.chain(planned.origin).portable, rooted(mount.source)]
    elif mount.kind is MountKind.BIND:
        with supplies.files(planned.origin) as files, at(step.source.place):
            words.append(piece_of(files, rooted(mount.source), _as_it_is(files)).digest())
    return words


def sees_recorded(step: RunStep, chain: Chain, supplies: Supplies) -> bool:
    """Whether a RUN has files before it whose owners are only recorded: below it, or by its mounts."""
    origins = [planned.origin for planned in step.mounts if planned.mount.kind is MountKind.BIND]
    bound = [supplies.whole(origin) for origin in origins if origin.kind in (OriginKind.STAGE, OriginKind.IMAGE)]
    return any(has_some(folder) for one in (chain, *bound) for folder in one.lowers)


def _network(step: RunStep, supplies: Supplies) -> str:
    return supplies.network if step.network == "default" else step.network


@contextlib.contextmanager
def order_of(step: RunStep, chain: Chain, supplies: Supplies, where: Workplace) -> Iterator[RunOrder]:
    """The order; caches are held and filled for as long as the block lasts. Raises :class:`DockerfileError`."""
    if step.security != "sandbox":
        raise UnsupportedError(f"{step.source.place}: security.{step.security} is not allowed", hint="leave it out")
    environment = {item.partition("=")[0]: item for item in (*step.proxies, *step.environment)}
    mounts: list[Bound | Memory] = []
    secrets: list[Secret] = []
    with contextlib.ExitStack() as stack:
        for number, planned in enumerate(step.mounts):
            mount = planned.mount
            if mount.kind is MountKind.TMPFS:
                mounts.append(Memory(planned.target, mount.size))
            elif mount.kind is MountKind.CACHE:
                mounts.append(stack.enter_context(_cache(planned, supplies)))
            elif mount.kind is MountKind.BIND:
                mounts.append(_bound(step, planned, supplies, where.folder / f"bound{number}"))
            elif mount.kind is MountKind.SSH:
                # The first agent's place is told even where it may be left out: as in BuildKit.
                environment.setdefault(VARIABLE, f"{VARIABLE}={planned.target}")
                path = where.folder / f"agent{number}"
                mounts += [stack.enter_context(_agent(planned, path, agent))] if (agent := _given(step, planned, supplies)) else []
            else:
                data = _secret(step, planned, supplies)
                if data is not None and mount.env is not None:
                    environment[mount.env] = f"{mount.env}={os.fsdecode(data)}"
                if data is not None and planned.target:
                    mode = _SECRET_MODE if mount.mode is None else mount.mode
                    secrets.append(Secret(planned.target, data, mode, mount.uid or 0, mount.gid or 0))
        yield RunOrder(
            layers=Layers(chain.lowers, str(where.upper), str(where.work)),
            folder=str(where.folder / "run"),
            words=step.words,
            environment=tuple(environment.values()),
            directory=step.directory,
            user=step.user,
            network=_network(step, supplies),
            architecture="",
            mounts=tuple(mounts),
            secrets=tuple(secrets),
            script=(step.script.path, step.script.content.encode("utf-8", "surrogateescape")) if step.script else None,
        )


def _secret(step: RunStep, planned: PlannedMount, supplies: Supplies) -> bytes | None:
    """Its bytes; None for one that isn't there and needn't be."""
    mount = planned.mount
    data = supplies.secrets.get(mount.id)
    if data is None and mount.is_required:
        raise DockerfileError(step.source.place, f"secret {mount.id}: not found", f"--secret id={mount.id},src=FILE")
    return data


def _given(step: RunStep, planned: PlannedMount, supplies: Supplies) -> str | None:
    """An agent's socket; None for one that isn't there and needn't be."""
    mount = planned.mount
    agent = supplies.agents.socket(mount.id)
    if agent is None and mount.is_required:
        raise DockerfileError(step.source.place, f"there is no SSH agent {mount.id}", f"--ssh {mount.id} gives it yours")
    return agent


@contextlib.contextmanager
def _agent(planned: PlannedMount, path: Path, agent: str) -> Iterator[Bound]:
    mount = planned.mount
    mode = MODE if mount.mode is None else mount.mode
    from whit.packer.buildfile.build.forwarding import forwarded  # noqa: PLC0415 - few steps are given an agent

    with forwarded(agent, path, mode, (mount.uid or 0, mount.gid or 0)):
        yield Bound(planned.target, None, str(path), is_readonly=False)


def _bound(step: RunStep, planned: PlannedMount, supplies: Supplies, folder: Path) -> Bound:
    """Files of an image are shown where they are; the context's are copied, so that they stand still and are root's."""
    path = rooted(planned.mount.source)
    if planned.origin.kind is OriginKind.EMPTY:
        folder.mkdir(mode=_CACHE_MODE)
        return Bound(planned.target, None, str(folder), planned.mount.is_readonly)
    if planned.origin.kind in (OriginKind.STAGE, OriginKind.IMAGE):
        with supplies.files(planned.origin) as files, at(step.source.place):
            find_one(files, path)
        return Bound(planned.target, supplies.whole(planned.origin).layers, path, planned.mount.is_readonly)
    folder.mkdir(mode=_CACHE_MODE)
    with supplies.files(planned.origin) as files, at(step.source.place):
        piece = piece_of(files, path, _as_it_is(files))
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            place(descriptor, "/", [(piece, piece.digest())], _as_it_is(files))
        finally:
            os.close(descriptor)
    return Bound(planned.target, None, str(folder / piece.name), planned.mount.is_readonly)


def _as_it_is(files: Files) -> Change:
    return Change(None, None, 0, files.is_context)


@contextlib.contextmanager
def _cache(planned: PlannedMount, supplies: Supplies) -> Iterator[Bound]:
    """A folder that is kept: shared by all, held by one at a time, or one for each who comes at once."""
    mount = planned.mount
    name = sha256(os.fsencode(mount.id)).hexdigest()[:32]
    with contextlib.ExitStack() as stack:
        folder = supplies.cache.folder / "caches" / name
        if mount.sharing is Sharing.LOCKED:
            stack.enter_context(durable.locked(folder.with_name(f"{name}.lock"), exclusive=True))
        elif mount.sharing is Sharing.PRIVATE:
            for number in range(_MOST_PRIVATE):
                folder = supplies.cache.folder / "caches" / f"{name}-{number}"
                lock = durable.locked(folder.with_name(f"{folder.name}.lock"), exclusive=True, wait=False)
                if stack.enter_context(lock):
                    break
        _begin_cache(planned, supplies, folder)
        yield Bound(planned.target, None, str(folder), mount.is_readonly)


def _begin_cache(planned: PlannedMount, supplies: Supplies, folder: Path) -> None:
    """A cache that isn't there yet: empty, or with what an image has there."""
    if folder.is_dir():
        os.utime(folder)
        return
    made = durable.temporary_beside(folder)
    made.mkdir()
    mount = planned.mount
    made.chmod(_CACHE_MODE if mount.mode is None else mount.mode)
    give_if_there(str(made), (mount.uid or 0, mount.gid or 0))
    if planned.origin.kind in (OriginKind.STAGE, OriginKind.IMAGE, OriginKind.NAMED):
        _fill(planned, supplies, made)
    with durable.locked(supplies.cache.folder / "keeping", exclusive=True):
        is_first = not folder.is_dir()
        if is_first:
            made.rename(folder)
    if not is_first:
        durable.remove_tree(made)


def _fill(planned: PlannedMount, supplies: Supplies, folder: Path) -> None:
    from whit.packer.tar.read import TarReader  # noqa: PLC0415 - few caches begin with something
    from whit.packer.tar.tree import TreeReader  # noqa: PLC0415
    from whit.packer.store.unpack import Unpacker  # noqa: PLC0415

    with supplies.files(planned.origin) as files:
        descriptor = files.open(rooted(planned.mount.source))
        try:
            with Unpacker(folder, is_layer=False) as unpacker:
                unpacker.layer(TarReader(TreeReader(recorded=few_users()).tar(descriptor, b"")))
                unpacker.finish()
        finally:
            os.close(descriptor)
