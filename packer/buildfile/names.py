"""What build files are called, and by which of them a folder is built."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

WHIT_YAML = ("whit.yaml", "whit.yml")
DOCKERFILE = "Dockerfile"


class Kind(StrEnum):
    """What says how an image is built."""

    YAML = "whit.yaml"
    DOCKERFILE = "Dockerfile"
    SOURCE = "sources"


def whit_yaml_in(folder: Path) -> Path | None:
    """The folder's whit.yaml, if there is one."""
    return next(
        (folder / name for name in WHIT_YAML if (folder / name).exists() and not (folder / name).is_dir()), None
    )


def kind_of(context: str, file: str | None, *, wants_source: bool = False) -> Kind:
    """By the file's name, or what the folder has: a whit.yaml, else a Dockerfile, else sources."""
    if file is not None:
        return Kind.YAML if file.endswith((".yaml", ".yml")) else Kind.DOCKERFILE
    folder = Path(context)
    if wants_source or folder.is_file():
        return Kind.SOURCE
    if not folder.is_dir():
        return Kind.DOCKERFILE
    if whit_yaml_in(folder):
        return Kind.YAML
    return Kind.DOCKERFILE if (folder / DOCKERFILE).exists() else Kind.SOURCE
