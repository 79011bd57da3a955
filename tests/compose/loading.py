"""Load Compose files that are in memory."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from whit.runtime.compose.model import Canonical, Request, load_project

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = "/srv/app"


class Files:
    """Files in memory, by their absolute paths."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = {name if name.startswith("/") else f"{FOLDER}/{name}": text for name, text in files.items()}

    def __call__(self, path: str) -> str:
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.files[path]


def load(*files: str, beside: Mapping[str, str] | None = None, **wishes: Any) -> Canonical:
    """Files, each over the ones before, as a project in ``/srv/app``. ``beside``: further files, by name."""
    texts = {f"{number or ''}compose.yaml": textwrap.dedent(text) for number, text in enumerate(files)}
    reader = Files({**texts, **{name: textwrap.dedent(text) for name, text in (beside or {}).items()}})
    named = tuple(f"{FOLDER}/{name}" for name in texts)
    wishes = {"environment": {}, "all_resources": True, **wishes}
    return load_project(Request(named, FOLDER, **wishes), reader)


def service(*files: str, **wishes: Any) -> Any:
    """The service ``web`` of files that say what is below ``services.web``."""
    texts = [f"services:\n  web:\n    image: i\n{textwrap.indent(textwrap.dedent(text), '    ')}" for text in files]
    return load(*texts, **wishes).configuration["services"]["web"]
