"""``linux.seccomp`` of an OCI ``config.json`` → Filter. Pure.

Source: the OCI runtime specification, config-linux, "Seccomp", and where it is silent what runc does. ``flags``,
``listenerPath`` and ``listenerMetadata`` are about loading a filter, not about what it says: they aren't read here.

Two differences from libseccomp, both to the tighter side: a rule without conditions that stands after one with
conditions for the same call doesn't swallow it, and x32 calls stay refused though ``SCMP_ARCH_X32`` is listed.
"""

from __future__ import annotations

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.seccomp.model import (
    EPERM,
    MAX_ARGUMENT,
    MAX_ERRNO,
    MAX_VALUE,
    Action,
    ActionKind,
    Condition,
    Filter,
    Operator,
    Rule,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = "linux.seccomp"

ACTIONS: dict[str, ActionKind] = {f"SCMP_ACT_{kind}": kind for kind in ActionKind} | {
    "SCMP_ACT_KILL": ActionKind.KILL_THREAD
}
OPERATORS: dict[str, Operator] = {f"SCMP_CMP_{operator}": operator for operator in Operator}

ARCHITECTURE_NAMES: dict[str, str | None] = {
    "SCMP_ARCH_X86": "386",
    "SCMP_ARCH_X86_64": "amd64",
    "SCMP_ARCH_ARM": "arm",
    "SCMP_ARCH_AARCH64": "arm64",
    "SCMP_ARCH_RISCV64": "riscv64",
    "SCMP_ARCH_PPC64LE": "ppc64le",
    "SCMP_ARCH_S390X": "s390x",
    "SCMP_ARCH_X32": None,
    "SCMP_ARCH_MIPS": None,
    "SCMP_ARCH_MIPS64": None,
    "SCMP_ARCH_MIPS64N32": None,
    "SCMP_ARCH_MIPSEL": None,
    "SCMP_ARCH_MIPSEL64": None,
    "SCMP_ARCH_MIPSEL64N32": None,
    "SCMP_ARCH_PPC": None,
    "SCMP_ARCH_PPC64": None,
    "SCMP_ARCH_S390": None,
    "SCMP_ARCH_PARISC": None,
    "SCMP_ARCH_PARISC64": None,
    "SCMP_ARCH_LOONGARCH64": None,
    "SCMP_ARCH_M68K": None,
    "SCMP_ARCH_SH": None,
    "SCMP_ARCH_SHEB": None,
}
"""The specification's names → ours; None: valid, and its calls stay refused."""


def _wrong(where: str, found: object, wanted: str) -> InvalidFileError:
    return InvalidFileError(f"{where}: {found!r} is not {wanted}", hint="correct config.json: see the OCI runtime spec")


def _number(value: object, where: str, limit: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= limit:
        raise _wrong(where, value, f"a whole number from 0 to {limit}")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise _wrong(where, value, "text")
    return value


def _list(value: object, where: str) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(where, value, "a list")
    return value


def _object(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _wrong(where, value, "an object")
    return value


def _action(document: Mapping[str, object], field: str, number_field: str, where: str) -> Action:
    name = _text(document.get(field), f"{where}.{field}")
    kind = ACTIONS.get(name)
    if kind is None:
        raise _wrong(f"{where}.{field}", name, f"one of {', '.join(ACTIONS)}")
    number = document.get(number_field)
    if kind not in (ActionKind.ERRNO, ActionKind.TRACE):
        if number is not None:
            raise _wrong(f"{where}.{number_field}", number, f"of use with {name}: leave it out")
        return Action(kind)
    limit = MAX_ERRNO if kind is ActionKind.ERRNO else 0xFFFF
    return Action(kind, EPERM if number is None else _number(number, f"{where}.{number_field}", limit))


def _condition(value: object, where: str) -> Condition:
    document = _object(value, where)
    index = _number(document.get("index"), f"{where}.index", MAX_ARGUMENT)
    first = _number(document.get("value"), f"{where}.value", MAX_VALUE)
    second = _number(document.get("valueTwo", 0), f"{where}.valueTwo", MAX_VALUE)
    name = _text(document.get("op"), f"{where}.op")
    operator = OPERATORS.get(name)
    if operator is None:
        raise _wrong(f"{where}.op", name, f"one of {', '.join(OPERATORS)}")
    if operator is Operator.MASKED_EQ:
        return Condition(index, operator, second & first, mask=first)
    return Condition(index, operator, first)


def _rules(value: object, where: str) -> tuple[Rule, ...]:
    """The rules of one entry: as in runc, conditions that name an argument twice are alternatives, not all at once."""
    document = _object(value, where)
    listed = _list(document.get("names"), f"{where}.names")
    names = tuple(_text(name, f"{where}.names[{index}]") for index, name in enumerate(listed))
    if not names:
        raise _wrong(f"{where}.names", listed, "a list with at least one name")
    action = _action(document, "action", "errnoRet", where)
    args = _list(document.get("args"), f"{where}.args")
    conditions = tuple(_condition(arg, f"{where}.args[{index}]") for index, arg in enumerate(args))
    if len({condition.index for condition in conditions}) < len(conditions):
        return tuple(Rule(names, action, (condition,)) for condition in conditions)
    return (Rule(names, action, conditions),)


def from_oci(document: Mapping[str, object], architecture: str) -> Filter:
    """The filter that ``linux.seccomp`` describes, for a launcher of ``architecture`` (OCI's platform word).

    Calls that an architecture doesn't have are passed over, as the specification's users expect. Raises
    :class:`InvalidFileError` that names the field which is wrong.
    """
    default = _action(document, "defaultAction", "defaultErrnoRet", ROOT)
    architectures = [architecture]
    for index, value in enumerate(_list(document.get("architectures"), f"{ROOT}.architectures")):
        where = f"{ROOT}.architectures[{index}]"
        name = _text(value, where)
        if name not in ARCHITECTURE_NAMES:
            raise _wrong(where, name, "an architecture of the specification")
        known = ARCHITECTURE_NAMES[name]
        if known is not None and known not in architectures:
            architectures.append(known)
    entries = _list(document.get("syscalls"), f"{ROOT}.syscalls")
    rules = tuple(rule for index, entry in enumerate(entries) for rule in _rules(entry, f"{ROOT}.syscalls[{index}]"))
    return Filter(default, tuple(architectures), rules)
