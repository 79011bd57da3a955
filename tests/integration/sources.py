"""Source trees for tests, and whit that must not fail on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

HELLO = 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello from", name) }\n\nconst name = "%s"\n'


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def module(folder: Path, **programs: str) -> Path:
    """A Go module with a program in cmd/NAME for each, or at its root."""
    files = {"go.mod": "module example.com/project\n\ngo 1.21\n"}
    for name, said in programs.items():
        files["main.go" if name == "root" else f"cmd/{name}/main.go"] = HELLO % said
    return write(folder, files)


def done(run_whit: RunWhit, *words: str | Path, timeout: float = 300) -> str:
    """What it prints; compilers that build their own libraries first take their time."""
    result = run_whit(*words, timeout=timeout)
    assert result.returncode == 0, result.stderr
    return result.stdout
