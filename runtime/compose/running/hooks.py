"""``post_start`` and ``pre_stop``: commands in a container once it runs, and before it is stopped."""

from __future__ import annotations

from whit.packer.showing.console import warn
from whit.packer.support.errors import LaunchError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.compose.project import Project, Values
    from whit.runtime.engine.folder import Kept


def run_hooks(project: Project, service: str, kept: Kept, kind: str, *, pardoned: bool = False) -> None:
    """Run a service's hooks of a kind, one after the other. Raises :class:`LaunchError` for one that fails, unless ``pardoned``."""
    known = project.services.get(service)
    found = (known.values.get(kind) or ()) if known else ()
    if not found:
        return
    import subprocess  # noqa: PLC0415 - few services have hooks
    import sys  # noqa: PLC0415

    from whit.runtime.launch import find_launcher  # noqa: PLC0415

    for hook in found:
        command = list(hook.get("command") or ())
        if not command:
            continue
        # A process can become a further one of a container's, and whit's own has more to do.
        words = [str(find_launcher()), "exec", *_options(hook), kept.container.name, *command]
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno(), check=False, env=_environment(kept)
        )
        if done.returncode:
            said = f"service {service}: {kind}: {command[0]} ended with {done.returncode}"
            if not pardoned:
                raise LaunchError(said, hint=f"whit logs {kept.container.name}", exit_code=1)
            warn(said)


def _options(hook: Values) -> Iterator[str]:
    if hook.get("user"):
        yield f"--user={hook['user']}"
    if hook.get("working_dir"):
        yield f"--workdir={hook['working_dir']}"
    if hook.get("privileged"):
        yield "--privileged"
    values = hook.get("environment") or {}
    items = values.items() if isinstance(values, dict) else (text.partition("=")[::2] for text in values)
    for name, value in items:
        if value is not None:
            yield f"--env={name}={value}"


def _environment(kept: Kept) -> dict[str, str]:
    import os  # noqa: PLC0415 - few services have hooks

    return {**os.environ, "WHIT_ROOT": str(kept.folder.parent.parent)}
