"""The annotations ``dev.whit.landlock`` and ``dev.whit.sandbox``: a layer of the kernel's own below mounts and rights. Pure.

With either the program writes only below mounts that aren't read-only, whatever ``root.readonly`` says, and executes nothing
but itself, and, with the second, what that names; with it, ports are limited too (runtime/sandbox.py). Source: the kernel's Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.oci.fields import HINT, refused
from whit.runtime.oci.filesystem import normal
from whit.runtime.oci.mountspec import RDONLY
from whit.runtime.sandbox import ANNOTATION as SANDBOX
from whit.runtime.sandbox import landlock_op, nameless_op, parse_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.model import Op
    from whit.runtime.oci.process import Process
    from whit.runtime.oci.spec import Spec

ANNOTATION = "dev.whit.landlock"


def _writable(spec: Spec) -> Iterator[str]:
    for mount in spec.mounts:
        if not (mount.attributes.set | mount.below.set) & RDONLY:
            yield normal(mount.destination)


def nameless_ops(spec: Spec) -> tuple[Op, ...]:
    """What is told to the kernel where either is asked for, in a PID namespace that nobody else is in."""
    asked = dict(spec.annotations)
    is_own = any(item.type == "pid" and not item.path for item in spec.linux.namespaces)
    return (nameless_op(),) if is_own and (SANDBOX in asked or asked.get(ANNOTATION) == "true") else ()


def landlock_ops(spec: Spec, process: Process, architecture: str) -> tuple[Op, ...]:
    """The operation, where it is asked for. Raises for a value that isn't known, and without ``noNewPrivileges``."""
    annotations = dict(spec.annotations)
    where, sandbox = f"annotations['{ANNOTATION}']", None
    wanted = annotations.get(ANNOTATION, "false")
    if wanted not in {"true", "false"}:
        raise InvalidFileError(f"{where}: {wanted!r} is neither 'true' nor 'false'", hint=HINT)
    if SANDBOX in annotations:
        where = f"annotations['{SANDBOX}']"
        sandbox = parse_sandbox(annotations[SANDBOX], where)
    elif wanted == "false":
        return ()
    if not process.no_new_privileges:
        # The kernel takes it from nobody else who isn't its administrator.
        raise refused(where, "it needs process.noNewPrivileges", "set that too")
    from whit.runtime.seccomp.nameless import nameless_filter  # noqa: PLC0415 - few ask for it

    writable = tuple(dict.fromkeys(_writable(spec)))
    return (landlock_op(writable, sandbox, nameless_filter(architecture), where),)
