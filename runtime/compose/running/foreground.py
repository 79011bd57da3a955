"""``up`` with its containers in view: their lines, who ended, and what a person's Ctrl-C does."""

from __future__ import annotations

import threading
import time

from whit.packer.showing.console import tell
from whit.packer.support.errors import UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose.graph.downward import plan_stop
from whit.runtime.compose.graph.model import Kind
from whit.runtime.compose.running.acting import Ending
from whit.runtime.compose.running.following import Lines, Look, follow, is_coloured, shown_name
from whit.runtime.engine.ages import log_time
from whit.runtime.engine.loglines import Wish
from whit.runtime.engine.status import is_supervised

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whit.runtime.compose.project import Project
    from whit.runtime.compose.running.images import Build
    from whit.runtime.compose.running.session import Session
    from whit.runtime.engine.folder import Kept

_POLL_S = 0.02
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Watched:
    """What of ``up`` is to be seen, and what ends it. ``named`` are the services that a person named: their end is that of all.

    ``needed``: also what those need is seen.
    """

    aborts: bool = False
    aborts_failed: bool = False
    code_from: str = ""
    only: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    prefixed: bool = True
    plain: bool = False
    timestamps: bool = False
    seconds: int | None = None
    named: tuple[str, ...] = ()
    needed: bool = False

    def counts(self, service: str) -> bool:
        """Whether a service's end is waited for."""
        return not self.named or service in self.named or service == self.code_from

    def shows(self, project: Project, service: str) -> bool:
        """Whether what a service writes is seen."""
        if self.only:
            return service in self.only
        is_meant = self.needed or self.counts(service)
        return is_meant and service not in self.but and project.services[service].values.get("attach") is not False


def watched_of(words: Mapping[str, object], seconds: int | None, named: tuple[str, ...]) -> Watched:
    """The options of ``up`` that are about this, by their names there."""
    only, but = (words.get(name, ()) for name in ("attach", "no_attach"))
    return Watched(
        aborts=bool(words.get("aborts")),
        aborts_failed=bool(words.get("aborts_failed")),
        code_from=str(words.get("exit_code_from") or ""),
        only=only if isinstance(only, tuple) else (),
        but=but if isinstance(but, tuple) else (),
        prefixed=not words.get("no_log_prefix"),
        plain=bool(words.get("no_color")),
        timestamps=bool(words.get("timestamps")),
        seconds=seconds,
        named=named,
        needed=bool(words.get("attach_dependencies")),
    )


def check(project: Project, watched: Watched) -> None:
    """Raises :class:`UsageError` for what contradicts itself, or names what isn't there."""
    if watched.aborts and watched.aborts_failed:
        raise UsageError("--abort-on-container-exit and --abort-on-container-failure are two things", hint="choose one")
    if watched.only and watched.needed:
        raise UsageError("--attach and --attach-dependencies are two things", hint="choose one")
    for name in (*watched.only, *watched.but, *filter(None, (watched.code_from,))):
        project.service(name)


def attend(session: Session, names: tuple[str, ...], watched: Watched, build: Build | None = None) -> int:
    """Show what the containers of these services write until all have ended, or a person wants them to; the exit code.

    Where services were named only these are stopped at the end: what they need runs on, as docker compose has it.

    With ``build`` the services follow the host's files meanwhile (watching.py), and only the person ends it.
    """
    audience: _Audience | None = None
    following: _Following | None = None
    stops, stopped = True, watched.named or names
    # A person who sees the first line may have enough at once: before all of them are listened to.
    try:
        audience = _Audience(session, names, watched)
        audience.look()
        following = _Following(session, names, build, audience) if build else None
        code, stops = audience.until_end(following)
    except KeyboardInterrupt:
        tell("whit: stopping the project; once more to kill it\n")
        code = _INTERRUPTED
    try:
        if following:
            following.end()
        if stops:
            _stop(session, stopped, Kind.STOP, watched)
    except KeyboardInterrupt:
        _stop(session, stopped, Kind.KILL, watched)
        code = _INTERRUPTED
    if audience:
        audience.leave()
    return code


class _Following:
    """Services that follow the host's files, in a thread of their own."""

    def __init__(self, session: Session, names: tuple[str, ...], build: Build, audience: _Audience) -> None:
        from whit.runtime.compose.running.watching import Watching  # noqa: PLC0415 - few ups watch files

        self._watching = Watching(session, names, build, audience.look)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.broken: WhitError | None = None
        self._thread.start()

    def _run(self) -> None:
        try:
            self._watching.run()
        except WhitError as error:
            self.broken = error

    def end(self) -> None:
        """Once what is being done is done."""
        self._watching.left.set()
        while self._thread.is_alive():
            self._thread.join(0.2)


class _Audience:
    """Who sees what the containers write."""

    def __init__(self, session: Session, names: tuple[str, ...], watched: Watched) -> None:
        self._session, self._names, self._watched = session, names, watched
        self._project = session.file.project
        view = session.look()
        shown = (view.kept[one.id] for one in view.all_of(names) if watched.shows(self._project, one.service))
        width = max((len(shown_name(self._project.name, kept)) for kept in shown), default=0)
        coloured = is_coloured(session.chosen.ansi, no_color=watched.plain)
        self._lines = Lines(Look(watched.prefixed, coloured, width))
        self._quiet = threading.Event()
        self._threads: list[threading.Thread] = []
        self._known: set[str] = set()
        self._left: dict[str, tuple[Kept, str]] = {}

    def look(self) -> None:
        """See also those that are there now."""
        view = self._session.look()
        for one in view.all_of(self._names):
            if one.id in self._known:
                continue
            self._known.add(one.id)
            kept = view.kept[one.id]
            if self._watched.counts(one.service):
                self._left[one.id] = (kept, one.service)
            if self._watched.shows(self._project, one.service):
                words = (kept, one.service, self._project.name, self._lines, self._watched, self._quiet)
                self._threads.append(threading.Thread(target=_follow, args=words, daemon=True))
                self._threads[-1].start()

    def until_end(self, following: _Following | None) -> tuple[int, bool]:
        """Until all that were meant have ended, or one whose end is that of all; (the exit code, whether the others are to be stopped)."""
        while self._left or following:
            if self._lines.broken:
                raise self._lines.broken
            if following and following.broken:
                raise following.broken
            for key in list(self._left):
                code = self._end_of(key)
                if code is not None:
                    return code, True
            time.sleep(_POLL_S)
        return 0, False

    def _end_of(self, key: str) -> int | None:
        """The exit code of all, where this container has ended and its end is that of all."""
        kept, service = self._left[key]
        if not kept.folder.exists():
            del self._left[key]
            return None
        status = kept.status
        if status.is_up or is_supervised(kept.folder):
            return None
        del self._left[key]
        self._lines.say(f"{shown_name(self._project.name, kept)} exited with code {status.exit_code}")
        if self._watched.code_from:
            return status.exit_code if service == self._watched.code_from else None
        ends = self._watched.aborts or (self._watched.aborts_failed and status.exit_code)
        return status.exit_code if ends else None

    def leave(self) -> None:
        """Hear the last of it. Raises what kept it from being shown."""
        self._quiet.set()
        for thread in self._threads:
            thread.join(2)
        if self._lines.broken:
            raise self._lines.broken


def _follow(kept: Kept, service: str, project: str, lines: Lines, watched: Watched, quiet: threading.Event) -> None:
    since = log_time(kept.status.started) if kept.status.started else b""
    alive: Callable[[], bool] = lambda: not quiet.is_set() and lines.broken is None and kept.folder.exists()  # noqa: E731 - one line says it
    follow(kept, lines, shown_name(project, kept), service, Wish(since, b"", watched.timestamps), None, alive)


def _stop(session: Session, names: tuple[str, ...], kind: Kind, watched: Watched) -> None:
    view = session.look()
    steps = plan_stop(view.all_of(names), session.needs(view), kind)
    if steps:
        session.act(steps, Ending(watched.seconds))
