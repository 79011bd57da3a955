"""The whole way: files → one tree → what is implied → plain values → checked. Pure."""

from __future__ import annotations

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose.model import envfile, interpolation, normal, selecting
from whit.runtime.compose.model.consistency import Checking
from whit.runtime.compose.model.keys.top import COMPOSE
from whit.runtime.compose.model.kinds import Sink
from whit.runtime.compose.model.nodes import ComposeError, Node, Place
from whit.runtime.compose.model.reading import tree
from whit.runtime.compose.model.session import Context, Session

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from whit.runtime.compose.model.nodes import Path
    from whit.runtime.compose.model.request import Reader, Request

    Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Canonical:
    """A project as it is meant, with all that is needed to run it."""

    name: str
    configuration: Plain
    """What ``docker compose config --format json`` prints, and ``x-`` keys and models, which that leaves out."""
    places: Mapping[Path, Place]
    """Where each value of it stands in the files; what is implied has the place of what implies it."""
    disabled: Plain
    """Services that no profile turns on, in the same form."""
    contents: Mapping[tuple[str, str], str]
    """What is in secrets and configurations that come from a variable: ("secrets", NAME) → text. Never shown."""
    environment: Mapping[str, str]
    """What variables were set to."""
    directory: str
    files: tuple[str, ...]
    warnings: tuple[str, ...]

    def place(self, *path: str | int) -> Place | None:
        """Where a value stands, or the nearest above it that stands anywhere."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path)

    def wrong(self, path: Path, text: str, hint: str | None = None) -> ComposeError:
        """The error that something is wrong with what is at a path."""
        return ComposeError(text, self.place(*path), hint)


def load_project(request: Request, read: Reader) -> Canonical:
    """Load a project. Raises :class:`ComposeError` with the place of what is wrong, UsageError for a name that none can have."""
    environment = dict(request.environment)
    session = Session(
        read, environment.get("HOME"), interpolate=request.interpolate, resolve_paths=request.resolve_paths
    )
    name = _name(request, session, environment)
    environment["COMPOSE_PROJECT_NAME"] = name
    context = Context(session, request.directory, environment)
    session.count = session.size = 0
    whole = tree(context, request.files)
    if request.normalize:
        whole = normal.normalized(whole, name)
    sink = Sink(lenient=not request.interpolate)
    plain: Plain = COMPOSE.plain(whole, (), sink)  # type: ignore[assignment]  # a mapping makes one
    plain.pop("include", None)
    plain = {"name": name, "services": {}, **{key: value for key, value in plain.items() if key != "name"}}
    chosen, disabled = _chosen(plain, request, sink.places)
    if request.resolve_environment:
        for path, service in _containers(chosen):
            _with_env_files(session, environment, service, path, sink.places)
    for path, container in _containers(chosen):
        _with_label_files(session, container, path, sink.places)
    warnings = (*session.warnings, *interpolation.unset_warnings(_unset(session), environment), *sink.warnings)
    return Canonical(
        name, chosen, sink.places, disabled, session.contents, environment, request.directory, request.files, warnings
    )


def _unset(session: Session) -> interpolation.Variables:
    made = interpolation.Variables(lambda _: None)
    made.unset = session.unset
    return made


def _name(request: Request, session: Session, environment: dict[str, str]) -> str:
    """From outside, or the last that a file says, or the directory's."""
    if request.name:
        if normal.project_name(request.name) != request.name:
            raise UsageError(
                f"'{request.name[:60]}' can't be a project's name",
                hint="small letters, digits, '-' and '_', and a letter or digit first",
            )
        return request.name
    stated: Node | None = None
    for file in request.files:
        for document in session.documents(file):
            found = document.get("name")
            if found and isinstance(found.value, str) and found.value:
                stated = found
    if stated:
        context = Context(session, request.directory, environment)
        name = normal.project_name(str(context.interpolated(stated).value))
        if name:
            return name
    name = normal.project_name(request.directory.rpartition("/")[2])
    if not name:
        where = stated.place if stated else Place(request.directory)
        raise ComposeError("the project has no name", where, "give it one: -p NAME, or 'name:' in the file")
    return name


def _chosen(plain: Plain, request: Request, places: Mapping[Path, Place]) -> tuple[Plain, Plain]:
    """The project with the services that are on, and those that are off."""
    services: Plain = plain["services"]
    profiles = request.profiles
    on = {name: one for name, one in services.items() if selecting.is_on(one, profiles)}
    jobs = {name: one for name, one in plain.get("jobs", {}).items() if selecting.is_on(one, profiles)}
    off = {name: one for name, one in services.items() if name not in on}
    project = {**plain, "services": on, **({"jobs": jobs} if "jobs" in plain else {})}
    checked = request.check and request.interpolate
    if checked:
        Checking(project, off, places).all()
    if request.services:
        profiles = selecting.with_profiles_of(services, request.services, profiles)
        on = {name: one for name, one in services.items() if selecting.is_on(one, profiles)}
        if checked and len(on) + len(off) > len(services):
            off = {name: one for name, one in services.items() if name not in on}
            Checking({**project, "services": on}, off, places).all()
        wanted = selecting.needed(on, request.services)
        on = {name: one for name, one in on.items() if name in wanted}
        off = {name: one for name, one in services.items() if name not in on}
        project["services"] = on
    for name, one in on.items():
        depends = one.get("depends_on")
        if depends and request.services:
            one["depends_on"] = {other: how for other, how in depends.items() if other in on}
            if not one["depends_on"]:
                del services[name]["depends_on"]
    if not project.get("jobs", True):
        del project["jobs"]
    return (project if request.all_resources else selecting.used_only(project)), off


def _containers(project: Plain) -> list[tuple[Path, Plain]]:
    return [
        ((section, name), one) for section in ("services", "jobs") for name, one in project.get(section, {}).items()
    ]


def _with_env_files(
    session: Session, environment: Mapping[str, str], service: Plain, here: Path, places: Mapping[Path, Place]
) -> None:
    """Read a service's env files below what it says itself."""
    own: dict[str, str | None] = service.get("environment") or {}
    if not isinstance(own, dict):
        return
    known: dict[str, str] = {key: value for key, value in own.items() if value is not None}

    def lookup(name: str) -> str | None:
        return environment[name] if name in environment else own.get(name)

    for number, file in enumerate(service.pop("env_file", [])):
        path, form = file["path"], file.get("format", "")
        if not file.get("required", True) and not session.exists(path):
            continue
        named = places.get((*here, "env_file", number))
        text = session.text(path, named)
        if form == "raw":
            envfile.read_raw(text, path, known, lookup)
        elif form:
            raise ComposeError(f"there is no format '{form[:60]}' of env files", named, "there is raw")
        else:
            session.unset.update(envfile.read(text, path, known, lookup).unset)
    made = {**known, **own}
    if made:
        service["environment"] = made


def _with_label_files(session: Session, service: Plain, here: Path, places: Mapping[Path, Place]) -> None:
    """Read a service's label files below the labels that it has itself."""
    known: dict[str, str] = {}
    for number, path in enumerate(service.get("label_file", [])):
        text = session.text(path, places.get((*here, "label_file", number)))
        envfile.read(text, path, known, known.get)
    labels = {**known, **service.get("labels", {})}
    if labels:
        service["labels"] = labels
