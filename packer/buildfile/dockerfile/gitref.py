"""Addresses of git repositories: ``https://host/repo.git#REF:FOLDER``, ``git@host:repo.git?branch=main``. Pure.

As BuildKit reads them (util/gitutil/git_url.go, frontend/dockerfile/dfgitutil/git_ref.go).
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.buildfile.dockerfile.text import truth
from whit.packer.support.errors import UsageError
from whit.packer.support.goquoted import quoted
from whit.packer.support.light import dataclass, replace
from whit.packer.support.urls import split_url

if TYPE_CHECKING:
    from collections.abc import Iterable

BARE = "github.com/"
"""How an address may begin that has no scheme; only as a whole context."""

_SCHEMES = ("http", "https", "ssh", "git")
_URL = re.compile(r"([a-zA-Z0-9]+)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
_SCP = re.compile(r"([a-zA-Z0-9-_.]+@[a-zA-Z0-9-.]+):([^?#]+)(?:\?([^#]*))?(?:#(.*))?", re.ASCII | re.DOTALL)
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HEX = re.compile(r"[0-9a-fA-F]+")
_FLAGS = ("keep-git-dir", "submodules", "fetch-by-commit")


@dataclass(frozen=True, slots=True)
class GitRef:
    """``ref`` is a branch, a tag or a commit, empty for the repository's own branch; ``checksum`` a commit's beginning.

    ``keeps_git_dir`` is None where nothing is said of it. ``fetches_commit``: the checksum is fetched, and ``ref`` not asked for.
    """

    remote: str
    ref: str = ""
    subdir: str = ""
    checksum: str = ""
    keeps_git_dir: bool | None = None
    takes_submodules: bool = True
    fetches_commit: bool = False

    @property
    def is_ssh(self) -> bool:
        """Whether it takes an SSH agent to get it."""
        return "://" not in self.remote or self.remote.startswith("ssh://")

    @property
    def host(self) -> str:
        """Host and port, without a user."""
        if "://" not in self.remote:
            return self.remote.partition(":")[0].rpartition("@")[2]
        return split_url(self.remote).netloc.rpartition("@")[2]

    @property
    def shown(self) -> str:
        """The repository without passwords."""
        scheme, separator, rest = self.remote.partition("://")
        if not separator or self.is_ssh:
            return self.remote
        authority, slash, path = rest.partition("/")
        return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def check_url(url: str) -> None:
    """Raises Fault for an address that can be nobody's."""
    try:
        split_url(url)
    except UsageError as error:
        raise Fault(error.message, error.hint) from None


def is_commit(text: str) -> bool:
    """Whether it is a whole commit's name, SHA-1 or SHA-256."""
    return _COMMIT.fullmatch(text) is not None


def parse_git_ref(text: str, *, bare: bool = False) -> GitRef | None:
    """The repository; None for what is none. ``bare`` takes ``github.com/…`` too. Raises Fault for a query that can't be."""
    if bare and text.startswith(BARE):
        text = f"https://{text}"
        found = _parsed_url(text, needs_suffix=False)
    else:
        found = _parsed_url(text, needs_suffix=True) or _parsed_scp(text)
    if found is None:
        return None
    remote, query, fragment = found
    if "://" in remote:
        check_url(remote)
    ref, _, subdir = fragment.partition(":")
    made = GitRef(remote, ref, posixpath.normpath(f"/{subdir}").strip("/"))
    made = _with_query(made, parse_qsl(query, keep_blank_values=True))
    if made.ref.startswith("-"):
        raise Fault(f"{quoted(made.ref)} is no git ref")
    return made


def with_flags(found: GitRef, checksum: str, keeps_git_dir: bool | None) -> GitRef:  # noqa: FBT001 - a flag's value
    """With what ADD says of it, too. Raises Fault where the address says otherwise."""
    if keeps_git_dir is not None and found.keeps_git_dir not in (None, keeps_git_dir):
        raise Fault("--keep-git-dir and the address' keep-git-dir= don't agree")
    if checksum and found.checksum and checksum != found.checksum:
        raise Fault(f"--checksum={checksum[:80]} and the address' checksum={found.checksum[:80]} don't agree")
    keeps = keeps_git_dir if found.keeps_git_dir is None else found.keeps_git_dir
    found = replace(found, checksum=found.checksum or checksum, keeps_git_dir=keeps)
    if found.checksum and not _HEX.fullmatch(found.checksum):
        raise Fault(
            f"{found.checksum[:80]} is no commit", "a git repository's checksum is its commit, or how that begins"
        )
    return found


def _parsed_url(text: str, *, needs_suffix: bool) -> tuple[str, str, str] | None:
    match = _URL.fullmatch(text)
    if match is None or match[1].lower() not in _SCHEMES:
        return None
    scheme = match[1].lower()
    if scheme in ("http", "https") and needs_suffix and not match[3].endswith(".git"):
        return None
    return f"{scheme}://{match[2]}{match[3]}", match[4] or "", unquote(match[5] or "")


def _parsed_scp(text: str) -> tuple[str, str, str] | None:
    match = _SCP.fullmatch(text)
    return (f"{match[1]}:{match[2]}", match[3] or "", match[4] or "") if match else None


def _with_query(found: GitRef, pairs: Iterable[tuple[str, str]]) -> GitRef:
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            raise Fault(f"query {quoted(name)} has multiple values")
        if not value and name not in _FLAGS:
            raise Fault(f"query {quoted(name)} has no value")
        given[name] = value
    if given.keys() >= {"tag", "branch"}:
        raise Fault("branch conflicts with tag")
    for name, value in given.items():
        found = _with_one(found, name, value)
    return found


def _with_one(found: GitRef, name: str, value: str) -> GitRef:
    if name in ("ref", "tag", "branch"):
        prefix = {"ref": "", "tag": "refs/tags/", "branch": "refs/heads/"}[name]
        ref = value if value.startswith(prefix) else prefix + value
        if found.ref not in ("", ref):
            raise Fault(f"ref conflicts: {quoted(found.ref)} vs {quoted(ref)}")
        return replace(found, ref=ref)
    if name == "subdir":
        if found.subdir not in ("", value):
            raise Fault(f"subdir conflicts: {quoted(found.subdir)} vs {quoted(value)}")
        return replace(found, subdir=posixpath.normpath(f"/{value}").strip("/"))
    if name in ("checksum", "commit"):
        return replace(found, checksum=value)
    if name == "mtime" and value in ("checkout", "commit"):
        return found  # all files get one time anyway
    return _with_flag(found, name, value)


def _with_flag(found: GitRef, name: str, value: str) -> GitRef:
    if name not in _FLAGS:
        raise Fault(f"unexpected query {quoted(name)}", "as in ?branch=main&subdir=docs")
    flag = truth(value) if value else True
    if flag is None:
        raise Fault(f"invalid {name} value: {quoted(value)}")
    if name == "keep-git-dir":
        return replace(found, keeps_git_dir=flag)
    return replace(found, takes_submodules=flag) if name == "submodules" else replace(found, fetches_commit=flag)
