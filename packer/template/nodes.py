"""What a parsed template is made of."""

from __future__ import annotations

from whit.packer.support.errors import WhitError
from whit.packer.support.light import StrEnum, dataclass


class TemplateError(WhitError):
    """A ``--format`` that isn't a template, or that asks for what the value doesn't have."""


@dataclass(frozen=True, slots=True)
class Text:
    """Shown as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number, truth value or nil in the template itself."""

    value: object


@dataclass(frozen=True, slots=True)
class Fields:
    """``base.A.B``: fields one after the other, of another operand."""

    base: Operand
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """``.``: the value at hand."""


@dataclass(frozen=True, slots=True)
class Variable:
    """``$name``; ``$`` alone is the value that the template was given."""

    name: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function's name, where a command begins or as an argument without arguments of its own."""

    name: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """``$a, $b := command | command``; in parentheses an operand."""

    commands: tuple[tuple[Operand, ...], ...]
    variables: tuple[str, ...] = ()
    declares: bool = False


Operand = Literal | Fields | Dot | Variable | Function | Pipeline


@dataclass(frozen=True, slots=True)
class Show:
    """An action that shows a value, or only sets a variable."""

    pipeline: Pipeline


class Kind(StrEnum):
    """What opens a block."""

    IF = "if"
    RANGE = "range"
    WITH = "with"


@dataclass(frozen=True, slots=True)
class Block:
    """``{{if}}``, ``{{range}}`` or ``{{with}}`` up to its end."""

    kind: Kind
    pipeline: Pipeline
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Leave:
    """``{{break}}``, or ``{{continue}}``."""

    wholly: bool


Node = Text | Show | Block | Leave
