"""A machine for toolchains' tests: files, tools and answers as they are given."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.support.errors import NotFoundError
from whit.toolchains.model import Tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.toolchains.model import Step

GO = Tool("go", "/opt/go/bin/go", "1.26.8", "/opt/go")
ZIG = Tool("zig", "/opt/zig/zig", "0.17.1", "/opt/zig")


@dataclass
class FakeKit:
    """``answers`` are by the words that a command's line holds; ``asked`` are the steps that were; ``links`` are folders that lead elsewhere."""

    files: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    tools: tuple[Tool, ...] = (GO, ZIG)
    asked: list[Step] = field(default_factory=list)
    is_hermetic: bool = False
    links: dict[str, str] = field(default_factory=dict)

    def place(self, name: str) -> str:
        return next((tool.path for tool in self.tools if tool.name == name), "")

    def tool(self, name: str, least: str = "") -> Tool:
        del least
        for tool in self.tools:
            if tool.name == name:
                return tool
        raise NotFoundError(f"{name} isn't on this machine")

    @property
    def processors(self) -> int:
        return 2

    def kept(self, name: str, root: str) -> str:
        return f"/kept/{name}{root}"

    def confining(self, ask: Callable[[Step], str]) -> FakeKit:
        del ask
        return self

    def ask(self, step: Step) -> str:
        self.asked.append(step)
        line = " ".join(step.argv)
        return next((answer for words, answer in self.answers.items() if words in line), "")

    def read(self, path: str) -> str | None:
        return self.files.get(path)

    def is_file(self, path: str) -> bool:
        return path in self.files

    def names(self, folder: str) -> tuple[str, ...]:
        inside = (path for path in self.files if path.startswith(f"{folder}/"))
        return tuple(sorted({posixpath.relpath(path, folder).partition("/")[0] for path in inside}))

    def real(self, path: str) -> str:
        path = posixpath.normpath(path)
        return self.links.get(path, path)
