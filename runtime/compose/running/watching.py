"""``whit compose watch`` and ``up --watch``: files of the host's change, and services with them."""

from __future__ import annotations

import threading
from pathlib import Path

from whit.packer.buildfile.dockerfile.ignorefile import LARGEST, ignore_files, parse_ignore_file
from whit.packer.showing.console import complain, tell
from whit.packer.support.counting import counted
from whit.packer.support.errors import UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.compose.develop import Change, Reaction, Rules, reactions, triggers_of
from whit.runtime.compose.graph.downward import plan_restart
from whit.runtime.compose.graph.upward import Choice
from whit.runtime.compose.running import hooks
from whit.runtime.compose.running.filewatch import Tree, Watch
from whit.runtime.compose.running.uprunning import UpWishes, bring_up
from whit.runtime.engine.folder import Containers
from whit.runtime.engine.syncing import sync

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.runtime.compose.develop import Trigger
    from whit.runtime.compose.project import Project, Service
    from whit.runtime.compose.running.images import Build
    from whit.runtime.compose.running.session import Session
    from whit.runtime.engine.folder import Kept


def triggers_in(session: Session, names: tuple[str, ...]) -> tuple[Trigger, ...]:
    """What is watched for these services. Raises :class:`UsageError` where that is nothing."""
    project = session.file.project
    ignored = {name: rules for name in names if (rules := _of_build(project.services[name]))}
    found = triggers_of(project, names, ignored, session.file.where)
    if not found:
        raise UsageError(
            "none of these services is to be watched", hint="develop: {watch: [{path: …, action: …}]} in a service"
        )
    return found


def _of_build(service: Service) -> Rules | None:
    """The rules of its build's .dockerignore."""
    build = service.values.get("build")
    if not build:
        return None
    values = {"context": build} if isinstance(build, str) else build
    folder = Path(str(values.get("context") or "."))
    for name in ignore_files(str(values.get("dockerfile") or "Dockerfile")):
        place = folder / name
        if place.is_file():
            with place.open("rb") as file:
                return Rules(str(folder), parse_ignore_file(file.read(LARGEST + 1), str(place)))
    return None


class Watching:
    """Services that follow the host's files until ``left`` is set. ``changed`` is called after containers were made anew."""

    def __init__(
        self,
        session: Session,
        names: tuple[str, ...],
        build: Build,
        changed: Callable[[], object] = lambda: None,
        *,
        quiet: bool = False,
    ) -> None:
        self._session, self._build, self._changed, self._quiet = session, build, changed, quiet
        self._triggers = triggers_in(session, names)
        self.left = threading.Event()

    def run(self) -> None:
        """Watch. What fails is told, and the watch goes on."""
        trees = {id(tree): (tree, one) for one in self._triggers for tree in (Tree(one.path, one.passes_over),)}
        with Watch(tuple(tree for tree, _ in trees.values())) as watch:
            first = watch.look()
            begun = [Change(trees[id(tree)][1], path) for tree, path, _ in first if trees[id(tree)][1].begins]
            self._react(
                [change for change in begun if change.trigger.action.syncs and change.trigger.takes(change.path)]
            )
            tell(
                "whit: watching files; Ctrl-C ends that\n"
                if not watch.polls
                else "whit: watching files, by a look each second\n"
            )
            while watch.wait(self.left):
                seen = [Change(trees[id(tree)][1], path, is_gone) for tree, path, is_gone in watch.look()]
                self._react([change for change in seen if change.trigger.takes(change.path)])

    def _react(self, changes: list[Change]) -> None:
        for reaction in reactions(changes):
            try:
                with self._session.changing() as folder:
                    self._do(reaction, folder)
            except WhitError as error:
                complain(error)

    def _do(self, reaction: Reaction, folder: Path) -> None:
        name = reaction.service
        if reaction.rebuilds:
            tell(f"whit: building {name}: {counted(reaction.count, 'file')} changed\n")
            wishes = UpWishes(Choice((name,), alone=True), builds=True, quiet_builds=self._quiet)
            bring_up(self._session.file, self._session.store, folder, wishes, self._session.chosen, self._build)
            self._changed()
        if reaction.put or reaction.removed:
            tell(f"whit: putting {counted(len(reaction.put) + len(reaction.removed), 'file')} into {name}\n")
            self._each(name, lambda kept: sync(Containers(self._session.root), kept, reaction.put, reaction.removed))
        if reaction.hooks:
            project = _with_hooks(self._session.file.project, reaction)
            self._each(name, lambda kept: hooks.run_hooks(project, name, kept, _EXEC))
        if reaction.restarts:
            tell(f"whit: restarting {name}\n")
            view = self._session.look()
            self._session.act(plan_restart(tuple(one for one in view.all_of((name,)) if one.is_up), {}))

    def _each(self, name: str, do: Callable[[Kept], object]) -> None:
        view = self._session.look()
        for one in view.all_of((name,)):
            if view.kept[one.id].status.is_running:
                do(view.kept[one.id])


_EXEC = "develop.watch.exec"


def _with_hooks(project: Project, reaction: Reaction) -> Project:
    """The project, in which a service has these hooks of a kind of their own."""
    service = project.services[reaction.service]
    own = replace(service, values={**service.values, _EXEC: list(reaction.hooks)})
    return replace(project, services={**project.services, service.name: own})
