"""The tools that ``whit debug`` brings: this machine's static busybox, once copied into the store, or an image's files."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from whit.packer.support import durable
from whit.packer.support.errors import NotFoundError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.viewing import NAME_FILES
from whit.runtime.explain import loader_of

if TYPE_CHECKING:
    from whit.packer.image.spec import RunConfig
    from whit.packer.store.store import Store

FOLDER = "tools"
"""Where they are below the store's root, each by the busybox's sum."""

_ENTRIES_MODE = 0o755
_PLACES = ("/bin/busybox", "/usr/bin/busybox", "/bin/busybox.static")
_SHELL = "sh"


@dataclass(frozen=True, slots=True)
class Tools:
    """Files beside a container's. ``lock`` keeps them there, empty where nothing takes them away.

    ``config`` is an image's; with None they are programs in ``bin``, and need nothing but themselves.
    """

    folder: str
    lock: str = ""
    config: RunConfig | None = None


def _is_static(path: Path) -> bool:
    """Whether it is a program that needs no loader; a script's or another machine's would fail, and say why."""
    try:
        data = path.read_bytes()
    except OSError:
        return False
    return data.startswith(b"\x7fELF") and loader_of(data) is None


def find_busybox(places: tuple[str, ...] = _PLACES) -> Path:
    """The first static one. Raises :class:`NotFoundError`."""
    for path in filter(None, (shutil.which("busybox"), *places)):
        if _is_static(Path(path)):
            return Path(path)
    raise NotFoundError(
        "there is no static busybox on this machine, whose tools could be used",
        hint="install it (Debian: busybox-static, Alpine: busybox-static), or give an image with tools: --image IMAGE",
    )


def _fill(folder: Path, busybox: Path) -> None:
    programs = folder / "bin"
    programs.mkdir(mode=_ENTRIES_MODE)
    own = programs / "busybox"
    shutil.copyfile(busybox, own)
    own.chmod(_ENTRIES_MODE)
    listed = subprocess.run([own, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for name in {_SHELL, *listed} - {"busybox"}:
        if "/" not in name and not name.startswith("."):
            (programs / name).symlink_to("busybox")
    for path in (programs, folder):
        path.chmod(_ENTRIES_MODE)


def busybox_tools(store: Store) -> Tools:
    """Those of this machine's busybox, copied into the store where they aren't there."""
    busybox = find_busybox()
    digest = hashlib.sha256(busybox.read_bytes()).hexdigest()
    folder = store.root / FOLDER / digest
    if not folder.is_dir():
        with durable.store_errors("keep the tools"):
            for parent in (store.root, folder.parent):
                durable.private_folder(parent)
            temporary = durable.temporary_beside(folder)
            temporary.mkdir(mode=0o700)
            try:
                _fill(temporary, busybox)
                durable.sync_file_system(temporary)
                temporary.rename(folder)
            except OSError:
                durable.remove_tree(temporary)
                # Somebody else may have been as quick.
                if not folder.is_dir():
                    raise
    return Tools(str(folder))


def image_tools(store: Store, name: str) -> Tools:
    """An image's files. Raises what finding and unpacking do."""
    from whit.packer.store.rootfs import MountPoint, lock_path, prepare_rootfs  # noqa: PLC0415 - only for an image

    image = store.resolve(name)
    places = tuple(MountPoint(f"/etc/{name}", is_directory=False) for name in NAME_FILES)
    rootfs = prepare_rootfs(store, image, places)
    return Tools(str(rootfs), str(lock_path(rootfs)), image.config.run)


def entries(folder: str) -> tuple[str, ...]:
    """The names in a folder, in order."""
    return tuple(sorted(os.listdir(folder)))  # noqa: PTH208 - names
