"""Filter → ``linux.seccomp`` of an OCI ``config.json``. Pure; the way back is in oci.py.

Source: the OCI runtime specification, config-linux, "Seccomp".
"""

from __future__ import annotations

from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.seccomp.model import ActionKind, Operator
from whit.runtime.seccomp.oci import ARCHITECTURE_NAMES

if TYPE_CHECKING:
    from whit.runtime.seccomp.model import Action, Condition, Filter

_WITH_NUMBER = (ActionKind.ERRNO, ActionKind.TRACE)


def _condition(condition: Condition) -> dict[str, object]:
    document: dict[str, object] = {"index": condition.index, "op": f"SCMP_CMP_{condition.operator}"}
    if condition.operator is Operator.MASKED_EQ:
        # The specification's value is the mask.
        return {**document, "value": condition.mask, "valueTwo": condition.value}
    return {**document, "value": condition.value}


def _action(action: Action, name: str, number: str) -> dict[str, object]:
    document: dict[str, object] = {name: f"SCMP_ACT_{action.kind}"}
    return {**document, number: action.data} if action.kind in _WITH_NUMBER else document


def to_oci(filter_: Filter) -> dict[str, object]:
    """The document of a filter. Raises :class:`UnsupportedError` for an architecture that OCI has no name for."""
    names = {ours: theirs for theirs, ours in ARCHITECTURE_NAMES.items() if ours}
    unknown = next((name for name in filter_.architectures if name not in names), None)
    if unknown:
        raise UnsupportedError(f"OCI has no name for the architecture {unknown}")
    syscalls: list[dict[str, object]] = []
    for rule in filter_.rules:
        row = {"names": list(rule.names), **_action(rule.action, "action", "errnoRet")}
        syscalls.append({**row, "args": [_condition(item) for item in rule.conditions]} if rule.conditions else row)
    return {
        **_action(filter_.default, "defaultAction", "defaultErrnoRet"),
        "architectures": [names[name] for name in filter_.architectures],
        "syscalls": syscalls,
    }
