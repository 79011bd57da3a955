"""Who the person is at a registry: the files of docker and podman, and the helpers that they name."""

from __future__ import annotations

import os
import re
from pathlib import Path

from whit.packer.registry.dockerconfig import (
    ConfigFile,
    Credential,
    config_key,
    find_entry,
    helper_request,
    parse_config_file,
    parse_helper_answer,
    with_entry,
)
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, StoreError, WhitError

HELPER_SECONDS = 60
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_UNKNOWN = b"credentials not found"
"""How a helper says that it knows nobody (docker-credential-helpers)."""


def docker_config_path() -> Path:
    """Docker's file: $DOCKER_CONFIG/config.json, else ~/.docker/config.json."""
    folder = os.environ.get("DOCKER_CONFIG")
    return (Path(folder) if folder else _home() / ".docker") / "config.json"


def _home() -> Path:
    return Path(os.environ.get("HOME") or "/")


def _podman_paths() -> tuple[Path, ...]:
    """Podman's files (containers-auth.json(5)): only that of $REGISTRY_AUTH_FILE where it is set."""
    chosen = os.environ.get("REGISTRY_AUTH_FILE")
    if chosen:
        return (Path(chosen),)
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/containers/{os.geteuid()}"
    config = os.environ.get("XDG_CONFIG_HOME")
    return (
        Path(runtime, "containers", "auth.json") if os.environ.get("XDG_RUNTIME_DIR") else Path(runtime, "auth.json"),
        (Path(config) if config else _home() / ".config") / "containers" / "auth.json",
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise WhitError(
            f"{path}: {error.strerror}", hint="it says who you are at registries; set DOCKER_CONFIG to another folder"
        ) from None


def _config(path: Path) -> ConfigFile:
    try:
        return parse_config_file(_read(path), str(path))
    except InvalidFileError as error:
        raise InvalidFileError(error.message, hint="mend it, or move it away and log in again: whit login") from None


def credential_for(domain: str, path: str = "") -> Credential | None:
    """The person's name and secret at a registry, for a repository's ``path`` where files tell them apart.

    $REGISTRY_AUTH_FILE alone where it is set; else docker's file, then podman's. Raises :class:`InvalidFileError` and
    what helpers say.
    """
    chosen = os.environ.get("REGISTRY_AUTH_FILE")
    files = _podman_paths() if chosen else (docker_config_path(), *_podman_paths())
    for file in files:
        config = _config(file)
        key = config_key(domain)
        helper = config.helper_for(key) or config.helper_for(domain)
        found = _ask(helper, key) if helper else None
        found = found or find_entry(config, domain, path)
        if found and found != Credential():
            return found
    return None


def remember(domain: str, credential: Credential) -> str:
    """Keep who the person is, in docker's file or by its helper. Returns where: the helper's name, or empty."""
    path, key = _own_file(), config_key(domain)
    helper = _config(path).helper_for(key)
    if helper:
        _call(helper, "store", helper_request(key, credential))
    _edit(path, key, Credential() if helper else credential)
    return helper


def forget(domain: str) -> bool:
    """Forget who the person is at a registry. Returns whether anything was known."""
    path, key = _own_file(), config_key(domain)
    config = _config(path)
    helper = config.helper_for(key)
    known = find_entry(config, domain) is not None
    if helper:
        known = known or _ask(helper, key) is not None
        _call(helper, "erase", key.encode())
    if known:
        _edit(path, key, None)
    return known


def _own_file() -> Path:
    chosen = os.environ.get("REGISTRY_AUTH_FILE")
    return Path(chosen) if chosen else docker_config_path()


def _edit(path: Path, key: str, credential: Credential | None) -> None:
    with durable.output_errors(path):
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with durable.locked(path.with_name(f".{path.name}.lock"), exclusive=True):
            durable.write_whole(path, with_entry(_read(path), str(path), key, credential))


def _call(helper: str, verb: str, given: bytes) -> bytes:
    """Run a helper (docker-credential-helpers' protocol). Raises :class:`WhitError` with what it says."""
    import shutil  # noqa: PLC0415 - only where a helper is named
    import subprocess  # noqa: PLC0415

    name = f"docker-credential-{helper}"
    program = shutil.which(name) if _HELPER.fullmatch(helper) else None
    if program is None:
        raise WhitError(
            f"the credential helper {name[:80]!r} isn't there",
            hint=f"install it, or take it out of {_own_file()} (credsStore, credHelpers)",
        )
    try:
        done = subprocess.run([program, verb], input=given, capture_output=True, timeout=HELPER_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WhitError(f"the credential helper {name} failed: {error}") from None
    if done.returncode:
        words = (done.stdout.strip() or done.stderr.strip()).decode("utf-8", "replace")
        raise StoreError(f"the credential helper {name} says: {words[:300] or f'exit code {done.returncode}'}")
    return done.stdout


def _ask(helper: str, key: str) -> Credential | None:
    try:
        answer = _call(helper, "get", key.encode())
    except StoreError as error:
        if _UNKNOWN.decode() in error.message:
            return None
        raise
    return parse_helper_answer(answer, f"docker-credential-{helper}")
