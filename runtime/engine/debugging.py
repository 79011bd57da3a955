"""``whit debug``: a process with tools of its own in a container that runs, which notices nothing of it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

from whit.packer.image.callsclaim import PROGRAM
from whit.packer.support.errors import LaunchError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.capabilities import NAMES
from whit.runtime.engine.executing import lifecycle_of, own_filters
from whit.runtime.engine.inside import open_root
from whit.runtime.engine.tools import entries
from whit.runtime.engine.viewing import NAME_FILES, TOOLS, container_view, image_view, with_tools
from whit.runtime.oci.compile import compile_exec
from whit.runtime.oci.landlock import ANNOTATION
from whit.runtime.oci.records import CONFIG
from whit.runtime.sandbox import ANNOTATION as SANDBOX

if TYPE_CHECKING:
    from whit.runtime.engine.executing import Target
    from whit.runtime.engine.further import Wish
    from whit.runtime.engine.tools import Tools
    from whit.runtime.model import LaunchPlan, Op
    from whit.runtime.oci.process import Process
    from whit.runtime.oci.spec import Spec

OOM_SCORE = 1000
"""Where memory is short the tools go first, and not the container."""

_NEW_MOUNTS = 0x0002_0000
"""CLONE_NEWNS (unshare(2))."""

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def view_of(target: Target, tools: Tools) -> tuple[Op, ...]:
    """The operations that show it the container's files, and the tools."""
    if tools.config is not None:
        # Where the image has a link, it means another place than the container's.
        paths = {name: Path(tools.folder, "etc", name) for name in NAME_FILES}
        there = tuple(name for name, path in paths.items() if path.is_file() and not path.is_symlink())
        return image_view(entries(tools.folder), there)
    root = open_root(target.running)
    try:
        return container_view(entries(f"/proc/self/fd/{root}"))
    finally:
        os.close(root)


def take_own_mounts() -> None:
    """A mount namespace of this process's own: among a user's users nothing of the machine's can be opened as a mount."""
    import ctypes  # noqa: PLC0415 - only there

    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(_NEW_MOUNTS):
        number = ctypes.get_errno()
        raise LaunchError(f"can't create a mount namespace: {os.strerror(number)}", exit_code=1)


def default_command(tools: Tools) -> tuple[str, ...]:
    """A shell, or what the image of tools runs."""
    config = tools.config
    return ((*config.entrypoint, *config.cmd) if config else ()) or ("sh",)


def environment(process: Process, tools: Tools) -> tuple[tuple[str, str], ...]:
    """Where the tools are found: before the container's own programs, so that they are those that are meant."""
    own = dict(item.partition("=")[::2] for item in process.env)
    if tools.config is None:
        path = f"/{TOOLS}/bin:{own.get('PATH') or SEARCH_PATH}"
    else:
        theirs = dict(item.partition("=")[::2] for item in tools.config.env)
        path = theirs.get("PATH") or SEARCH_PATH
    return (("PATH", path),)


def _spec(target: Target, wish: Wish) -> tuple[Spec, tuple[Op, ...] | None]:
    """(what it is compiled from, the container's own filter): with more capabilities the filter lets through what they are for.

    A filter of the container's program's own calls lets no tool work: then it is whit's default one.
    """
    spec = target.spec
    is_narrow = any(name in {SANDBOX, PROGRAM} for name, _ in spec.annotations)
    # The container's Landlock would let it execute the container's own program alone.
    kept = tuple(item for item in spec.annotations if item[0] not in {ANNOTATION, SANDBOX})
    spec = replace(spec, annotations=kept)
    if not wish.capabilities and not is_narrow:
        return spec, own_filters(target)
    from whit.runtime.oci.spec import parse_spec  # noqa: PLC0415 - as above
    from whit.runtime.seccomp.export import to_oci  # noqa: PLC0415
    from whit.runtime.seccomp.profile import default_filter  # noqa: PLC0415

    sets = target.process.capabilities
    mask = wish.capabilities | (sets.effective if sets else 0)
    names = frozenset(f"CAP_{name}" for bit, name in enumerate(NAMES) if mask >> bit & 1)
    document = json.loads(target.container.read(CONFIG) or "{}")
    document["linux"]["seccomp"] = to_oci(default_filter(target.host.architecture, names))
    filtered = parse_spec(json.dumps(document).encode())
    return replace(spec, linux=replace(spec.linux, seccomp=filtered.linux.seccomp)), None


def plan_of(target: Target, process: Process, wish: Wish, tools: Tools) -> LaunchPlan:
    """How it is started."""
    spec, filters = _spec(target, wish)
    lifecycle = replace(lifecycle_of(process), filters=filters, inside=view_of(target, tools))
    if target.host.first_users:
        # Elsewhere it takes a /proc that only the machine's root can make.
        process = replace(process, oom_score_adj=OOM_SCORE)
    plan = compile_exec(process, spec, target.running, target.host, lifecycle).plan
    return with_tools(plan, tools.folder, tools.lock)
