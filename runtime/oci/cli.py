"""The command line of ``whit-oci``, and the only place that prints its errors: in one line, and to ``--log``.

``start``, ``state``, ``kill`` and ``delete`` come here only for what the native part leaves to it (runtime/launcher/oci_main.c).
"""

from __future__ import annotations

import os
import sys

from whit.packer.support.errors import as_whit_error, in_words
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.oci.arguments import VERBS, Call, parse
from whit.runtime.oci.log import Log

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from whit.packer.support.errors import WhitError

FUNCTIONS = {
    "spec": "template.spec", "create": "create.create", "run": "create.run", "exec": "execute.execute",
    "list": "listing.containers", "ps": "listing.ps", "pause": "control.pause", "resume": "control.resume",
    "update": "update.update", "events": "events.events", "features": "features.features",
    **dict.fromkeys(("start", "state", "kill", "delete"), "native.refuse"),
}  # fmt: skip
"""Verb → the module's function that answers it; imported only then."""

AFTERWARDS = (
    "_launch-failed",
    "_start-failed",
    "_poststart",
    "_poststop",
    "_scope",
    "_attach",
    "_unscope",
    "_netdevices",
)
"""What the launcher calls, with the log's path and form among its words; see afterwards.py."""

USAGE = """\
Usage: whit-oci [OPTIONS] COMMAND [ARGUMENTS]

An OCI runtime with runc's command line.

Commands: {}

Options:
  --root DIR              where containers' records are kept (default: /run/whit-oci)
  --log FILE              write errors there too
  --log-format text|json  how
  --version, --help
"""


def show(text: str) -> None:
    """Print an answer."""
    sys.stdout.write(text)
    sys.stdout.flush()


def _function(verb: str) -> Callable[[Call, Log], int | None]:
    module, _, name = FUNCTIONS[verb].partition(".")
    function: Callable[[Call, Log], int | None] = getattr(
        __import__(f"whit.runtime.oci.{module}", fromlist=(name,)), name
    )
    return function


def _answer(call: Call, log: Log) -> int:
    if call.globals.flag("version"):
        from importlib.metadata import version  # noqa: PLC0415 - costs milliseconds, and only this needs it

        from whit.runtime.oci.spec import VERSION  # noqa: PLC0415

        show(f"whit-oci version {version('whit')}\nspec: {VERSION}\n")
        return 0
    if not call.verb or call.options.flag("help"):
        show(USAGE.format(", ".join(VERBS)))
        return 0
    return _function(call.verb)(call, log) or 0


def complain(error: WhitError, log: Log) -> None:
    """The error on standard error, and in the log, where engines look for it."""
    hint = f" ({error.hint})" if error.hint else ""
    log.write("error", f"{error.message}{hint}")
    sys.stderr.write(in_words(error, "whit-oci"))


def _parse(words: list[str]) -> Call:
    """The launcher puts before the words of create and run what it has found out already (runtime/launcher/oci_kept.c)."""
    if words[:1] == ["_form"]:
        return replace(parse(words[3:]), form=int(words[1]), keep_as=words[2])
    return parse(words)


def run(words: list[str]) -> int:
    """Answer the words; the exit code."""
    log = Log()
    try:
        if words and words[0] in AFTERWARDS:
            from whit.runtime.oci.afterwards import afterwards  # noqa: PLC0415 - after failures and for hooks only

            return afterwards(words)
        call = _parse(words)
        log = Log(call.globals.path("log"), call.globals.text("log-format", "text"))
        log.check()
        return _answer(call, log)
    except Exception as error:
        if os.environ.get("WHIT_TRACEBACK"):
            raise
        complain(as_whit_error(error), log)
        return 1


def main() -> NoReturn:
    """The program."""
    sys.exit(run(sys.argv[1:]))
