"""How bad a vulnerability is: the base score of a CVSS 3 vector (FIRST, CVSS v3.1 Specification, 7.1), and its word. Pure."""

from __future__ import annotations

import math
from enum import IntEnum

_MAX_VECTOR = 300
_WEIGHTS = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "UI": {"N": 0.85, "R": 0.62},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
_PRIVILEGES = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}


class Severity(IntEnum):
    """CVSS' words; UNKNOWN where nothing is said."""

    UNKNOWN = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


_WORDS = {"LOW": Severity.LOW, "MODERATE": Severity.MEDIUM, "MEDIUM": Severity.MEDIUM, "HIGH": Severity.HIGH,
          "IMPORTANT": Severity.HIGH, "CRITICAL": Severity.CRITICAL}  # fmt: skip


def base_score(vector: str) -> float | None:
    """0.0 to 10.0; None for what is no vector of CVSS 3.0 or 3.1."""
    head, *parts = vector[:_MAX_VECTOR].split("/")
    if head not in {"CVSS:3.0", "CVSS:3.1"}:
        return None
    metrics = dict(part.split(":", 1) for part in parts if ":" in part)
    try:
        weight = {name: known[metrics[name]] for name, known in _WEIGHTS.items()}
        changed = metrics["S"] == "C"
        privileges = _PRIVILEGES[metrics["S"]][metrics["PR"]]
    except KeyError:
        return None
    base = 1 - (1 - weight["C"]) * (1 - weight["I"]) * (1 - weight["A"])
    impact = 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15 if changed else 6.42 * base
    if impact <= 0:
        return 0.0
    exploitability = 8.22 * weight["AV"] * weight["AC"] * privileges * weight["UI"]
    total = (impact + exploitability) * (1.08 if changed else 1)
    return _rounded_up(min(total, 10))


def _rounded_up(value: float) -> float:
    """To the next tenth, in whole numbers, so that no processor's rounding shows (Specification, Appendix A)."""
    whole = round(value * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (math.floor(whole / 10_000) + 1) / 10


def severity_of(score: float) -> Severity:
    """The word for a score (Specification, 5)."""
    bounds = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))
    return next((word for least, word in bounds if score >= least), Severity.UNKNOWN)


def severity_named(word: str) -> Severity:
    """As databases write it."""
    return _WORDS.get(word.upper(), Severity.UNKNOWN)
