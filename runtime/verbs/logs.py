"""Showing what a container wrote."""

from __future__ import annotations

import time

from whit.packer.store.places import private_root
from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.folder import Containers
from whit.runtime.engine.loglines import Wish
from whit.runtime.engine.logs import show_log
from whit.runtime.engine.model import LogDriver
from whit.runtime.engine.status import is_supervised
from whit.runtime.verbs.outputs import output_is_errors, write_all

if TYPE_CHECKING:
    from whit.runtime.engine.folder import Kept


def logs(
    container: str,
    *,
    follow: bool = False,
    since: str | None = None,
    until: str | None = None,
    count: int | None = None,
    timestamps: bool = False,
    details: bool = False,
) -> None:
    """Show its log, or the last ``count`` lines of it; times as people give them. Raises :class:`UsageError`.

    ``details``: before each line what ``--log-opt`` has asked for, as docker has it; at least a space.
    """
    now = time.time_ns()
    begin, end = _moment(since, now), _moment(until, now, "--until")
    kept = Containers(private_root()).find(container)
    if kept.container.log.driver is LogDriver.NONE:
        raise UnsupportedError(
            f"container {kept.container.name} keeps no log", hint="it was made with --log-driver none"
        )

    def goes_on() -> bool:
        return (end is None or time.time_ns() <= end) and is_supervised(kept.folder)

    show_log(
        kept.folder,
        Wish(_log_time(begin), _log_time(end), timestamps, _details(kept) if details else b""),
        write_all,
        tail=count,
        together=output_is_errors(),
        alive=goes_on if follow else None,
    )


def _details(kept: Kept) -> bytes:
    import json  # noqa: PLC0415 - few ask for it

    from whit.runtime.engine.logdetails import details  # noqa: PLC0415 - as above

    document = json.loads((kept.folder / "bundle" / "config.json").read_bytes())
    return details(kept.container.log, dict(kept.container.labels), document["process"].get("env") or ())


def _moment(text: str | None, now: int, option: str = "--since") -> int | None:
    if not text:
        return None
    from whit.runtime.engine.ages import parse_moment  # noqa: PLC0415 - most ask for all

    return parse_moment(text, now, option)


def _log_time(moment: int | None) -> bytes:
    """As the log has times."""
    if moment is None:
        return b""
    from whit.runtime.engine.ages import log_time  # noqa: PLC0415 - as above

    return log_time(moment)
