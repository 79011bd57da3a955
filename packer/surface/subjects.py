"""An executable as what is compared: with the files that an image of it would hold. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.image.spec import NONROOT_ID, default_path
from whit.packer.surface.model import File, Subject

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis
    from whit.packer.resolution.model import Resolution


def of_executable(
    name: str, analysis: Analysis, resolution: Resolution, calls: frozenset[str] | None = None, why: str = ""
) -> Subject:
    """An executable, as ``whit run`` packs it: at its default path, as the user that isn't root."""
    program = default_path(name)
    files = [
        File(
            *(file.path, file.mode, file.uid, file.gid),
            is_folder=file.content is None and file.target is None,
            is_link=file.target is not None,
        )
        for file in resolution.files
    ]
    files.append(File(program, 0o555, executable=True))
    return Subject(
        name=name,
        architecture=analysis.platform.architecture,
        user=f"{NONROOT_ID}:{NONROOT_ID}",
        uid=NONROOT_ID,
        gid=NONROOT_ID,
        program=program,
        files=tuple(sorted(files, key=lambda file: file.path)),
        calls=calls,
        why=why,
    )
