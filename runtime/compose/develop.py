"""``develop.watch`` (compose-spec, develop.md): what is done in a service's containers when files of the host's change. Pure."""

from __future__ import annotations

import posixpath

from whit.packer.buildfile.dockerfile.ignorefile import IgnoreRules, parse_ignore_file
from whit.packer.buildfile.dockerfile.problems import DockerfileError
from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from whit.runtime.compose.keys import Where
    from whit.runtime.compose.project import Project, Service, Values

_PASSING = ("**/.git", "**/*~", "**/*.swp", "**/*.swx", "**/.*.kate-swp", "**/#*#", "**/.#*", "**/4913", "**/.DS_Store", "**/.idea", "**/*___jb_tmp___", "**/*___jb_old___")  # fmt: skip
"""What editors and git leave beside the files that they write, and nobody wants in a container."""


class Action(StrEnum):
    """What a change leads to."""

    REBUILD = "rebuild"
    SYNC = "sync"
    RESTART = "restart"
    SYNC_RESTART = "sync+restart"
    SYNC_EXEC = "sync+exec"

    @property
    def syncs(self) -> bool:
        """Whether changed files go into the container."""
        return self.value.startswith("sync")


@dataclass(frozen=True, slots=True)
class Rules:
    """Patterns, and the folder that they begin at."""

    folder: str
    patterns: IgnoreRules

    def match(self, path: str) -> bool:
        """Whether a path, or a folder that it is in, is one of theirs; what isn't in their folder is none."""
        below = _below(self.folder, path)
        return bool(below) and below != "." and self.patterns.ignores(str(below))


@dataclass(frozen=True, slots=True)
class Trigger:
    """One entry of a service's ``develop.watch``. ``only``: nothing else counts; ``hook`` is run after a sync."""

    service: str
    path: str
    action: Action
    target: str = ""
    ignored: tuple[Rules, ...] = ()
    only: Rules | None = None
    hook: Values | None = None
    begins: bool = False

    def passes_over(self, path: str) -> bool:
        """Whether a path is ignored with all that is in it."""
        return path != self.path and any(rules.match(path) for rules in self.ignored)

    def takes(self, path: str) -> bool:
        """Whether a change of this path counts."""
        if _below(self.path, path) is None or self.passes_over(path):
            return False
        return self.only is None or path == self.path or self.only.match(path)

    def place(self, path: str) -> str:
        """Where a path is in the container."""
        below = _below(self.path, path) or "."
        return posixpath.normpath(posixpath.join(self.target, below))


@dataclass(frozen=True, slots=True)
class Change:
    """What has become of a path that a trigger is about."""

    trigger: Trigger
    path: str
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Reaction:
    """All that is done for a service after changes, in this order: build and make anew, put files, run hooks, restart.

    ``put`` are (path of the host's, path in the container), ``removed`` paths in the container.
    """

    service: str
    count: int
    rebuilds: bool = False
    put: tuple[tuple[str, str], ...] = ()
    removed: tuple[str, ...] = ()
    hooks: tuple[Values, ...] = ()
    restarts: bool = False


def _below(folder: str, path: str) -> str | None:
    """A path from a folder on, ``.`` for itself; None for what isn't in it."""
    if path == folder:
        return "."
    start = folder if folder.endswith("/") else f"{folder}/"
    return path.removeprefix(start) if path.startswith(start) else None


def triggers_of(
    project: Project, names: Iterable[str], ignored: Mapping[str, Rules], where: Where
) -> tuple[Trigger, ...]:
    """All entries of these services. ``ignored`` are the rules of their builds' .dockerignore. Raises :class:`UsageError` with the place."""
    found: list[Trigger] = []
    for name in names:
        service = project.services[name]
        entries = (service.values.get("develop") or {}).get("watch") or ()
        for number, values in enumerate(entries):
            found.append(
                _trigger(service, values, ignored.get(name), ("services", name, "develop", "watch", number), where)
            )
    return tuple(found)


def _trigger(
    service: Service, values: Values, ignored: Rules | None, at: tuple[str | int, ...], where: Where
) -> Trigger:
    path, action = str(values["path"]).rstrip("/") or "/", Action(str(values["action"]))
    target, hook = str(values.get("target") or ""), values.get("exec") or None

    def wrong(key: str, text: str, hint: str) -> UsageError:
        return UsageError(f"{where((*at, key))}service {service.name}: develop.watch: {text}", hint=hint)

    if action is Action.REBUILD and not service.is_built:
        raise wrong("action", "rebuild, and the service has no build", "build:, or another action")
    if action.syncs and not target.startswith("/"):
        raise wrong("target", f"{action} needs a target, an absolute path in the container", "target: /app")
    if action is Action.SYNC_EXEC and not (hook and hook.get("command")):
        raise wrong("exec", "sync+exec needs exec", "exec: {command: …}")
    rules = {}
    for key in ("ignore", "include"):
        texts = values.get(key) or ()
        try:
            rules[key] = Rules(path, _patterns(tuple(map(str, texts)))) if texts else None
        except DockerfileError as error:
            raise wrong(
                key,
                f"{key}: {error.message.partition(': ')[2] or error.message}",
                "patterns are those of .dockerignore",
            ) from None
    passed = (Rules(path, _patterns(_PASSING)), rules["ignore"], ignored)
    return Trigger(
        service.name,
        path,
        action,
        target,
        tuple(one for one in passed if one),
        rules["include"],
        hook,
        bool(values.get("initial_sync")),
    )


def _patterns(texts: tuple[str, ...]) -> IgnoreRules:
    return parse_ignore_file("\n".join(text.replace("\n", " ") for text in texts).encode("utf-8", "surrogateescape"))


def reactions(changes: Iterable[Change]) -> tuple[Reaction, ...]:
    """What is done, by service; a file that two entries put in one place is put once."""
    grouped: dict[str, list[Change]] = {}
    for change in changes:
        grouped.setdefault(change.trigger.service, []).append(change)
    return tuple(_reaction(service, some) for service, some in grouped.items())


def _reaction(service: str, changes: list[Change]) -> Reaction:
    actions = {change.trigger.action for change in changes}
    synced = [change for change in changes if change.trigger.action.syncs]
    put = {change.trigger.place(change.path): change.path for change in synced if not change.is_gone}
    removed = dict.fromkeys(change.trigger.place(change.path) for change in synced if change.is_gone)
    triggers = dict.fromkeys(id(change.trigger) for change in changes if change.trigger.action is Action.SYNC_EXEC)
    hooks = [next(one.trigger.hook for one in changes if id(one.trigger) == key) for key in triggers]
    return Reaction(
        service,
        len({change.path for change in changes}),
        Action.REBUILD in actions,
        tuple((path, place) for place, path in put.items()),
        tuple(place for place in removed if place not in put and place != "/"),
        tuple(hook for hook in hooks if hook),
        bool(actions & {Action.RESTART, Action.SYNC_RESTART}),
    )
