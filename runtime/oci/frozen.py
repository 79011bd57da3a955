"""Whether ``pause`` holds a container: asked of each that a listing shows, so it is cheap to import and to ask."""

from __future__ import annotations

import os

from whit.runtime.oci.records import CGROUPS


def freezer_file(folder: str) -> tuple[str, str, str] | None:
    """(the file that freezes, frozen, thawed) of the cgroup of the container whose records are in the folder."""
    try:
        with open(f"{folder}/{CGROUPS}", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - pathlib costs more
            lines = [line.partition(":")[::2] for line in file.read().splitlines()]
    except FileNotFoundError:
        return None
    group = next((path for names, path in lines if names == "unified" or "freezer" in names.split(",")), None)
    if group is None:
        return None
    for name, cold, warm in (("freezer.state", "FROZEN", "THAWED"), ("cgroup.freeze", "1", "0")):
        if os.path.exists(f"{group}/{name}"):  # noqa: PTH110
            return f"{group}/{name}", cold, warm
    return None


def is_frozen(folder: str) -> bool:
    """Whether it is held, by the folder of its records."""
    found = freezer_file(folder)
    if found is None:
        return False
    try:
        with open(found[0], encoding="ascii") as file:  # noqa: PTH123
            return file.read().strip() != found[2]
    except OSError:
        return False
