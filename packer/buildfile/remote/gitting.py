"""The program git, as a build runs it: nothing of the person's or the machine's settings, no hooks, no questions.

As BuildKit does it (util/gitutil/git_cli.go), and stricter: protocols are those that addresses may have, submodules' too; an
SSH host whose key is known must have that key.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.registry.settings import certificate_folders
from whit.packer.support.errors import NotFoundError, WhitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.packer.buildfile.dockerfile.gitref import GitRef

_PROXIES = tuple(
    name for word in ("http_proxy", "https_proxy", "no_proxy", "all_proxy") for name in (word, word.upper())
)
_PASSED = ("PATH", "TMPDIR", "GIT_SSL_CAPATH", *_PROXIES)
_SETTINGS = {
    "protocol.allow": "never",
    "protocol.https.allow": "always",
    "protocol.http.allow": "always",
    "protocol.ssh.allow": "always",
    "protocol.git.allow": "always",
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.askPass": "",
    "credential.helper": "",
    "init.defaultBranch": "master",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "pack.threads": "1",
    "safe.directory": "*",
}
_UMASK = 0o022
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_LONGEST_ERROR = 600


class GitError(WhitError):
    """git says no; ``said`` is what it has written."""

    def __init__(self, message: str, said: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.said = said


@dataclass(frozen=True, slots=True)
class Git:
    """git for one repository; ``agent`` is an SSH agent's socket, ``scratch`` a folder for what git needs meanwhile."""

    ref: GitRef
    secrets: Mapping[str, bytes]
    agent: str | None
    scratch: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def run(self, *words: str | Path, cwd: Path | None = None, variables: Mapping[str, str] | None = None) -> str:
        """What git writes. Raises :class:`GitError`, :class:`NotFoundError` where there is no git."""
        program = shutil.which("git")
        if program is None:
            raise NotFoundError(
                f"git isn't there, and {self.ref.shown} takes it", hint="install git (Debian: apt-get install git)"
            )
        done = subprocess.run(
            [program, *words],
            cwd=cwd or self.scratch,
            env={**self._environment(), **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            umask=_UMASK,
            start_new_session=True,
        )
        if done.returncode:
            raise self._told(done.stderr.decode("utf-8", "replace"))
        return done.stdout.decode("utf-8", "surrogateescape")

    def _told(self, said: str) -> GitError:
        lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("hint:")]
        first = next((line for line in lines if line.startswith(("fatal:", "error:"))), "".join(lines[-1:]))
        words = first.removeprefix("fatal: ").removeprefix("error: ").replace(self.ref.remote, self.ref.shown)
        hint = None
        if "could not read Username" in words or "Authentication failed" in words:
            hint = "--secret id=GIT_AUTH_TOKEN,… gives a token for it"
        elif "Could not read from remote repository" in words:
            words = lines[0] if lines else words
            hint = "is the address right, and may the keys of --ssh read it?"
        elif "unable to find remote helper" in words or "transport" in words:
            hint = "repositories are reached by https, http, ssh and git"
        return GitError(f"{self.ref.shown}: {words[:_LONGEST_ERROR]}", said, hint)

    def _environment(self) -> dict[str, str]:
        settings = {**_SETTINGS, **self.settings, **self._trust(), **self._credentials()}
        found = {name: os.environ[name] for name in _PASSED if name in os.environ}
        found |= {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSH_COMMAND": self._ssh(),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "HOME": os.devnull,
            "LC_ALL": "C",
            "GIT_CONFIG_COUNT": str(len(settings)),
        }
        for number, (name, value) in enumerate(settings.items()):
            found[f"GIT_CONFIG_KEY_{number}"] = name
            found[f"GIT_CONFIG_VALUE_{number}"] = value
        return found | ({"SSH_AUTH_SOCK": self.agent} if self.agent else {})

    def _trust(self) -> dict[str, str]:
        """Authorities that the machine knows for this host, beside the system's (containers-certs.d(5))."""
        usual = os.environ.get("GIT_SSL_CAINFO") or os.environ.get("SSL_CERT_FILE")
        found = {"http.sslCAInfo": usual} if usual else {}
        if not self.ref.remote.startswith("https://"):
            return found
        own = [path for folder in certificate_folders(self.ref.host) for path in sorted(folder.glob("*.crt"))]
        if not own:
            return found
        system = Path(usual or ssl.get_default_verify_paths().cafile or _AUTHORITIES)
        bundle = self.scratch / "authorities.pem"
        bundle.write_bytes(b"\n".join(path.read_bytes() for path in (*own, system) if path.is_file()))
        return found | {f"http.https://{self.ref.host}/.sslCAInfo": str(bundle)}

    def _credentials(self) -> dict[str, str]:
        """Secrets whose names BuildKit has chosen; for this host alone, and on no command line."""
        scheme = self.ref.remote.partition("://")[0]
        if scheme not in ("http", "https"):
            return {}
        scope = f"http.{scheme}://{self.ref.host}/.extraheader"
        for name, is_token in (("GIT_AUTH_HEADER", False), ("GIT_AUTH_TOKEN", True)):
            for full in (f"{name}.{self.ref.host}", name):
                if full in self.secrets:
                    return {scope: f"Authorization: {_header(self.secrets[full], is_token=is_token)}"}
        return {}

    def _ssh(self) -> str:
        """Ssh that asks nobody anything, and takes a host that isn't known yet for what it says."""
        known = self.scratch / "known_hosts"
        if not known.exists():
            try:
                known.write_bytes((Path.home() / ".ssh" / "known_hosts").read_bytes())
            except (OSError, RuntimeError):
                known.touch()
        options = ("BatchMode=yes", "StrictHostKeyChecking=accept-new", f"UserKnownHostsFile={known}", "LogLevel=ERROR")
        return " ".join(["ssh", "-F", os.devnull, *(f"-o {option}" for option in options)])


def _header(secret: bytes, *, is_token: bool) -> str:
    import base64  # noqa: PLC0415 - where somebody has given one

    if not is_token:
        return secret.decode("latin-1").strip()
    return f"basic {base64.b64encode(b'x-access-token:' + secret.strip()).decode()}"
