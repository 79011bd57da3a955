"""What rules ask of an analysis, and how they word their verdicts.

Two kinds of evidence carry a verdict. A *linked function* is proof that code which opens the file is there: the linker
drops what nothing can reach. A *string* is weaker: it may come from code that is linked and never used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Evidence, EvidenceKind, Libc, Linkage
from whit.packer.needs.model import Grade, Need, Verdict

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Mapping, Sequence

    from whit.packer.executable.analysis import Analysis, Argument


OF_HOST = "a WebAssembly program gets everything from its host"


def reads_go_names(analysis: Analysis) -> bool:
    """Whether it is a Go program whose function names can be read: rules by name then hold, and strings mean little."""
    return analysis.language.name == "go" and analysis.functions_known


def is_glibc(analysis: Analysis) -> bool:
    """Whether glibc is linked in: much of it always is, whether the program calls it or not."""
    return analysis.libc is Libc.GLIBC and analysis.linkage is not Linkage.DYNAMIC


def linked(analysis: Analysis, names: Iterable[str]) -> tuple[Evidence, ...]:
    """Those of the functions that are linked, in the order given."""
    kind = EvidenceKind.FUNCTION if analysis.language.name == "go" else EvidenceKind.SYMBOL
    return tuple(Evidence(kind, name) for name in names if name in analysis.functions)


def present(analysis: Analysis, strings: Iterable[bytes]) -> tuple[Evidence, ...]:
    """Those of the strings that stand in the file, in the order given, each at its first offset."""
    offsets: dict[bytes, int] = {}
    for found, offset in analysis.strings:
        offsets.setdefault(found, offset)
    return tuple(
        Evidence(EvidenceKind.STRING, text.strip(b"\0").decode("utf-8", "backslashreplace"), offsets[text])
        for text in strings
        if text in offsets
    )


def instruction(analysis: Analysis, code: bytes, what: str) -> tuple[Evidence, ...]:
    """Machine code that stands in the file, told in words."""
    offset = next((offset for found, offset in analysis.strings if found == code), None)
    return () if offset is None else (Evidence(EvidenceKind.INSTRUCTION, what, offset),)


def called(analysis: Analysis, functions: Mapping[str, int], values: re.Pattern[str]) -> tuple[Evidence, ...]:
    """Calls with a constant that ``values`` matches, one for each; ``functions`` → the constant's position."""
    found: dict[str, Evidence] = {}
    for argument in analysis.arguments:
        if functions.get(argument.function) == argument.position and values.search(argument.value):
            found.setdefault(argument.value, as_evidence(argument))
    return tuple(found.values())


def as_evidence(argument: Argument) -> Evidence:
    """A call with a constant, as people read it: ``os.Open("/etc/app.yaml") in main.main``."""
    where = f" in {argument.caller}" if argument.caller else ""
    return Evidence(EvidenceKind.FUNCTION, f'{argument.function}("{argument.value}"){where}', argument.offset)


def constants(analysis: Analysis, functions: Mapping[str, int], values: re.Pattern[str]) -> tuple[str, ...]:
    """The constants alone, each once, in the file's order."""
    return tuple(
        dict.fromkeys(
            argument.value
            for argument in analysis.arguments
            if functions.get(argument.function) == argument.position and values.search(argument.value)
        )
    )


def listed(words: Sequence[str], most: int = 6) -> str:
    """Words for people: the first few, and how many more."""
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")


def needed(name: str, reason: str, evidence: tuple[Evidence, ...], grade: Grade = Grade.LINKED) -> Need:
    """The program has code that opens it."""
    return Need(name, Verdict.NEEDED, grade, reason, evidence)


def maybe(name: str, reason: str, evidence: tuple[Evidence, ...] = (), grade: Grade = Grade.MAYBE) -> Need:
    """Needed only if the program is configured so, or nothing in the file can decide it."""
    return Need(name, Verdict.MAYBE, grade, reason, evidence)


def not_needed(name: str, reason: str, evidence: tuple[Evidence, ...] = (), grade: Grade = Grade.NONE) -> Need:
    """Nothing in the program opens it, or it brings its own (grade embedded)."""
    return Need(name, Verdict.NOT, grade, reason, evidence)


_LIBC_S_OWN = ("locale", "gconv", "dlopen")


def unless_hidden(need: Need, analysis: Analysis) -> Need:
    """In a garbled Go program names are hashed, and strings may be hidden too: nothing is proved by their absence."""
    garbled = analysis.language.name == "go" and not analysis.functions_known
    if not garbled or need.verdict is not Verdict.NOT or need.grade is not Grade.NONE:
        return need
    if need.name in _LIBC_S_OWN and analysis.libc is None:
        return need
    return maybe(need.name, "its functions' names are hidden, so it can't be told")
