"""Which variables texts use, and how: required, with a default, with another value where they are set. Pure."""

from __future__ import annotations

from whit.packer.support.light import NamedTuple
from whit.runtime.compose.model.interpolation import TemplateError, Variables, substitute


class Used(NamedTuple):
    """How a variable is used, by all its uses together."""

    required: bool = False
    default: str = ""
    alternative: str = ""

    def shown(self) -> dict[str, object]:
        """For JSON."""
        return {"required": self.required, "default": self.default, "alternative": self.alternative}

    def and_also(self, other: Used) -> Used:
        """Of two uses, what either says; the first's texts win."""
        return Used(
            self.required or other.required, self.default or other.default, self.alternative or other.alternative
        )


def used(value: object) -> dict[str, Used]:
    """The variables of all texts in a plain value that isn't interpolated, by their names."""
    found: dict[str, Used] = {}
    _collect(value, found)
    return dict(sorted(found.items()))


def _collect(value: object, found: dict[str, Used]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _collect(key, found)
            _collect(item, found)
    elif isinstance(value, list):
        for item in value:
            _collect(item, found)
    elif isinstance(value, str) and "$" in value:
        noting = _Noting(found)
        try:
            substitute(value, noting)
        except TemplateError:
            return


class _Noting(Variables):
    """Variables that note how they are used. None is set, so that every default is looked into."""

    __slots__ = ("found",)

    def __init__(self, found: dict[str, Used]) -> None:
        super().__init__(lambda _: None)
        self.found = found

    def noted(self, name: str, operator: str, rest: str) -> None:
        """One use of a variable."""
        use = Used(operator[-1:] == "?", rest if operator[-1:] == "-" else "", rest if operator[-1:] == "+" else "")
        self.found[name] = self.found.get(name, Used()).and_also(use)
