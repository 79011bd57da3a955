"""``whit inspect --json``: the document, in the names that docs/inspect.md promises to programs. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from whit.packer.needs.observed import observe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.executable.analysis import Analysis, Evidence
    from whit.packer.resolution.model import NeededFile, Resolution

SCHEMA = "whit-inspect/1"
"""The form's name and version: members are only added within a version, never renamed, removed or changed in type."""


def document(name: str, analysis: Analysis, resolution: Resolution) -> dict[str, Any]:
    """One JSON object; docs/inspect.schema.json is its JSON Schema."""
    platform, language = analysis.platform, analysis.language
    return {
        "schema": SCHEMA,
        "name": text(name),
        "format": analysis.format,
        "platform": {"os": platform.os, "architecture": platform.architecture, "variant": platform.variant},
        "size": analysis.size,
        "linkage": analysis.linkage,
        "language": {
            "name": language.name,
            "version": text(language.version),
            "evidence": evidence(language.evidence),
        },
        "libc": analysis.libc,
        "interpreter": text(analysis.interpreter),
        "libraries": [text(library) for library in analysis.libraries],
        "stripped": analysis.stripped,
        "build": _build(analysis),
        "wasm": _wasm(analysis),
        "needs": _needs(resolution),
        "files": [_file(file) for file in resolution.files],
        "closure": _closure(resolution),
        "sources": [{"need": need, "origin": origin} for need, origin in resolution.sources],
        "missing": [
            {"what": text(lack.what), "needed_by": text(lack.needed_by), "cure": text(lack.cure)}
            for lack in resolution.missing
        ],
        "hardening": _hardening(analysis),
        "parts": [{"name": part.name, "bytes": part.size} for part in analysis.parts],
        "observed": _observed(analysis),
        "advice": [{"about": advice.about, "text": text(advice.text)} for advice in resolution.advice],
    }


def text(value: str | None) -> str | None:
    """JSON holds Unicode: bytes that aren't (in a file's name, say) become escapes."""
    return None if value is None else value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _build(analysis: Analysis) -> dict[str, Any]:
    build = analysis.build
    return {
        "main_path": text(build.main_path),
        "module": text(build.module),
        "module_version": text(build.module_version),
        "dependencies": [{"path": text(path), "version": text(version)} for path, version in build.dependencies],
        "settings": {str(text(key)): text(value) for key, value in build.settings},
        "build_id": text(build.build_id),
    }


def _hardening(analysis: Analysis) -> dict[str, Any] | None:
    found = analysis.hardening
    if found is None:
        return None
    return {
        "relro": found.relro,
        "nx": not found.executable_stack,
        "pie": found.pie,
        "stack_protector": found.stack_protector,
        "fortify": found.fortify,
        "runpath": [text(entry) for entry in found.runpath],
        "debug_bytes": found.debug_bytes,
    }


def _observed(analysis: Analysis) -> dict[str, Any]:
    seen = asdict(observe(analysis))
    return {name: [text(value) for value in values] for name, values in seen.items()}


def _wasm(analysis: Analysis) -> dict[str, Any] | None:
    wasm = analysis.wasm
    if wasm is None:
        return None
    return {
        "wasi": wasm.wasi,
        "imports": [text(name) for name in wasm.imports],
        "exports": [text(name) for name in wasm.exports],
        "memory_min_pages": wasm.memory_min_pages,
        "memory_max_pages": wasm.memory_max_pages,
        "host": [text(name) for name in wasm.host],
        "world": text(wasm.world),
        "features": [text(name) for name in wasm.features],
        "producers": [
            {"role": text(role), "name": text(name), "version": text(version)} for role, name, version in wasm.producers
        ],
        "module_name": text(wasm.module_name),
        "modules": wasm.modules,
        "foreign": [text(name) for name in wasm.foreign],
    }


def _closure(resolution: Resolution) -> list[dict[str, Any]]:
    sizes = {file.path: file.size for file in resolution.files}
    return [
        {
            "soname": text(library.soname),
            "path": text(library.path),
            "image_path": text(library.image_path),
            "needed_by": [text(name) for name in library.needed_by],
            "found_by": library.found_by,
            "bytes": sizes.get(library.image_path, 0),
        }
        for library in resolution.libraries
    ]


def _needs(resolution: Resolution) -> list[dict[str, Any]]:
    sizes = resolution.bytes_by_need()
    return [
        {
            "need": need.name,
            "verdict": need.verdict,
            "grade": need.grade,
            "files": [file.path for file in resolution.files if file.need == need.name],
            "reason": need.reason,
            "evidence": evidence(need.evidence),
            "bytes": sizes.get(need.name, 0),
        }
        for need in resolution.needs
    ]


def evidence(facts: Iterable[Evidence]) -> list[dict[str, Any]]:
    """Evidence as JSON has it."""
    return [{"kind": fact.kind, "detail": text(fact.detail), "offset": fact.offset} for fact in facts]


def _file(file: NeededFile) -> dict[str, Any]:
    return {
        "path": file.path,
        "kind": "file" if file.content is not None else "directory" if file.target is None else "symlink",
        "mode": f"{file.mode:04o}",
        "uid": file.uid,
        "gid": file.gid,
        "bytes": file.size,
        "need": file.need,
        "reasons": list(file.reasons),
    }
