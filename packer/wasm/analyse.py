"""A WebAssembly file's bytes → Analysis. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from whit.packer.elf import cargo
from whit.packer.elf.gobuildinfo import parse_modules
from whit.packer.executable.analysis import (
    Analysis,
    BuildInfo,
    Evidence,
    EvidenceKind,
    Format,
    Language,
    Linkage,
    Wanted,
    WasmInfo,
)
from whit.packer.image.platform import Platform
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.search import find_first, merge
from whit.packer.wasm.component import read_component
from whit.packer.wasm.host import asked_of_host, foreign, world
from whit.packer.wasm.module import HEADER_SIZE, read_module

if TYPE_CHECKING:
    from whit.packer.support.search import Data, Span
    from whit.packer.wasm.contents import Contents

_MODULE_LAYER, _COMPONENT_LAYER = 0, 1
_MODULE_VERSION = 1

_LANGUAGES = ((r"Go", "go"), (r"Rust", "rust"), (r"Zig", "zig"), (r"C_plus_plus\w*|C\+\+\w*", "c++"), (r"C\d*", "c"))
"""Names in the producers section's ``language`` field → ours."""

_COMPILERS = {"rust": "rustc", "c": "clang", "c++": "clang"}
"""Whose version stands in the compiler's entry (``processed-by``), as the language's is a standard's or empty."""

_RUST_PATHS = (b"library/core/src/", b"library/std/src/", b"library/alloc/src/")
_GO_MODULES = re.compile(
    rb"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6"
    rb"(path\t.{0,1000000}?\n)"
    rb"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2",
    re.DOTALL,
)
"""Go's module text between its sentinels (cmd/go/internal/modload, build.go), as it lies in memory."""


def analyse_wasm(data: Data, wanted: Wanted) -> Analysis:
    """Everything that is known of the module or component ``data``; see :func:`whit.packer.executable.analyse.analyse`."""
    if len(data) < HEADER_SIZE:
        raise InvalidFileError(
            "truncated WebAssembly file: it ends within its header", hint="copy or download the file again"
        )
    version, layer = int.from_bytes(data[4:6], "little"), int.from_bytes(data[6:8], "little")
    if layer not in (_MODULE_LAYER, _COMPONENT_LAYER) or (layer == _MODULE_LAYER and version != _MODULE_VERSION):
        raise InvalidFileError(
            f"not a valid WebAssembly file: version {version}, layer {layer}",
            hint="modules have version 1 and layer 0, components layer 1: build it anew",
        )
    component = layer == _COMPONENT_LAYER
    contents = read_component(data) if component else read_module(data, HEADER_SIZE, len(data))
    spans = merge(contents.data, len(data))
    strings = find_first(data, spans, wanted.strings | set(_RUST_PATHS))
    wasi = _wasi(contents, component=component)
    return Analysis(
        format=Format.WASM_COMPONENT if component else Format.WASM_MODULE,
        platform=Platform(wasi or "wasi", "wasm"),
        size=len(data),
        linkage=Linkage.STATIC,
        language=_language(contents, strings),
        build=_build(data, contents, spans),
        stripped="name" not in contents.customs,
        strings=tuple(sorted((text, at) for text, at in strings.items() if text in wanted.strings)),
        wasm=_info(contents, component=component),
    )


def _info(contents: Contents, *, component: bool) -> WasmInfo:
    least, most = contents.memory or (None, None)
    lacking = foreign(contents.imports, is_component=component)
    producers = dict.fromkeys((item.role, item.name, item.version) for item in contents.producers)
    return WasmInfo(
        wasi=_wasi(contents, component=component),
        imports=tuple(contents.imports),
        exports=tuple(contents.exports),
        memory_min_pages=least,
        memory_max_pages=most,
        host=asked_of_host(contents.imports),
        world=world(tuple(contents.exports)) if component else _start(contents),
        features=tuple(sorted(contents.features)),
        producers=tuple(producers),
        module_name=contents.name,
        modules=contents.modules,
        foreign=lacking.names if lacking else (),
        cure=lacking.cure if lacking else "",
    )


def _start(contents: Contents) -> str | None:
    """What a module is started as (WASI, legacy/application-abi.md)."""
    starts = (("_start", "command"), ("_initialize", "reactor"))
    return next((what for name, what in starts if name in contents.functions), None)


def _wasi(contents: Contents, *, component: bool) -> str | None:
    """Which WASI the file asks for, by the names of its imports and, for a component, its exports."""
    if not component:
        return "wasip1" if any(name.startswith("wasi_snapshot_preview1.") for name in contents.imports) else None
    names = [name for name in (*contents.imports, *contents.exports) if name.startswith("wasi:")]
    return "wasip2" if any("@0.2" in name for name in names) else None


def _language(contents: Contents, strings: dict[bytes, int]) -> Language:
    for producer in contents.producers:
        name = next((ours for theirs, ours in _LANGUAGES if re.fullmatch(theirs, producer.name)), None)
        if producer.role != "language" or name is None:
            continue
        tool = next((p for p in contents.producers if p.name == _COMPILERS.get(name)), None)
        told = tool or producer
        version = told.version.removeprefix("go").split(" ")[0] or None
        detail = f"producers: {' '.join(filter(None, (producer.name, told.version)))}"
        return Language(name, version, (Evidence(EvidenceKind.SECTION, detail, producer.offset),))
    if "go:buildid" in contents.customs:
        evidence = Evidence(EvidenceKind.SECTION, "go:buildid", contents.customs["go:buildid"][0])
        return Language("go", None, (evidence,))
    paths = [Evidence(EvidenceKind.STRING, path.decode(), strings[path]) for path in _RUST_PATHS if path in strings]
    return Language("rust", None, tuple(paths)) if paths else Language("unknown")


def _build(data: Data, contents: Contents, spans: tuple[Span, ...]) -> BuildInfo:
    build_id = None
    if "build_id" in contents.customs:
        start, end = contents.customs["build_id"]
        build_id = data[start + 1 : min(end, start + 65)].hex() or None
    for start, end in spans if "go:buildid" in contents.customs else ():
        if match := _GO_MODULES.search(data, start, end):
            info = parse_modules(match.group(1))
            return BuildInfo(
                info.main_path, info.module, info.module_version, info.dependencies, info.settings, build_id
            )
    crates = cargo.read_crates(data, *contents.customs[cargo.SECTION]) if cargo.SECTION in contents.customs else None
    return replace(crates or BuildInfo(), build_id=build_id)
