"""Compose files → one canonical configuration. Pure: text in, a plain mapping out; files come through a function that is handed in.

    canonical = load_project(Request(files=("/app/compose.yaml",), directory="/app", environment=dict(os.environ)), read)
    canonical.configuration["services"]["web"]["image"]
    canonical.place("services", "web", "image")         # compose.yaml:3:5

``configuration`` means exactly what ``docker compose config --format json`` prints: long forms, absolute paths, defaults set. Each value knows
its place in the files, so that whoever finds something wrong with it later can say where it stands.
"""

from whit.runtime.compose.model.canonical import Canonical, load_project
from whit.runtime.compose.model.nodes import ComposeError, Path, Place
from whit.runtime.compose.model.request import Request

__all__ = ["Canonical", "ComposeError", "Path", "Place", "Request", "load_project"]
