"""The plan of a ``whit exec`` that may come again: the launcher executes it without Python while what it was made from stays."""

from __future__ import annotations

import os
import sys

from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.encode import encode
from whit.runtime.launch import PLANS, find_launcher, remember
from whit.runtime.oci.records import PROCESS
from whit.runtime.options import Guards
from whit.runtime.plan import guard_ops
from whit.runtime.request import identity_of

if TYPE_CHECKING:
    from whit.runtime.engine.executing import Target
    from whit.runtime.model import LaunchPlan

DOCUMENT = "container.json"


def remember_exec(target: Target, plan: LaunchPlan) -> None:
    """Keep it for this very command line, as long as the container has its name and its process.

    It must depend on nothing else: no variable of the caller's, no terminal, no file of the container's.
    """
    kept, root = target.kept, target.kept.folder.parent.parent
    launcher, kernel = str(find_launcher()), os.uname()
    paths = (launcher, str(kept.folder / DOCUMENT), str(target.container.folder / PROCESS))
    files = tuple(found for path in paths if (found := identity_of(path)) is not None)
    if len(files) < len(paths):
        return
    guards = Guards(
        command=tuple(sys.argv[1:]),
        kernel=(kernel.release, kernel.version),
        plans=str(root / PLANS),
        launcher=launcher,
        files=files,
    )
    remember(encode(replace(plan, ops=(*guard_ops(guards), *plan.ops))), guards.command, root)
