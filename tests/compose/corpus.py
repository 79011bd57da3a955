"""Compose files of our own that use every key, alone, merged, included and extended: what is read as docker compose reads it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from tests.compose import trees
from tests.compose.forms import SERVICE, TOP

OTHERS = """\
  b: {image: b, build: {context: .}, profiles: []}
  c: {image: c}
  gone: {image: g, profiles: [never]}
"""
RESOURCES = {
    "networks": "{n: null}",
    "volumes": "{vol: null, g: null}",
    "secrets": "{s: {file: ./s.txt}}",
    "configs": "{c: {file: ./c.txt}}",
    "models": "{m: {model: ai/x}}",
}
BESIDE = {
    "a.env": "A=from a\nFROM_A=1\nSET\nQ='single $A' \nD=\"double $SET\\n${NOT:-x}\" # c\nexport E = spaced # tail\n",
    "b.env": "A=from b\nFROM_B=${FROM_A}-${A}\n",
    "raw.env": "A='raw' $SET \nR=a # b\n",
    "a.label": "label.a=1\nboth=a\n",
    "b.label": "both=b\nq='x y'\n",
    "s.txt": "secret",
    "c.txt": "config",
}
ENVIRONMENT = {"SET": "is set", "EMPTY": "", "NUMBER": "7", "FLAG": "true", "HOME": "/root", "PATH": "/usr/bin:/bin"}


@dataclass(frozen=True, slots=True)
class Case:
    """Files, the first ones named by ``-f``, and what is said before ``config``."""

    name: str
    files: dict[str, str]
    named: tuple[str, ...] = ("compose.yaml",)
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


def _whole(key: str, form: str, *, first: bool = True) -> str:
    image = "    image: i\n" if key not in {"image", "provider"} and first else ""
    top = "".join(f"{name}: {value}\n" for name, value in RESOURCES.items()) if first else ""
    others = OTHERS if first else ""
    return f"services:\n  web:\n{image}    {key}: {form}\n{others}{top}"


def _top(key: str, form: str, *, first: bool = True) -> str:
    uses = {
        "networks": "    networks: [n, default]\n",
        "volumes": "    volumes: ['vol:/v']\n",
        "secrets": "    secrets: [s]\n",
        "configs": "    configs: [c]\n",
        "models": "    models: [m]\n",
    }
    services = f"services:\n  web:\n    image: i\n{uses.get(key, '')}{OTHERS}" if first else ""
    return f"{services}{key}: {form}\n"


def single() -> list[Case]:
    """A file for each key and form."""
    made = [
        Case(f"{key}-{number}", {"compose.yaml": _whole(key, form)})
        for key, forms in SERVICE.items()
        for number, form in enumerate(forms)
    ]
    return made + [
        Case(f"top-{key}-{number}", {"compose.yaml": _top(key, form)})
        for key, forms in TOP.items()
        for number, form in enumerate(forms)
    ]


def merged() -> list[Case]:
    """Two files for each key and pair of forms, the one over the other."""
    made = []
    for group, table, write in (("", SERVICE, _whole), ("top-", TOP, _top)):
        for key, forms in table.items():
            pairs = list(itertools.product(range(len(forms)), repeat=2))
            for one, two in pairs if len(forms) < 5 else pairs[:: len(forms) - 3]:
                files = {"compose.yaml": write(key, forms[one]), "over.yaml": write(key, forms[two], first=False)}
                made.append(Case(f"merge-{group}{key}-{one}-{two}", files, ("compose.yaml", "over.yaml")))
    return made


def extended() -> list[Case]:
    """For each key, a service that extends another one, in the same file and in another folder's."""
    made = []
    for key, forms in SERVICE.items():
        if key in {"depends_on", "profiles"}:
            continue
        one, two = forms[0], forms[-1]
        text = _whole("extends", "base").replace(
            OTHERS, f"    {key}: {two}\n  base:\n    image: i\n    {key}: {one}\n{OTHERS}"
        )
        if key == "image":
            text = text.replace("    image: i\n", "")
        made.append(Case(f"extends-{key}", {"compose.yaml": text}))
        other = (
            f"services:\n  base:\n    image: j\n    {key}: {one}\n"
            if key != "image"
            else f"services:\n  base:\n    image: {one}\n"
        )
        files = {"compose.yaml": _whole("extends", "{file: sub/base.yaml, service: base}"), "sub/base.yaml": other}
        files |= {f"sub/{name}": value for name, value in BESIDE.items()}
        made.append(Case(f"extends-file-{key}", files))
    return made


def included() -> list[Case]:
    """For each key, a service that is included from another folder."""
    made = []
    for key, forms in SERVICE.items():
        for number in {0, len(forms) - 1}:
            files = {
                "compose.yaml": "include: [sub/compose.yaml]\nservices:\n  own: {image: o}\n",
                "sub/compose.yaml": _whole(key, forms[number]),
            }
            files |= {f"sub/{name}": value for name, value in BESIDE.items()}
            made.append(Case(f"include-{key}-{number}", files))
    return made


def odd() -> list[Case]:
    """For each key, values of other kinds than it has: what docker compose refuses is refused."""
    values = ("5", "-1.5", "text", "''", "true", "[a]", "[{a: b}]", "{a: b}", "{}", "[]", "null")
    made = [
        Case(f"odd-{key}-{number}", {"compose.yaml": _whole(key, value)})
        for key in SERVICE
        for number, value in enumerate(values)
        if key != "x-own"
    ]
    return made + [
        Case(f"odd-top-{key}-{number}", {"compose.yaml": _top(key, value)})
        for key in TOP
        for number, value in enumerate((*values, "{a: 1}", "{a: {}}", "{a: []}", "{a: {external: true, labels: [b]}}"))
        if key != "x-own"
    ]


def every() -> list[Case]:
    """The whole corpus."""
    given = [Case(name, files, **more) for name, files, more in trees.CASES]
    return [*single(), *odd(), *merged(), *extended(), *included(), *given]
