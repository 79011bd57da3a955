"""Values as Go prints them: by itself, by ``json``, by ``printf``. Pure.

A value is what JSON has: None, bool, int, float, str, list, dict.
"""

from __future__ import annotations

import json
import math
import re

from whit.packer.showing.escaping import json_harmless
from whit.packer.support.goquoted import quoted

_BIG, _SMALL = 6, -4
_JSON_BIG, _JSON_SMALL = 1e21, 1e-6
_WIDEST = 1_000_000
_VERB = re.compile(
    r"%(?P<flags>[-+# 0]*)(?P<width>[0-9]{1,7})?(?:\.(?P<precision>[0-9]{0,7}))?(?P<verb>.|$)", re.DOTALL
)
_SURROGATE = re.compile("[\ud800-\udfff]")


OPEN = frozenset(
    (
        *("Labels", "Options", "DriverOpts", "Annotations", "Attributes", "Sysctls", "Tmpfs", "StorageOpt"),
        *("Networks", "Ports", "PortBindings", "ExposedPorts", "Volumes", "Containers"),
    )
)
"""Fields whose value has keys of a person's choosing: an absent one is no mistake in the template."""


OMITTED = {
    **dict.fromkeys(("Health", "Healthcheck", "StopTimeout"), None),
    **{name: dict[str, object]() for name in ("Annotations", "StorageOpt", "Sysctls", "Tmpfs")},
    "Shell": list[object](),
    "StopSignal": "",
}
"""Fields that JSON leaves out where they are empty, and what docker's templates see then."""


class OpenMap(dict[str, object]):
    """A map with keys of a person's choosing (labels, say), where a key may be absent; other dicts have fixed fields."""

    __slots__ = ()


def opened(name: str, value: object) -> object:
    """A field's value, as an :class:`OpenMap` where it is one by its name."""
    return OpenMap(value) if name in OPEN and isinstance(value, dict) else value


def text_of(value: object) -> str:
    """As an action shows it."""
    return "<no value>" if value is None else _inside(value)


def _inside(value: object) -> str:
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, list | tuple):
        return f"[{' '.join(map(_inside, value))}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{_inside(value[key])}' for key in sorted(value))}]"
    return str(value)


def _float(value: float) -> str:
    """The shortest digits that are this number, with an exponent where it is very large or small."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:+}".replace("inf", "Inf")
    exponent = int(f"{value:e}".partition("e")[2])
    return _with_exponent(value) if exponent < _SMALL or exponent >= _BIG else _plain(value)


def _with_exponent(value: float) -> str:
    from decimal import Decimal  # noqa: PLC0415 - fractions are rare

    exact = Decimal(repr(value)).normalize()
    sign, digits, _ = exact.as_tuple()
    fraction = "".join(map(str, digits[1:]))
    return f"{'-' if sign else ''}{digits[0]}{'.' if fraction else ''}{fraction}e{exact.adjusted():+03d}"


def _plain(value: float) -> str:
    from decimal import Decimal  # noqa: PLC0415 - fractions are rare

    shown = f"{Decimal(repr(value)):f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def json_text(value: object) -> str:
    """One line of JSON as Go's encoder writes it; maps of a person's keys are sorted."""
    if isinstance(value, str):
        shown = json_harmless(json.dumps(value, ensure_ascii=False))
        return _SURROGATE.sub("\\\\ufffd", shown)
    if isinstance(value, float):
        extreme = value and not _JSON_SMALL <= abs(value) < _JSON_BIG
        return _with_exponent(value).replace("e-0", "e-") if extreme else _plain(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(map(json_text, value))}]"
    if isinstance(value, dict):
        keys = sorted(value) if isinstance(value, OpenMap) else list(value)
        return f"{{{','.join(f'{json_text(str(key))}:{json_text(opened(key, value[key]))}' for key in keys)}}}"
    return json.dumps(value)


def kind_of(value: object) -> str:
    """The value's type in Go's words."""
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float64"), (str, "string"), (dict, "map"), (list, "[]")):
        if isinstance(value, kind):
            return name
    return "nil"


def printf(form: str, *values: object) -> str:
    """Go's ``Sprintf``: each verb takes a value; what doesn't fit is told in the text, as Go does."""
    left = list(values)

    def one(match: re.Match[str]) -> str:
        verb = match["verb"]
        if verb == "%":
            return "%"
        if not verb:
            return "%!(NOVERB)"
        if not left:
            return f"%!{verb}(MISSING)"
        return _formatted(verb, left.pop(0), match)

    made = _VERB.sub(one, form)
    if left:
        made += f"%!(EXTRA {', '.join(f'{kind_of(value)}={_inside(value)}' for value in left)})"
    return made


def _formatted(verb: str, value: object, match: re.Match[str]) -> str:
    flags, width = match["flags"], int(match["width"] or 0)
    if width > _WIDEST:
        return "%!(BADWIDTH)"
    precision = None if match["precision"] is None else min(int(match["precision"] or 0), 1000)
    shown = _shown(verb, value, flags, precision)
    if "-" in flags:
        return shown.ljust(width)
    if "0" in flags:
        return shown.zfill(width) if isinstance(value, int | float) else shown.rjust(width, "0")
    return shown.rjust(width)


def _shown(verb: str, value: object, flags: str, precision: int | None) -> str:
    if isinstance(value, list | tuple) and verb != "v":
        return f"[{' '.join(_shown(verb, one, flags, precision) for one in value)}]"
    shown = _verb(verb, value, flags, precision)
    if shown is None:
        return f"%!{verb}(<nil>)" if value is None else f"%!{verb}({kind_of(value)}={_inside(value)})"
    return shown


def _verb(verb: str, value: object, flags: str, precision: int | None) -> str | None:
    """The value by one verb, without its width; None if the verb isn't for such a value."""
    if verb == "v":
        return _signed(_inside(value), value, flags)
    made = None
    if isinstance(value, str):
        made = _text_verb(verb, value, flags, precision)
    elif isinstance(value, bool):
        made = _inside(value) if verb == "t" else None
    elif isinstance(value, int):
        made = _integer_verb(verb, value, flags) if verb in "dxXobcq" else None
    elif isinstance(value, float):
        made = _float_verb(verb, value, flags, precision) if verb in "feEgG" else None
    return made


def _float_verb(verb: str, value: float, flags: str, precision: int | None) -> str:
    if verb in "gG" and precision is None:
        return _signed(_float(value), value, flags)
    return _signed(f"{value:.{6 if precision is None else precision}{verb}}", value, flags)


def _text_verb(verb: str, value: str, flags: str, precision: int | None) -> str | None:
    text = value if precision is None else value[:precision]
    if verb == "s":
        return text
    if verb == "q":
        return f"`{text}`" if "#" in flags and "`" not in text else quoted(text)
    if verb in "xX":
        shown = (
            text.encode("utf-8", "surrogateescape").hex(" ")
            if " " in flags
            else text.encode("utf-8", "surrogateescape").hex()
        )
        return shown.upper() if verb == "X" else shown
    return None


def _integer_verb(verb: str, value: int, flags: str) -> str | None:
    if verb in "cq":
        if not 0 <= value <= 0x10FFFF:  # noqa: PLR2004 - Unicode's end
            return "\ufffd"
        return chr(value) if verb == "c" else f"'{quoted(chr(value))[1:-1]}'"
    prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(verb, "") if "#" in flags else ""
    shown = f"{'-' if value < 0 else ''}{prefix}{abs(value):{verb}}"
    return _signed(shown, value, flags)


def _signed(shown: str, value: object, flags: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return shown
    return f"+{shown}" if "+" in flags else f" {shown}" if " " in flags else shown
