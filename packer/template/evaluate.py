"""Nodes + a value → text. Pure, and bounded in work and output."""

from __future__ import annotations

from whit.packer.support.counting import counted
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.packer.template.functions import FUNCTIONS, LAZY, is_true
from whit.packer.template.goprint import OMITTED, OpenMap, kind_of, opened, text_of
from whit.packer.template.nodes import Block, Dot, Fields, Function, Kind, Leave, Literal, TemplateError, Text, Variable
from whit.packer.template.parsing import parse_nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from whit.packer.template.nodes import Node, Operand, Pipeline

MOST_STEPS = 2_000_000
MOST_OUTPUT = 64 << 20
"""Characters of one rendering."""

_CHARACTERS_A_STEP = 256
_SHOWN_FIELDS = 24
_NEAR = 0.5
NAMES = frozenset(FUNCTIONS) | LAZY


class _Left(Exception):  # noqa: N818 - no error: {{break}} and {{continue}}
    def __init__(self, *, wholly: bool) -> None:
        super().__init__()
        self.wholly = wholly


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template."""

    nodes: tuple[Node, ...]

    def render(
        self,
        value: object,
        methods: Mapping[str, Callable[..., object]] | None = None,
        functions: Mapping[str, Callable[..., object]] = FUNCTIONS,
    ) -> str:
        """The text for a value; its ``methods`` (``{{.Label "x"}}``) get it and then their arguments.

        Raises :class:`TemplateError` for a field that isn't there, among others.
        """
        run = _Run(value, methods or {}, functions)
        run.walk(self.nodes, value)
        return "".join(run.output)


def parse(text: str) -> Template:
    """A template. Raises :class:`TemplateError`."""
    return Template(parse_nodes(text, NAMES))


class _Run:
    def __init__(
        self,
        root: object,
        methods: Mapping[str, Callable[..., object]],
        functions: Mapping[str, Callable[..., object]],
    ) -> None:
        self._root = root
        self._methods = methods
        self._functions = functions
        self._variables: list[tuple[str, object]] = [("$", root)]
        self._steps = 0
        self._written = 0
        self.output: list[str] = []

    def walk(self, nodes: Sequence[Node], dot: object) -> None:
        for node in nodes:
            self._step(1)
            if isinstance(node, Text):
                self._write(node.text)
            elif isinstance(node, Leave):
                raise _Left(wholly=node.wholly)
            elif isinstance(node, Block):
                self._block(node, dot)
            else:
                value = self._pipeline(node.pipeline, dot)
                if not node.pipeline.variables:
                    self._write(text_of(value))

    def _step(self, count: int) -> None:
        self._steps += count
        if self._steps > MOST_STEPS:
            raise TemplateError("the template takes too long", hint="it goes over too much in its loops")

    def _write(self, text: str) -> None:
        self._written += len(text)
        if self._written > MOST_OUTPUT:
            raise TemplateError(f"the template makes more than {MOST_OUTPUT >> 20} MiB of text")
        self.output.append(text)

    def _block(self, block: Block, dot: object) -> None:
        known = len(self._variables)
        if block.kind is Kind.RANGE:
            self._range(block, dot)
        else:
            value = self._pipeline(block.pipeline, dot)
            chosen = block.body if is_true(value) else block.otherwise
            inner = value if block.kind is Kind.WITH and chosen is block.body else dot
            self.walk(chosen, inner)
        del self._variables[known:]

    def _range(self, block: Block, dot: object) -> None:
        names, declares = block.pipeline.variables, block.pipeline.declares
        over = self._commands(block.pipeline, dot)
        if isinstance(over, int) and len(names) > 1:
            raise TemplateError("range over a number has one variable", hint="{{range $at := 3}}")
        items = self._items(over)
        outer = len(self._variables)
        any_at_all = False
        for key, value in items:
            any_at_all = True
            self._step(1)
            pairs = zip(names, (value,) if len(names) == 1 else (key, value), strict=False)
            for name, one in pairs:
                self._set(name, one, declares=declares)
            try:
                self.walk(block.body, value)
            except _Left as left:
                if left.wholly:
                    break
            finally:
                del self._variables[outer:]
        if not any_at_all:
            self.walk(block.otherwise, dot)

    def _items(self, value: object) -> Iterable[tuple[object, object]]:
        """Key and value of each; a map's in its keys' order."""
        if isinstance(value, dict):
            return [(key, value[key]) for key in sorted(value)]
        if isinstance(value, list | tuple):
            return list(enumerate(value))
        if isinstance(value, int) and not isinstance(value, bool):
            return ((number, number) for number in range(value))
        if value is None:
            return ()
        raise TemplateError(f"range can't go over a {kind_of(value)}", hint="lists and maps can be gone over")

    def _set(self, name: str, value: object, *, declares: bool) -> None:
        if declares:
            self._variables.append((name, value))
            return
        for at in range(len(self._variables) - 1, -1, -1):
            if self._variables[at][0] == name:
                self._variables[at] = (name, value)
                return

    def _pipeline(self, pipeline: Pipeline, dot: object) -> object:
        value = self._commands(pipeline, dot)
        for name in pipeline.variables:
            self._set(name, value, declares=pipeline.declares)
        return value

    def _commands(self, pipeline: Pipeline, dot: object) -> object:
        piped: tuple[object, ...] = ()
        for command in pipeline.commands:
            piped = (self._command(command, dot, piped),)
        return piped[0]

    def _command(self, command: tuple[Operand, ...], dot: object, piped: tuple[object, ...]) -> object:
        self._step(1)
        first, *arguments = command
        if isinstance(first, Function):
            if first.name in LAZY:
                return self._lazy(first.name, arguments, dot, piped)
            values = [self._operand(one, dot) for one in arguments]
            return self._call(first.name, self._functions[first.name], [*values, *piped])
        if isinstance(first, Fields):
            values = [self._operand(one, dot) for one in arguments]
            return self._fields(first, dot, [*values, *piped])
        if arguments or piped:
            raise TemplateError(
                "a value that isn't a function was given arguments", hint='{{index .Map "key"}} looks up'
            )
        return self._operand(first, dot)

    def _operand(self, operand: Operand, dot: object) -> object:
        if isinstance(operand, Dot):
            return dot
        if isinstance(operand, Literal):
            return operand.value
        if isinstance(operand, Variable):
            return next(value for name, value in reversed(self._variables) if name == operand.name)
        if isinstance(operand, Fields):
            return self._fields(operand, dot, [])
        if isinstance(operand, Function):
            return self._command((operand,), dot, ())
        return self._pipeline(operand, dot)

    def _lazy(self, name: str, arguments: list[Operand], dot: object, piped: tuple[object, ...]) -> object:
        """``and`` gives the first empty value, ``or`` the first that isn't; what comes after it isn't looked at."""
        values: list[Operand] = [*arguments, *map(Literal, piped)]
        if not values:
            raise TemplateError(f"{name} takes one value at least", hint=f"{{{{if {name} .A .B}}}}")
        value: object = None
        for operand in values:
            value = self._operand(operand, dot)
            if is_true(value) is (name == "or"):
                break
        return value

    def _call(self, name: str, function: Callable[..., object], values: Sequence[object]) -> object:
        try:
            made = function(*values)
        except TypeError as error:
            if "argument" not in str(error):
                raise
            count = len(values) - name.startswith(".")
            raise TemplateError(f"{name} doesn't take {counted(count, 'argument')}", hint=_EXAMPLES.get(name)) from None
        if isinstance(made, str):
            self._step(len(made) // _CHARACTERS_A_STEP)
        return made

    def _fields(self, fields: Fields, dot: object, arguments: list[object]) -> object:
        value = self._operand(fields.base, dot)
        path = fields.base.name if isinstance(fields.base, Variable) else ""
        for at, name in enumerate(fields.names):
            last = at == len(fields.names) - 1
            method = self._methods.get(name) if value is self._root else None
            is_called = method is not None and (bool(arguments) or not (isinstance(value, dict) and name in value))
            if method is not None and is_called:
                value = self._call(f".{name}", method, [value, *(arguments if last else ())])
                arguments = [] if last else arguments
            else:
                value = self._field(value, name, path)
            path += f".{name}"
        if arguments:
            raise TemplateError(f"{path} has arguments and is no function", hint=f'{{{{index {path} "key"}}}} looks up')
        return value

    def _field(self, value: object, name: str, path: str) -> object:
        if not isinstance(value, dict):
            raise _no_fields(value, name, path)
        found = name if name in value else _alias(value, name)
        if found is None:
            if isinstance(value, OpenMap):
                return None
            if name in OMITTED and value is not self._root:
                return OMITTED[name]
            known = [*value, *(self._methods if value is self._root else ())]
            raise TemplateError(
                f"the template's field {path}.{name} isn't there", hint=f"known fields: {nearest_first(name, known)}"
            )
        return opened(found, value[found])


_EXAMPLES = {
    "join": '{{join .List ","}}',
    "split": '{{split .Names ","}}',
    "pad": "{{pad .Names 1 2}}",
    "truncate": "{{truncate .ID 6}}",
    "index": '{{index .Labels "name"}}',
    ".Label": '{{.Label "name"}}',
}


def _alias(value: dict[str, object], name: str) -> str | None:
    """The field in another spelling: Go's ``ID`` and JSON's ``Id`` are the same, and docker takes both."""
    if isinstance(value, OpenMap) or not name[0].isupper():
        return None
    same = [known for known in value if known.lower() == name.lower() and known[:1].isupper()]
    return same[0] if same else None


def _no_fields(value: object, name: str, path: str) -> TemplateError:
    if value is None:
        return TemplateError(
            f"the template's field {path or '.'} is empty here, so it has no .{name}",
            hint=f"ask first: {{{{with {path or '.'}}}}}{{{{.{name}}}}}{{{{end}}}}",
        )
    if isinstance(value, list | tuple):
        hint = f"go over it: {{{{range {path or '.'}}}}}{{{{.{name}}}}}{{{{end}}}}"
        return TemplateError(f"the template's field {path or '.'} is a list, so it has no .{name}", hint=hint)
    return TemplateError(f"the template's field {path or '.'} is a {kind_of(value)}, so it has no .{name}")


def nearest_first(name: str, known: Iterable[str]) -> str:
    """The names that are nearest to what was asked for, then the others, as far as a line goes."""
    import difflib  # noqa: PLC0415 - of use for an error only

    names = sorted(set(known))
    lowered = {one.lower(): one for one in names}
    near = [lowered[one] for one in difflib.get_close_matches(name.lower(), lowered, 3, _NEAR)]
    ordered = [*near, *(one for one in names if one not in near)]
    more = ", …" if len(ordered) > _SHOWN_FIELDS else ""
    return ", ".join(ordered[:_SHOWN_FIELDS]) + more
