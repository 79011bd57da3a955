"""A command in one text → its words, as docker compose splits it: like a shell, without expanding anything. Pure."""

from __future__ import annotations

_SPACE = " \t\r\n"
_ENDS = ";&|<>"


class UnclosedError(ValueError):
    """A quotation, a backslash or a parenthesis that isn't closed."""


def split(text: str) -> tuple[list[str], str]:
    """The words, and the rest that a shell would take as another command: docker compose drops it. Raises :class:`UnclosedError`."""
    state = _Splitting()
    for position, letter in enumerate(text):
        if letter in _ENDS and not state.inside:
            state.flush()
            return state.words, text[position:]
        state.take(letter)
    state.flush()
    if state.inside:
        raise UnclosedError
    return state.words, ""


class _Splitting:
    __slots__ = ("begun", "escaped", "held", "quote", "words")

    def __init__(self) -> None:
        self.words: list[str] = []
        self.held: list[str] = []
        self.begun = False
        self.escaped = False
        self.quote = ""
        """What closes the part that we are in: a quotation mark, a backtick, ``)``."""

    @property
    def inside(self) -> bool:
        return self.escaped or bool(self.quote)

    def flush(self) -> None:
        if self.begun or self.held:
            self.words.append("".join(self.held))
        self.held, self.begun = [], False

    def take(self, letter: str) -> None:
        if self.escaped:
            self.escaped = False
            kept = self.quote in {"`", ")"}
            self.held.append(f"\\{letter}" if kept else {"t": "\t", "n": "\n"}.get(letter, letter))
        elif letter == "\\" and self.quote != "'":
            self.escaped = True
        elif self.quote:
            self.within(letter)
        elif letter in _SPACE:
            self.flush()
        elif letter in "\"'":
            self.quote = letter
        elif letter == "`":
            self.quote = letter
            self.held.append(letter)
        elif letter in "()":
            if letter == ")" or self.held[-1:] != ["$"]:
                raise UnclosedError
            self.quote = ")"
            self.held.append(letter)
        else:
            self.held.append(letter)

    def within(self, letter: str) -> None:
        if letter != self.quote:
            self.held.append(letter)
            return
        if letter in "\"'":
            self.begun = True
        else:
            self.held.append(letter)
        self.quote = ""
