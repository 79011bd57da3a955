"""A Go program of more than 700 MB with more than 600,000 functions, made for the bench: nobody's own has both.

Its functions are written in assembly, which the compiler is quick with, and kept by tables of their addresses; the rest
are embedded files, as of a server that carries its web pages: here another Go program, several times, whose tables and
strings look like the program's own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.bench.programs import RCLONE, go_program
from tests.peers import BUILD, BUILT_PEERS, find_peer

if TYPE_CHECKING:
    from pathlib import Path

_SIZE = 640_000_000
"""Bytes of embedded files."""

_PACKAGES, _FUNCTIONS = 40, 15_000
_MAIN = """package main

import (
	"embed"
	"fmt"
	"net/http"
	"os"

{imports}
)

//go:embed pages
var pages embed.FS

func main() {{
	fmt.Fprintln(os.Stderr, {tables})
	http.Handle("/", http.FileServer(http.FS(pages)))
	fmt.Println(http.ListenAndServe(":8080", nil))
}}
"""
_PACKAGE = """package {name}

// Table is where the addresses of this package's functions are.
func Table() uintptr
"""


def _assembly(package: str) -> str:
    functions = (
        f"TEXT ·handler{package}Number{n}(SB),4,$0-0\n\tMOVQ ${n}, AX\n\tXORQ AX, BX\n\tRET\n"
        for n in range(_FUNCTIONS)
    )
    entries = (f"DATA ·entries+{8 * n}(SB)/8, $·handler{package}Number{n}(SB)\n" for n in range(_FUNCTIONS))
    return (
        f"{''.join(functions)}{''.join(entries)}GLOBL ·entries(SB), 16, ${8 * _FUNCTIONS}\n"
        "TEXT ·Table(SB),4,$0-8\n\tMOVQ $·entries(SB), AX\n\tMOVQ AX, ret+0(FP)\n\tRET\n"
    )


def _write(folder: Path, pages: Path) -> None:
    names = [f"part{number}" for number in range(_PACKAGES)]
    (folder / "go.mod").write_text("module example.org/large\n\ngo 1.21\n")
    imports = "\n".join(f'\t"example.org/large/{name}"' for name in names)
    tables = ", ".join(f"{name}.Table()" for name in names)
    (folder / "main.go").write_text(_MAIN.format(imports=imports, tables=tables))
    for name in names:
        (folder / name).mkdir()
        (folder / name / "part.go").write_text(_PACKAGE.format(name=name))
        (folder / name / "part_amd64.s").write_text(_assembly(name))
    (folder / "pages").mkdir()
    for number in range(_SIZE // pages.stat().st_size):
        # Each another file: the compiler keeps equal ones once.
        (folder / "pages" / f"page{number}").write_bytes(pages.read_bytes() + bytes([number]))


def large_program() -> Path | None:
    """The built program, some minutes the first time; None where there is no Go."""
    target, pages, go = BUILT_PEERS / "large", go_program(RCLONE), find_peer("go")
    if target.exists() or go is None or pages is None:
        return target if target.exists() else None
    folder = BUILD / "bench" / "large"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        _write(folder, pages)
        sys.stderr.write("building a program of 700 MB, once …\n")
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOARCH": "amd64"}
        subprocess.run(["nice", go, "build", "-o", target, "."], cwd=folder, env=environment, check=True)
    finally:
        shutil.rmtree(folder)
    return target
