"""What build files are called."""

from __future__ import annotations

from pathlib import Path

WHIT_YAML = ("whit.yaml", "whit.yml")
DOCKERFILE = "Dockerfile"


def whit_yaml_in(folder: Path) -> Path | None:
    """The folder's whit.yaml, if there is one."""
    return next((folder / name for name in WHIT_YAML if (folder / name).is_file()), None)


def is_whit_yaml(context: str, file: str | None) -> bool:
    """Whether a build is by a whit.yaml: by the file's name, or because the folder has one, or no Dockerfile either."""
    if file is not None:
        return file.endswith((".yaml", ".yml"))
    folder = Path(context)
    return whit_yaml_in(folder) is not None or (folder.is_dir() and not (folder / DOCKERFILE).exists())
