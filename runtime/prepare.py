"""Request → Prepared: the image is found or packed, its files are put in place, and what all of it came from is noted."""

from __future__ import annotations

import os
from pathlib import Path

from whit.packer.image.accounts import Accounts
from whit.packer.image.callsclaim import claimed as claimed_calls
from whit.packer.registry.obtaining import Pull, obtain, obtain_missing
from whit.packer.resolution.choices import SourceChoice
from whit.packer.store.rootfs import MountPoint, prepare_rootfs
from whit.packer.store.targets import names_file
from whit.packer.support.errors import ExitCode, LaunchError, NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.packer.wasm.claim import claim
from whit.runtime.host import own_v2_cgroup
from whit.runtime.landlocking import landlock_version
from whit.runtime.launch import PLANS, find_launcher
from whit.runtime.mounts import MOUNT_POINTS
from whit.runtime.options import FileIdentity, Guards, Program
from whit.runtime.plan import command_line, search_path
from whit.runtime.request import identity_of
from whit.runtime.rootview import RootView

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.image.spec import RunConfig
    from whit.packer.resolution.choices import Addition
    from whit.packer.store.store import Store, StoredImage
    from whit.packer.wasm.claim import Claim
    from whit.runtime.options import RunOptions
    from whit.runtime.request import Request

WASM_MAGIC = b"\0asm"
"""How WebAssembly begins (core specification, 5.5.16)."""

HOSTS = b"127.0.0.1\tlocalhost\n::1\tlocalhost\n"
"""What a program without a network needs to know of names."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An image ready to be a container's root; ``executable`` is the path in it of what will be executed.

    ``guards`` is None where something that it was made from was gone again.
    """

    program: Program
    executable: str
    guards: Guards | None
    image: StoredImage


def _package_files() -> tuple[str, ...]:
    """The packages whose files an image may hold; when they are upgraded, a file is packed anew."""
    from importlib.util import find_spec  # noqa: PLC0415 - only where a file is packed

    specs = (find_spec("certifi"), find_spec("tzdata"))
    return tuple(spec.origin for spec in specs if spec and spec.origin)


_MOST_WATCHED = 600
"""Guards of libraries and of places where they were sought; a plan with more operations than it may have isn't kept."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """An image, the files that it depends on, and paths that it depends on not being there."""

    image: StoredImage
    files: tuple[FileIdentity | None, ...]
    absent: tuple[str, ...] = ()


def _added(additions: tuple[Addition, ...]) -> tuple[str, ...]:
    """The files of the host that are added, and the folders that they were found in."""
    if not additions:
        return ()
    from whit.packer.image.spec import HostFile  # noqa: PLC0415
    from whit.packer.resolution.additions import gather  # noqa: PLC0415 - only where something is added

    added = gather(additions)
    contents = (entry.content for entry in added.entries)
    return (*added.folders, *(content.path for content in contents if isinstance(content, HostFile)))


def _pack(request: Request, store: Store) -> _Taken:
    from whit.packer.pipeline import pack_to_run  # noqa: PLC0415 - an image that is there needs no packer

    # The file's identity is taken before it is read, so that a change in between is noticed the next time; the
    # index's after it was written, since the plan comes from the file and not from a name.
    files = [identity_of(path) for path in (request.target, *_package_files())]
    if request.choices.sources is SourceChoice.HOST:
        files.append(None)  # whose files were read isn't known here, so no guard can tell that they changed
    added = _added(request.choices.additions)
    files += map(identity_of, added)
    image, record = pack_to_run(request.target, store, request.choices)
    if added != _added(request.choices.additions):
        files.append(None)
    watched = record.watched
    if watched is None or len(watched) + len(added) > _MOST_WATCHED:
        watched = ()
        files.append(None)
    for path, state in watched:
        if state:
            device, inode, size, mtime, ctime = map(int, state)
            files.append((path, device, inode, size, mtime, ctime))
    absent = tuple(path for path, state in watched if not state)
    return _Taken(image, (*files, identity_of(str(store.index_path))), absent)


def _find(request: Request, store: Store) -> _Taken:
    files = (identity_of(str(store.index_path)),)
    if request.choices.additions or request.choices.needs:
        raise UsageError(
            f"--add and --needs are for a file that is packed, and {request.target} is none",
            hint="show an image's program a file with --volume SOURCE:TARGET:ro",
        )
    if request.pull == Pull.ALWAYS:
        obtain(request.target, store, request.platform)
        # Not to be remembered: the next time it is asked for again.
        return _Taken(store.resolve(request.target, request.platform), (None,))
    try:
        return _Taken(store.resolve(request.target, request.platform), files, (request.target,))
    except NotFoundError as error:
        if Path(request.target).exists():
            raise NotFoundError(
                f"{request.target} is no file to run, and no image has that name", hint=error.hint
            ) from None
        if request.pull == Pull.NEVER:
            raise
        obtain_missing(request.target, store, error, request.platform)
    files = (identity_of(str(store.index_path)),)
    return _Taken(store.resolve(request.target, request.platform), files, (request.target,))


def _refuse_other(image: StoredImage, request: Request) -> None:
    """Refuse an image or a program that isn't for the platform that is asked for."""
    wanted = request.platform
    if wanted and not image.platform.is_for(wanted):
        raise NotFoundError(f"{request.target} has nothing for {wanted}", hint=f"it is for {image.platform}")


def mount_points(options: RunOptions, more: tuple[MountPoint, ...]) -> tuple[MountPoint, ...]:
    """The places that a root must have for these options, and ``more``."""
    points = [MountPoint(path, is_directory=True) for path in MOUNT_POINTS]
    points.append(MountPoint("/etc/hosts", is_directory=False, content=HOSTS))
    points += more
    points += [MountPoint(mount.target, is_directory=True) for mount in options.tmpfs]
    points += [MountPoint(volume.target, is_directory=volume.is_directory) for volume in options.volumes]
    return tuple(dict.fromkeys(points))


def _guards(
    request: Request, store: Store, command: tuple[str, ...], taken: _Taken, engine: tuple[str, ...]
) -> Guards | None:
    variables = list(request.variables)
    if names_file(request.target):
        variables.append(("SOURCE_DATE_EPOCH", os.environ.get("SOURCE_DATE_EPOCH")))
    files = (*taken.files, *request.files, identity_of(str(find_launcher())), *map(identity_of, engine))
    known = tuple(file for file in files if file is not None)
    if len(known) < len(files):
        return None
    kernel = os.uname()
    return Guards(
        command=command,
        kernel=(kernel.release, kernel.version),
        plans=str(store.root / PLANS),
        launcher=str(find_launcher()),
        files=known,
        absent=taken.absent,
        directory=str(Path.cwd()) if request.uses_directory else None,
        environment=tuple(variables),
        cgroup=own_v2_cgroup() if os.geteuid() != 0 else None,
        landlock=landlock_version() if request.options.landlock or request.options.sandbox else None,
    )


def prepare(
    request: Request,
    store: Store,
    command: tuple[str, ...],
    more: Callable[[RunConfig], tuple[MountPoint, ...]] = lambda _: (),
) -> Prepared:
    """The image's files on disk, ready to be a container's root. ``command`` is whit's own command line.

    ``more`` tells of an image's configuration what will be mounted on, beside what the request asks for.

    Raises :class:`NotFoundError` with the nearest names, and whatever packing raises.
    """
    packs = names_file(request.target)
    taken = (_pack if packs else _find)(request, store)
    image = taken.image
    _refuse_other(image, request)
    folder = prepare_rootfs(store, image, mount_points(request.options, more(image.config.run)))
    view = RootView(str(folder))
    name = request.target if packs or not image.reference else image.reference.familiar_name
    program = Program(
        name=name.rpartition("/")[2],
        rootfs=str(folder),
        lock=f"{folder}.lock",
        config=image.config.run,
        accounts=Accounts(view.text("/etc/passwd"), view.text("/etc/group")),
        has_tmp=view.is_directory("/tmp"),  # noqa: S108 - a path in the container
        fills_tmp=not view.is_empty("/tmp"),  # noqa: S108
    )
    options = request.options
    directory = options.working_dir or program.config.working_dir or "/"
    word, path = command_line(options, program)[0], search_path(options, program)
    claimed = claim(word, dict(image.manifest.annotations), image.platform.architecture)
    word = claimed.path if claimed else word
    executable = view.find_program(word, path, directory)
    if executable is None:
        executable = view.find_module(word, directory)
    if executable is None:
        raise LaunchError(
            f"there is no program '{word}' in the image, in none of {path}",
            hint="give its path, as in --entrypoint /path/to/it",
            exit_code=ExitCode.NOT_FOUND,
        )
    program = replace(program, calls=claimed_calls(dict(image.manifest.annotations), executable))
    program = _with_engine(program, view, executable, options, claimed)
    if options.sandbox or options.landlock:
        from whit.runtime.lookedat import looked_at  # noqa: PLC0415 - few ask for one

        program = looked_at(program, view, executable, options)
    engine = (program.wasm.engine, program.wasm.code) if program.wasm else ()
    return Prepared(program, executable, _guards(request, store, command, taken, engine), image)


def _with_engine(
    program: Program, view: RootView, executable: str, options: RunOptions, claimed: Claim | None
) -> Program:
    """The program with what runs it, if it is WebAssembly."""
    head = view.head(executable)
    if claimed is None and not (head or b"").startswith(WASM_MAGIC):
        return program
    from whit.runtime.wasm.ready import is_module, ready  # noqa: PLC0415 - only where it may be

    return (
        replace(program, wasm=ready(view, executable, claimed, options))
        if is_module(claimed, executable, head)
        else program
    )
