"""``start``, ``state``, ``kill`` and ``delete`` where the native part left them: the command line or a record is wrong.

What is right is done in runtime/launcher/oci_verbs.c; this says what is wrong with the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from whit.packer.support.errors import UsageError
from whit.runtime.oci.arguments import container_id
from whit.runtime.oci.records import RECORD
from whit.runtime.oci.state import find, root_of

if TYPE_CHECKING:
    from whit.runtime.oci.arguments import Call
    from whit.runtime.oci.log import Log

FORMS = {"start": "ID", "state": "ID", "kill": "[--all] ID [SIGNAL]", "delete": "[--force] ID"}


def refuse(call: Call, _log: Log) -> NoReturn:
    """Say what is wrong."""
    form = f"whit-oci {call.verb} {FORMS[call.verb]}"
    if not call.words:
        raise UsageError(f"{call.verb} needs a container ID", hint=form)
    container = find(root_of(call), container_id(call.words[0]))
    if call.verb == "state" and len(call.words) == 1:
        raise container.unreadable(RECORD)
    if call.verb == "kill" and len(call.words) > 1:
        raise UsageError(f'unknown signal "{call.words[1]}"', hint="its name or number: signal(7)")
    raise UsageError(f"{call.verb} takes no '{' '.join(call.words[1:])}'", hint=form)
