"""What docker compose makes of files, and what whit makes of them, side by side."""

from __future__ import annotations

import difflib
import json
import subprocess
from typing import TYPE_CHECKING, Any

from tests.compose.corpus import BESIDE, ENVIRONMENT
from whit.packer.support.errors import WhitError
from whit.runtime.compose.commands.chosen import Chosen
from whit.runtime.compose.commands.config import page
from whit.runtime.compose.finding import Wishes, load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.compose.corpus import Case


_CRASHES = ("pid-2", "merge-pid-2-2", "include-pid-2", "odd-pid-10")
_FAULTS = ("merge-build-9-9", "merge-top-networks-3-3", "odd-gpus-6")
_CUT_OFF = ("cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares", "pids_limit")
_IGNORED = ("mem_limit", "memswap_limit", "shm_size")
ACCEPTED = frozenset((*_CRASHES, *_FAULTS, *(f"odd-{key}-1" for key in (*_CUT_OFF, *_IGNORED))))
"""Faults of docker compose's: it crashes on ``pid: null``, can't put a list of ``ssh`` over another, mixes up pools of addresses, takes
any key for a GPU, cuts fractions off, and takes ``mem_limit: -1.5`` for nothing at all."""


def written(case: Case, folder: Path) -> None:
    """Put a case's files into an empty folder."""
    for name, text in {**BESIDE, **case.files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def read(case: Case, folder: Path) -> dict[str, Any] | str:
    """What whit makes of a case: the configuration as it would print it, or the error's text."""
    options, services = _split(case)
    words: dict[str, tuple[str, ...]] = dict.fromkeys(("--profile", "--env-file", "-p", "--project-directory"), ())
    for name, value in zip(options[::2], options[1::2], strict=True):
        words[name] = (*words[name], value)
    chosen = Chosen(
        files=case.named,
        name=next(iter(words["-p"]), None),
        profiles=words["--profile"],
        env_files=words["--env-file"],
        directory=next(iter(words["--project-directory"]), None),
    )
    environment = {**ENVIRONMENT, **case.environment}
    try:
        canonical = load(chosen, Wishes(services=services), environment, str(folder))
    except WhitError as error:
        return error.message
    found: dict[str, Any] = json.loads(page(canonical, as_json=True, escape=True))
    return found


def _split(case: Case) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The options before ``config``, and the services behind it."""
    return ((), case.options[1:]) if case.options[:1] == ("SERVICE",) else (case.options, ())


def asked(program: Path, case: Case, folder: Path) -> dict[str, Any] | str:
    """What docker compose makes of a case: the configuration, or the error's text."""
    named = [word for name in case.named for word in ("-f", name)]
    options, services = _split(case)
    command = [str(program), *named, *options, "config", "--format", "json", *services]
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
            if isinstance(secrets := entry.get("build", {}).get("secrets"), list):
                entry["build"]["secrets"] = _once(secrets)
            if "schedule" in entry.get("triggers", {}):
                entry["triggers"]["schedule"] = _once(entry["triggers"]["schedule"])
            _small_letters(entry.get("blkio_config", {}))
            develop = entry.get("develop") or {}
            for watch in develop.get("watch", []):
                if watch.get("exec") == {"command": None}:
                    del watch["exec"]
            develop["watch"] = _once(develop.get("watch", []))
    return made


def _once(items: list[Any]) -> list[Any]:
    """Without what is there twice: docker compose keeps both of one thing that is written in two forms."""
    return [one for number, one in enumerate(items) if one not in items[:number]]


def _small_letters(blkio: dict[str, Any]) -> None:
    """In JSON docker compose writes the keys of a device's rate with a great letter, and reads them with a small one."""
    for devices in blkio.values():
        for item in devices if isinstance(devices, list) else []:
            for name in ("Path", "Rate", "Weight"):
                if name in item:
                    item[name.lower()] = item.pop(name)


def difference(case: Case, theirs: dict[str, Any] | str, ours: dict[str, Any] | str) -> str | None:
    """How they differ, for people; None if they mean the same, or both refuse, or the difference is on purpose."""
    if case.name in ACCEPTED or (isinstance(theirs, str) and isinstance(ours, str)):
        return None
    if isinstance(theirs, str) or isinstance(ours, str):
        return f"docker compose: {theirs if isinstance(theirs, str) else 'fine'}; whit: {ours if isinstance(ours, str) else 'fine'}"
    first, second = (json.dumps(alike(one), indent=1, sort_keys=True).splitlines() for one in (theirs, ours))
    return "\n".join(difflib.unified_diff(first, second, "docker compose", "whit", lineterm="")) or None


def _without_extensions(value: object) -> None:
    if isinstance(value, dict):
        for key in [key for key in value if key.startswith("x-") or (key == "Extensions" and value[key] is None)]:
            del value[key]
        for item in value.values():
            _without_extensions(item)
    elif isinstance(value, list):
        for item in value:
            _without_extensions(item)
