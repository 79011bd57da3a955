"""``whit inspect --json``: the document, in the names that docs/inspect.md promises to programs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whit.packer.present import bytes_by_need

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.analysis import Analysis, Evidence
    from whit.packer.resolution import NeededFile, Resolution

SCHEMA = "whit-inspect/1"
"""The form's name and version: members are only added within a version, never renamed, removed or changed in type."""


def document(name: str, analysis: Analysis, resolution: Resolution) -> dict[str, Any]:
    """One JSON object; docs/inspect.schema.json is its JSON Schema."""
    platform, language = analysis.platform, analysis.language
    return {
        "schema": SCHEMA,
        "name": _text(name),
        "format": analysis.format,
        "platform": {"os": platform.os, "architecture": platform.architecture, "variant": platform.variant},
        "size": analysis.size,
        "linkage": analysis.linkage,
        "language": {
            "name": language.name,
            "version": _text(language.version),
            "evidence": _evidence(language.evidence),
        },
        "libc": analysis.libc,
        "interpreter": _text(analysis.interpreter),
        "libraries": [_text(library) for library in analysis.libraries],
        "stripped": analysis.stripped,
        "build": _build(analysis),
        "wasm": _wasm(analysis),
        "needs": _needs(resolution),
        "files": [_file(file) for file in resolution.files],
        "sources": [{"need": need, "origin": origin} for need, origin in resolution.sources],
        "missing": [
            {"what": _text(lack.what), "needed_by": lack.needed_by, "cure": lack.cure} for lack in resolution.missing
        ],
        "advice": [{"about": advice.about, "text": advice.text} for advice in resolution.advice],
    }


def _text(text: str | None) -> str | None:
    """JSON holds Unicode: bytes that aren't (in a file's name, say) become escapes."""
    return None if text is None else text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _build(analysis: Analysis) -> dict[str, Any]:
    build = analysis.build
    return {
        "main_path": _text(build.main_path),
        "module": _text(build.module),
        "module_version": _text(build.module_version),
        "dependencies": [{"path": _text(path), "version": _text(version)} for path, version in build.dependencies],
        "settings": {str(_text(key)): _text(value) for key, value in build.settings},
        "build_id": _text(build.build_id),
    }


def _wasm(analysis: Analysis) -> dict[str, Any] | None:
    wasm = analysis.wasm
    if wasm is None:
        return None
    return {
        "wasi": wasm.wasi,
        "imports": [_text(name) for name in wasm.imports],
        "exports": [_text(name) for name in wasm.exports],
        "memory_min_pages": wasm.memory_min_pages,
        "memory_max_pages": wasm.memory_max_pages,
    }


def _needs(resolution: Resolution) -> list[dict[str, Any]]:
    sizes = bytes_by_need(resolution)
    return [
        {
            "need": need.name,
            "verdict": need.verdict,
            "grade": need.grade,
            "files": [file.path for file in resolution.files if file.need == need.name],
            "reason": need.reason,
            "evidence": _evidence(need.evidence),
            "bytes": sizes.get(need.name, 0),
        }
        for need in resolution.needs
    ]


def _evidence(evidence: Iterable[Evidence]) -> list[dict[str, Any]]:
    return [{"kind": fact.kind, "detail": _text(fact.detail), "offset": fact.offset} for fact in evidence]


def _file(file: NeededFile) -> dict[str, Any]:
    return {
        "path": file.path,
        "kind": "directory" if file.content is None else "file",
        "mode": f"{file.mode:04o}",
        "uid": file.uid,
        "gid": file.gid,
        "bytes": file.size,
        "need": file.need,
        "reasons": list(file.reasons),
    }
