"""What docker compose makes of files, and what whit makes of them, side by side."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from tests.compose.corpus import BESIDE, ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.compose.corpus import Case


def written(case: Case, folder: Path) -> None:
    """Put a case's files into an empty folder."""
    for name, text in {**BESIDE, **case.files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def asked(program: list[str], case: Case, folder: Path) -> dict[str, Any] | str:
    """The configuration, or the error's text."""
    named = [word for name in case.named for word in ("-f", name)]
    options, services = (case.options, ()) if "SERVICE" not in case.options else ((), case.options[1:])
    command = [*program, *named, *options, "config", "--format", "json", *services]
    environment = {**ENVIRONMENT, "PWD": str(folder), **case.environment}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        return done.stderr.strip() or f"status {done.returncode}"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def alike(found: dict[str, Any]) -> dict[str, Any]:
    """Without what differs on purpose: docs/compose.md says why."""
    made: dict[str, Any] = {key: value for key, value in found.items() if key != "models"}
    for section in ("services", "jobs", "networks", "volumes", "secrets", "configs"):
        for entry in made.get(section, {}).values():
            _without_extensions(entry)
            _small_letters(entry.get("blkio_config", {}))
            for watch in (entry.get("develop") or {}).get("watch", []):
                if watch.get("exec") == {"command": None}:
                    del watch["exec"]
    return made


def _small_letters(blkio: dict[str, Any]) -> None:
    """In JSON docker compose writes the keys of a device's rate with a great letter, and reads them with a small one."""
    for devices in blkio.values():
        for item in devices if isinstance(devices, list) else []:
            for name in ("Path", "Rate", "Weight"):
                if name in item:
                    item[name.lower()] = item.pop(name)


def _without_extensions(value: object) -> None:
    if isinstance(value, dict):
        for key in [key for key in value if key.startswith("x-") or (key == "Extensions" and value[key] is None)]:
            del value[key]
        for item in value.values():
            _without_extensions(item)
    elif isinstance(value, list):
        for item in value:
            _without_extensions(item)
