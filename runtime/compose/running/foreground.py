"""``up`` with its containers in view: their lines, who ended, and what a person's Ctrl-C does."""

from __future__ import annotations

import threading
import time

from whit.packer.showing.console import tell
from whit.packer.support.errors import UsageError
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
    from whit.runtime.compose.running.session import Session
    from whit.runtime.engine.folder import Kept

_POLL_S = 0.02
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Watched:
    """What of ``up`` is to be seen, and what ends it."""

    aborts: bool = False
    aborts_failed: bool = False
    code_from: str = ""
    only: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    prefixed: bool = True
    plain: bool = False
    timestamps: bool = False
    seconds: int | None = None


def watched_of(words: Mapping[str, object], seconds: int | None) -> Watched:
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
    )


def check(project: Project, watched: Watched) -> None:
    """Raises :class:`UsageError` for what contradicts itself, or names what isn't there."""
    if watched.aborts and watched.aborts_failed:
        raise UsageError("--abort-on-container-exit and --abort-on-container-failure are two things", hint="choose one")
    for name in (*watched.only, *watched.but, *filter(None, (watched.code_from,))):
        project.service(name)


def attend(session: Session, names: tuple[str, ...], watched: Watched) -> int:
    """Show what the containers of these services write until all have ended, or a person wants them to; the exit code."""
    project = session.file.project
    view = session.look()
    seen = {one.id: (view.kept[one.id], one.service) for one in view.all_of(names)}
    shown = {key: pair for key, pair in seen.items() if _is_shown(project, pair[1], watched)}
    width = max((len(shown_name(project.name, kept)) for kept, _ in shown.values()), default=0)
    coloured = is_coloured(session.chosen.ansi, no_color=watched.plain)
    lines = Lines(Look(watched.prefixed, coloured, width))
    quiet = threading.Event()
    threads = [
        threading.Thread(target=_follow, args=(kept, service, project.name, lines, watched, quiet), daemon=True)
        for kept, service in shown.values()
    ]
    for thread in threads:
        thread.start()
    try:
        code = _until_end(seen, watched, lines, project.name)
    except KeyboardInterrupt:
        tell("whit: stopping the project; once more to kill it\n")
        code = _INTERRUPTED
    try:
        _stop(session, names, Kind.STOP, watched)
    except KeyboardInterrupt:
        _stop(session, names, Kind.KILL, watched)
        code = _INTERRUPTED
    quiet.set()
    for thread in threads:
        thread.join(2)
    if lines.broken:
        raise lines.broken
    return code


def _is_shown(project: Project, service: str, watched: Watched) -> bool:
    if watched.only:
        return service in watched.only
    return service not in watched.but and project.services[service].values.get("attach") is not False


def _follow(kept: Kept, service: str, project: str, lines: Lines, watched: Watched, quiet: threading.Event) -> None:
    since = log_time(kept.status.started) if kept.status.started else b""
    alive: Callable[[], bool] = lambda: not quiet.is_set() and lines.broken is None  # noqa: E731 - one line says it
    follow(kept, lines, shown_name(project, kept), service, Wish(since, b"", watched.timestamps), None, alive)


def _until_end(seen: dict[str, tuple[Kept, str]], watched: Watched, lines: Lines, project: str) -> int:
    """Until all have ended, or one whose end counts; the exit code."""
    left = dict(seen)
    while left:
        if lines.broken:
            raise lines.broken
        for key, (kept, service) in list(left.items()):
            status = kept.status
            if status.is_up or is_supervised(kept.folder):
                continue
            del left[key]
            lines.say(f"{shown_name(project, kept)} exited with code {status.exit_code}")
            if watched.code_from:
                if service == watched.code_from:
                    return status.exit_code
            elif watched.aborts or (watched.aborts_failed and status.exit_code):
                return status.exit_code
        time.sleep(_POLL_S)
    return 0


def _stop(session: Session, names: tuple[str, ...], kind: Kind, watched: Watched) -> None:
    view = session.look()
    steps = plan_stop(view.all_of(names), session.needs(view), kind)
    if steps:
        session.act(steps, Ending(watched.seconds))
