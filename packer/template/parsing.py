"""A template's text → nodes. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.packer.template.lexing import Action, lex, unquoted
from whit.packer.template.nodes import (
    Block,
    Dot,
    Fields,
    Function,
    Kind,
    Leave,
    Literal,
    Pipeline,
    Show,
    TemplateError,
    Text,
    Variable,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from whit.packer.template.lexing import Token
    from whit.packer.template.nodes import Node, Operand

DEEPEST = 40
"""Blocks and parentheses inside of one another."""

_REFUSED = {"define", "template", "block"}
_CONSTANTS: dict[str, object] = {"true": True, "false": False, "nil": None}
_RANGE_VARIABLES = 2


def parse_nodes(text: str, functions: Collection[str]) -> tuple[Node, ...]:
    """The template's nodes. Raises :class:`TemplateError` for what isn't one, or calls a function that isn't there."""
    parser = _Parser(text, functions)
    nodes, ending = parser.block()
    if ending:
        raise TemplateError(f"the template has an {{{{{ending}}}}} that nothing opened")
    return nodes


class _Parser:
    """Goes over the template once; the variables that can be seen are known at each place."""

    def __init__(self, text: str, functions: Collection[str]) -> None:
        self._parts = lex(text)
        self._functions = functions
        self._variables = ["$"]
        self._depth = 0
        self._loops = 0
        self._ending = _Words((), "")

    def block(self) -> tuple[tuple[Node, ...], str]:
        """Nodes up to what ends them: ``end``, ``else``, or nothing at the template's end."""
        nodes: list[Node] = []
        for part in self._parts:
            if not isinstance(part, Action):
                if part:
                    nodes.append(Text(part))
                continue
            words = _Words(part.tokens, part.source)
            verb = words.peek_word()
            if verb in {"end", "else"}:
                words.next()
                self._ending = words
                return tuple(nodes), verb
            nodes.append(self._action(words, verb))
        return tuple(nodes), ""

    def _action(self, words: _Words, verb: str) -> Node:
        if verb in _REFUSED:
            raise TemplateError(f"{{{{{verb}}}}} isn't taken in a --format", hint="write the template in one piece")
        if verb in set(Kind):
            words.next()
            return self._opened(Kind(verb), words)
        if verb in {"break", "continue"}:
            words.next()
            words.must_be_empty()
            if not self._loops:
                raise TemplateError(f"{{{{{verb}}}}} is outside of any {{{{range}}}}")
            return Leave(wholly=verb == "break")
        return Show(self._pipeline(words))

    def _opened(self, kind: Kind, words: _Words) -> Block:
        self._deeper(words)
        known = len(self._variables)
        pipeline = self._pipeline(words, loop=kind is Kind.RANGE)
        self._loops += kind is Kind.RANGE
        body, ending = self.block()
        self._loops -= kind is Kind.RANGE
        otherwise: tuple[Node, ...] = ()
        if ending == "else":
            otherwise, ending = self._else(kind)
        if not ending:
            raise TemplateError(f"{words.source} has no {{{{end}}}}", hint="close it with {{end}}")
        self._ending.must_be_empty()
        del self._variables[known:]
        self._depth -= 1
        return Block(kind, pipeline, body, otherwise)

    def _else(self, kind: Kind) -> tuple[tuple[Node, ...], str]:
        """What stands after ``{{else}}``; ``{{else if}}`` is a block in it that the same ``{{end}}`` closes."""
        words = self._ending
        more = words.peek_word()
        if more == kind and kind is not Kind.RANGE:
            words.next()
            nested = self._opened(kind, words)
            return (nested,), "end"
        words.must_be_empty()
        nodes, ending = self.block()
        if ending == "else":
            raise TemplateError(f"a {{{{{kind}}}}} has two {{{{else}}}}", hint="write {{else if}} for all but the last")
        return nodes, ending

    def _deeper(self, words: _Words) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise TemplateError(f"the template is nested more than {DEEPEST} deep, at {words.source}")

    def _pipeline(self, words: _Words, *, loop: bool = False, inside: bool = False) -> Pipeline:
        names, declares = ((), False) if inside else self._assigned(words, loop=loop)
        commands = []
        while True:
            commands.append(self._command(words))
            if len(commands) > 1 and not isinstance(commands[-1][0], Function | Fields):
                raise TemplateError(f"what is piped to isn't a function, in {words.source}")
            if words.take("|"):
                continue
            if inside:
                words.must_take(")")
            else:
                words.must_be_empty()
            break
        if declares:
            self._variables += names
        return Pipeline(tuple(commands), names, declares)

    def _assigned(self, words: _Words, *, loop: bool) -> tuple[tuple[str, ...], bool]:
        """The variables at a pipeline's beginning, and whether they are new; none if it begins otherwise."""
        width = words.assignment()
        if not width:
            return (), False
        if width > (_RANGE_VARIABLES if loop else 1):
            raise TemplateError(f"too many variables in {words.source}", hint="{{range $key, $value := .Map}} has two")
        names = []
        for at in range(width):
            if at:
                words.must_take(",")
            names.append(words.next().text)
        declares = words.next().text == ":="
        for name in () if declares else names:
            self._known(name)
        return tuple(names), declares

    def _command(self, words: _Words) -> tuple[Operand, ...]:
        operands: list[Operand] = []
        while (token := words.peek()) is not None and token.text not in {"|", ")"}:
            if operands and not token.spaced:
                raise TemplateError(f"{token.text} isn't understood in {words.source}", hint="put a space before it")
            operands.append(self._operand(words))
        if not operands:
            raise TemplateError(f"a value is missing in {words.source}", hint="{{.}} shows all that there is")
        if isinstance(operands[0], Literal) and operands[0].value is None:
            raise TemplateError(f"nil is not a command, in {words.source}")
        return tuple(operands)

    def _operand(self, words: _Words) -> Operand:
        token = words.next()
        if token.kind in {"string", "raw", "char", "number"}:
            return Literal(_constant(token))
        base = self._base(token, words)
        names: list[str] = []
        while (following := words.peek()) is not None and following.kind == "field" and not following.spaced:
            names.append(words.next().text[1:])
        if not names:
            return base
        if isinstance(base, Dot):
            raise TemplateError(f"two dots follow one another in {words.source}", hint=f"write .{names[0]}")
        if isinstance(base, Fields):
            return Fields(base.base, (*base.names, *names))
        return Fields(base, tuple(names))

    def _base(self, token: Token, words: _Words) -> Operand:
        """What fields may follow."""
        if token.text == "(":
            self._deeper(words)
            nested = self._pipeline(words, inside=True)
            self._depth -= 1
            return nested
        if token.kind == "field":
            return Fields(Dot(), (token.text[1:],))
        if token.kind == "dot":
            return Dot()
        if token.kind == "variable":
            return Variable(self._known(token.text))
        if token.kind == "word":
            return self._word(token.text)
        raise TemplateError(f"{token.text} isn't understood in {words.source}")

    def _word(self, name: str) -> Operand:
        if name in _CONSTANTS:
            return Literal(_CONSTANTS[name])
        if name not in self._functions:
            import difflib  # noqa: PLC0415 - of use for an error only

            near = difflib.get_close_matches(name, self._functions, 1)
            hint = f"did you mean {near[0]}?" if near else f"a field has a dot before it: .{name}"
            raise TemplateError(f"there is no function '{name}' for templates", hint=hint)
        return Function(name)

    def _known(self, name: str) -> str:
        if name not in self._variables:
            raise TemplateError(f"the template has no variable {name} here", hint=f"{{{{{name} := .Field}}}} makes one")
        return name


class _Words:
    """An action's tokens, taken one after the other."""

    def __init__(self, tokens: tuple[Token, ...], source: str) -> None:
        self._tokens = tokens
        self._at = 0
        self.source = source

    def peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def peek_word(self) -> str:
        token = self.peek()
        return token.text if token and token.kind == "word" else ""

    def next(self) -> Token:
        token = self.peek()
        if token is None:
            raise TemplateError(f"something is missing in {self.source}")
        self._at += 1
        return token

    def take(self, text: str) -> bool:
        token = self.peek()
        taken = token is not None and token.text == text
        self._at += taken
        return taken

    def must_take(self, text: str) -> None:
        if not self.take(text):
            raise TemplateError(f"a '{text}' is missing in {self.source}")

    def must_be_empty(self) -> None:
        token = self.peek()
        if token is not None:
            raise TemplateError(f"'{token.text}' isn't understood in {self.source}")

    def assignment(self) -> int:
        """How many variables stand before a ``:=`` or ``=`` here; 0 if it is no assignment."""
        texts = [token.text for token in self._tokens[self._at : self._at + 6]]
        kinds = [token.kind for token in self._tokens[self._at : self._at + 6]]
        count = 0
        while kinds[2 * count : 2 * count + 1] == ["variable"]:
            count += 1
            after = texts[2 * count - 1 : 2 * count]
            if after in ([":="], ["="]):
                return count
            if after != [","]:
                break
        return 0


def _constant(token: Token) -> object:
    if token.kind == "char":
        text = unquoted(token.text)
        if len(text) != 1:
            raise TemplateError(f"{token.text} is no single character", hint='strings have double quotes: "text"')
        return ord(text)
    if token.kind != "number":
        return unquoted(token.text)
    text = token.text.replace("_", "")
    digits = text.lstrip("+-").lower()
    try:
        if digits.startswith("0x") or not set(digits) & set(".e"):
            old_octal = len(digits) > 1 and digits.isdigit() and digits[0] == "0"
            return int(text, 8 if old_octal else 0)
        return float(text)
    except ValueError:
        raise TemplateError(f"{token.text} is no number") from None
