"""What was found out, in words: evidence, and the files that a program needs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import EvidenceKind
from whit.packer.executable.linkage import LIBRARIES
from whit.packer.needs.model import Verdict
from whit.packer.showing.present import collapsed, printable

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Evidence
    from whit.packer.resolution.model import Resolution
    from whit.packer.showing.present import FileLine


def needed_file_lines(resolution: Resolution) -> tuple[FileLine, ...]:
    """What stands beside a program that isn't packed yet, but for libraries; reasons are needs' names."""
    wanted = {need.name for need in resolution.needs if need.verdict is not Verdict.NOT}
    return collapsed(
        [
            (file.path, file.size, file.need if file.need in wanted else "every image has it", file.content is None)
            for file in resolution.files
            if file.need != LIBRARIES
        ]
    )


def fact(evidence: Evidence) -> str:
    """One piece of evidence in a few words."""
    detail = printable(evidence.detail)
    if evidence.kind is EvidenceKind.STRING:
        return f'"{detail}"'
    if evidence.kind is EvidenceKind.INSTRUCTION:
        return detail + (f" at {evidence.offset:#x}" if evidence.offset is not None else "")
    return detail if evidence.kind in {EvidenceKind.FUNCTION, EvidenceKind.SYMBOL} else f"{evidence.kind} {detail}"
