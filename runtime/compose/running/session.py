"""One command on one project: the store, the file where there is one, and the containers that it is about."""

from __future__ import annotations

from whit.packer.store.store import Store
from whit.packer.support.errors import NotFoundError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.graph.downward import depending
from whit.runtime.compose.running.acting import Acting, Ending, Making
from whit.runtime.compose.running.loading import load
from whit.runtime.compose.running.places import changing
from whit.runtime.compose.running.seeing import look
from whit.runtime.compose.running.telling import run_steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from whit.runtime.compose.commands.chosen import Chosen
    from whit.runtime.compose.graph.downward import Before
    from whit.runtime.compose.graph.model import Seen, Step
    from whit.runtime.compose.running.loading import Loaded
    from whit.runtime.compose.running.seeing import View
    from whit.runtime.engine.folder import Kept


class Session:
    """A project by its file, or, where only its name is given, by its containers' labels."""

    def __init__(self, chosen: Chosen, services: tuple[str, ...] = (), *, needs_file: bool = False) -> None:
        self.chosen, self.services = chosen, services
        self.store = Store.open()
        self.loaded: Loaded | None = None
        try:
            self.loaded = load(chosen, services, self.store.root)
        except NotFoundError:
            if needs_file or not chosen.name or chosen.files:
                raise
        self.name = self.loaded.project.name if self.loaded else str(chosen.name)

    @property
    def root(self) -> Path:
        """The store's."""
        return self.store.root

    @property
    def file(self) -> Loaded:
        """What was loaded. Raises :class:`NotFoundError` where there is no file."""
        if self.loaded is None:
            raise NotFoundError(f"project {self.name} has no file here", hint="name it: -f FILE")
        return self.loaded

    def changing(self) -> AbstractContextManager[Path]:
        """The project's lock, and its folder."""
        return changing(self.root, self.name)

    def look(self) -> View:
        """What there is."""
        return look(self.root, self.name)

    def check_services(self, view: View) -> None:
        """Raises :class:`NotFoundError` for services that neither the file nor any container has."""
        known = {one.service for one in view.present.containers}
        if self.loaded:
            known |= self.loaded.project.services.keys()
        for name in self.services:
            if name not in known:
                hint = f"services are {', '.join(sorted(known))}" if known else "nothing of the project is there"
                raise NotFoundError(f"there is no service {name}", hint=hint)

    def chosen_of(self, view: View, *, oneoff: bool = False) -> tuple[Seen, ...]:
        """The containers that the command is about."""
        self.check_services(view)
        return view.all_of(self.services, oneoff=oneoff)

    def needs(self, view: View) -> Before:
        """Who needs whom: by the file, and by labels for what that doesn't have."""
        needs = depending(view.present.containers)
        if self.loaded:
            for name, service in self.loaded.project.services.items():
                needs[name] = tuple(one.service for one in service.dependencies)
        return needs

    def act(self, steps: tuple[Step, ...], end: Ending = Ending(), acting: Acting | None = None) -> Acting:  # noqa: B008 - frozen
        """Do the steps, and tell of it. Raises :class:`WhitError`."""
        acting = acting or Acting(self.store, self.making(), end)
        run_steps(acting, steps, self.chosen)
        return acting

    def remove_orphans(self) -> None:
        """Remove the containers of services that the file doesn't have. Raises :class:`WhitError`."""
        from whit.runtime.compose.graph.downward import plan_remove  # noqa: PLC0415 - few have any
        from whit.runtime.compose.graph.model import removed_by  # noqa: PLC0415
        from whit.runtime.compose.graph.upward import orphans  # noqa: PLC0415

        view = self.look()
        steps = plan_remove(orphans(self.file.project, view.present), self.needs(view))
        self.act(steps, Ending(removed=removed_by(steps)))

    def making(self) -> Making | None:
        """What hooks are known by; nothing can be made of it."""
        if self.loaded is None:
            return None
        from whit.runtime.compose.running.contents import Contents  # noqa: PLC0415 - of which there are none here

        return Making(self.loaded.project, self.loaded.where, Contents({}, {}), {})


def each_container(session: Session, view: View, do: Callable[[Kept], object], *, running: bool = False) -> None:
    """Do the same to each container that the command is about."""
    for one in session.chosen_of(view):
        if not running or one.is_up:
            do(view.kept[one.id])
