"""Where a project is: its files, variables and name, from the command line, the environment and the folders around.

In docker compose's order: options win over the environment, that over ``.env``; without ``-f`` and COMPOSE_FILE the nearest ``compose.yaml``
is taken, in this folder or one above, with its ``compose.override.yaml``.
"""

from __future__ import annotations

import os
import sys

from whit.packer.support.errors import NotFoundError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.compose.limits import MAX_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whit.runtime.compose.commands.chosen import Chosen
    from whit.runtime.compose.model import Canonical

FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
"""The names that are looked for, the first one wins."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How much is worked out; :class:`~whit.runtime.compose.model.Request` says what each means."""

    services: tuple[str, ...] = ()
    interpolate: bool = True
    normalize: bool = True
    resolve_paths: bool = True
    check: bool = True
    resolve_environment: bool = True
    all_resources: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A project's files and variables, and what is worth a warning."""

    files: tuple[str, ...]
    directory: str
    environment: dict[str, str]
    warnings: tuple[str, ...] = ()


class StandardInput:
    """Files as they are on disk; ``-`` is standard input, which is read once."""

    def __init__(self) -> None:
        self.text: str | None = None

    def __call__(self, path: str) -> str:
        """A file's text, as far as any Compose file may go."""
        if path != "-":
            with open(path, "rb") as file:  # noqa: PTH123 - half the time of a Path's, for each file
                return file.read(MAX_SIZE + 1).decode()
        if self.text is None:
            self.text = sys.stdin.buffer.read(MAX_SIZE + 1).decode()
        return self.text


def load(
    chosen: Chosen,
    wishes: Wishes | None = None,
    environment: Mapping[str, str] | None = None,
    here: str | None = None,
) -> Canonical:
    """The project that the words of the command line mean, in this process's environment and folder or in others.

    Raises :class:`ComposeError` for what is wrong in a file, NotFoundError if there is none.
    """
    read = StandardInput()
    found = find(chosen, os.environ if environment is None else environment, here or current(), read)
    return load_found(chosen, found, wishes or Wishes(), read)


def name_of(chosen: Chosen, found: Found) -> str | None:
    """The project's name where it is given from outside."""
    return chosen.name or found.environment.get("COMPOSE_PROJECT_NAME") or None


def profiles_of(chosen: Chosen, found: Found) -> tuple[str, ...]:
    """The profiles that are on."""
    texts = found.environment.get("COMPOSE_PROFILES", "").split(",")
    return chosen.profiles or tuple(part.strip() for part in texts if part.strip())


def load_found(chosen: Chosen, found: Found, wishes: Wishes, read: Callable[[str], str]) -> Canonical:
    """As :func:`load`, of files that were found."""
    from whit.runtime.compose.model import Request, load_project  # noqa: PLC0415 - what is kept (running/keeping.py) needs none of it

    request = Request(
        found.files,
        found.directory,
        found.environment,
        name_of(chosen, found),
        profiles_of(chosen, found),
        wishes.services,
        wishes.interpolate,
        wishes.normalize,
        wishes.resolve_paths,
        wishes.check,
        wishes.resolve_environment,
        wishes.all_resources,
    )
    canonical = load_project(request, read)
    if not found.warnings:
        return canonical
    return replace(canonical, warnings=(*found.warnings, *canonical.warnings))


def current() -> str:
    """The current folder, by the name that the shell has for it."""
    stated = os.environ.get("PWD", "")
    try:
        if stated.startswith("/") and os.path.samefile(stated, "."):  # noqa: PTH121 - texts, as above
            return os.path.normpath(stated)
    except OSError:
        pass
    return os.getcwd()  # noqa: PTH109 - a text is wanted


def find(chosen: Chosen, environment: Mapping[str, str], here: str, read: StandardInput) -> Found:
    """A project's files, directory and variables."""
    known = {"PWD": here, **environment}
    given = [_absolute(here, file) for file in chosen.files]
    stated = _absolute(here, chosen.directory) if chosen.directory else None
    env_files = [_absolute(here, file) for file in chosen.env_files or _split(known.get("COMPOSE_ENV_FILES"), ",")]
    first = stated or _folder_of(given) or here
    known = _with_env_files(known, env_files or _default(first, known), read)
    warnings: list[str] = []
    files = given or [
        _absolute(here, one) for one in _split(known.get("COMPOSE_FILE"), known.get("COMPOSE_PATH_SEPARATOR") or ":")
    ]
    if not files:
        files = _nearest(first, warnings)
    directory = stated or _folder_of(files) or here
    if directory != first and not env_files:
        known = _with_env_files(known, _default(directory, known), read)
    return Found(tuple(files), directory, known, tuple(warnings))


def _absolute(here: str, path: str) -> str:
    return path if path == "-" else os.path.normpath(os.path.join(here, path))  # noqa: PTH118 - links stay


def _split(text: str | None, mark: str) -> list[str]:
    return [part for part in (text or "").split(mark) if part]


def _folder_of(files: list[str]) -> str | None:
    return next((os.path.dirname(file) for file in files if file != "-"), None)  # noqa: PTH120 - links stay


def _default(folder: str, known: Mapping[str, str]) -> list[str]:
    """``.env``, if there is one and it isn't switched off."""
    if known.get("COMPOSE_DISABLE_ENV_FILE", "").lower() in {"1", "t", "true"}:
        return []
    path = os.path.join(folder, ".env")  # noqa: PTH118 - links stay
    return [path] if os.path.exists(path) and not os.path.isdir(path) else []  # noqa: PTH110, PTH112


def _with_env_files(known: dict[str, str], files: list[str], read: StandardInput) -> dict[str, str]:
    """Variables, and below them those of env files, of which later ones win."""
    if not files:
        return known
    from whit.runtime.compose.model import envfile  # noqa: PLC0415 - where there are none, they aren't read

    held: dict[str, str] = {}
    for file in files:
        try:
            envfile.read(read(file), file, held, known.get)
        except UnicodeDecodeError:
            from whit.runtime.compose.model import ComposeError, Place  # noqa: PLC0415 - as above

            raise ComposeError("not valid UTF-8", Place(file)) from None
        except FileNotFoundError:
            raise NotFoundError(f"there is no env file {file}") from None
    return {**held, **known}


def _nearest(folder: str, warnings: list[str]) -> list[str]:
    """The Compose file of a folder or of the nearest above it, and what overrides it."""
    at = folder
    while True:
        found = [name for name in FILES if os.path.exists(os.path.join(at, name))]  # noqa: PTH110, PTH118
        if found:
            over = [name for name in OVERRIDES if os.path.exists(os.path.join(at, name))]  # noqa: PTH110, PTH118
            warnings += [
                f"{at}: there are {', '.join(names)}; {names[0]} is taken" for names in (found, over) if len(names) > 1
            ]
            return [os.path.join(at, name) for name in (*found[:1], *over[:1])]  # noqa: PTH118
        above = os.path.dirname(at)  # noqa: PTH120
        if above == at:
            raise NotFoundError(
                f"there is no Compose file in {folder} or above", hint=f"write {FILES[0]}, or name one with -f"
            )
        at = above
