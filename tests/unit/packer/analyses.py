"""Analyses made by hand, for rules and stages that work from nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

from whit.packer.executable.analysis import Analysis, Format, Language, Libc, Linkage, WasmInfo
from whit.packer.image.platform import Platform
from whit.packer.image.spec import HostFile
from whit.packer.resolution.sources import Host
from whit.packer.store.filetree import MemoryTree

_PLAIN = Analysis(Format.ELF, Platform("linux", "amd64"), 1_000_000, Linkage.STATIC, Language("c"))


def go(*functions: str, **changes: Any) -> Analysis:
    """A static Go program in which these functions are linked."""
    known: dict[str, Any] = {"language": Language("go", "go1.26.0"), "functions_known": True}
    return dataclasses.replace(_PLAIN, functions=frozenset(functions), **{**known, **changes})


def native(*strings: bytes, libc: Libc | None = None, **changes: Any) -> Analysis:
    """A stripped static program in another language, with these strings at made-up offsets."""
    found = tuple((text, 0x1000 + number) for number, text in enumerate(strings))
    return dataclasses.replace(_PLAIN, strings=found, libc=libc, stripped=True, **changes)


def unstripped(*functions: str, libc: Libc = Libc.GLIBC, **changes: Any) -> Analysis:
    """A static program in C whose symbols are there, these among them."""
    return dataclasses.replace(_PLAIN, functions=frozenset(functions), functions_known=True, libc=libc, **changes)


def wasm() -> Analysis:
    """A WebAssembly module for WASI preview 1."""
    platform = Platform("wasip1", "wasm")
    return dataclasses.replace(_PLAIN, format=Format.WASM_MODULE, platform=platform, language=Language("unknown"))


def component(*imports: str) -> Analysis:
    """A command of WASI 0.2 with these imports."""
    info = WasmInfo("wasip2", imports, ("wasi:cli/run@0.2.3",), world="wasi:cli/command@0.2.3")
    return dataclasses.replace(wasm(), format=Format.WASM_COMPONENT, platform=Platform("wasip2", "wasm"), wasm=info)


PROGRAM = HostFile("/work/server", 1_000_000, (1, 2, 1_000_000, 3))

PACKAGES = {
    "/site/certifi/__init__.py": b'from .core import where\n\n__version__ = "2026.10.18"\n',
    "/site/certifi/cacert.pem": b"-----BEGIN CERTIFICATE-----\n",
    "/site/tzdata/__init__.py": b'IANA_VERSION = "2026f"\n__version__ = "2026.6"\n',
    "/site/tzdata/zoneinfo/__init__.py": b"",
    "/site/tzdata/zoneinfo/tzdata.zi": b"# version 2026f\n",
    "/site/tzdata/zoneinfo/zone.tab": b"#\n",
    "/site/tzdata/zoneinfo/Europe/__init__.py": b"",
    "/site/tzdata/zoneinfo/Europe/Berlin": b"TZif2-berlin",
    "/site/tzdata/zoneinfo/Europe/__pycache__/x": b"",
    "/site/tzdata/zoneinfo/UTC": b"TZif2",
    "/site/tzdata/zoneinfo/Etc/GMT+1": b"TZif2-",
}


def host(files: dict[str, bytes] | None = None, packages: str | None = "/site") -> Host:
    """A machine with the two Python packages and these files."""
    return Host(MemoryTree({**PACKAGES, **(files or {})}), lambda name: f"{packages}/{name}" if packages else None)
