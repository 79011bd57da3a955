"""Image references: parsing, normal form, and the short form that people see (distribution's reference grammar). Pure.

    reference = [domain "/"] path [":" tag] ["@" digest]

``server`` is ``docker.io/library/server:latest`` in full and ``server:latest`` to people, as with docker.
"""

from __future__ import annotations

import re

from whit.packer.support.errors import UsageError
from whit.packer.support.hashing import sha256
from whit.packer.support.light import dataclass, replace

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"
MAX_NAME = 255
"""The greatest length of domain and path together."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?")
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEX_ID = re.compile(r"(?:sha256:)?([0-9a-f]{2,64})")
_OFFICIAL = "library/"
_LOCAL_DOMAIN = "localhost"


@dataclass(frozen=True, slots=True)
class Reference:
    """A name for an image, in normal form. At least one of ``tag`` and ``digest`` is set."""

    domain: str
    path: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        return self._with_suffix(f"{self.domain}/{self.path}")

    @property
    def familiar_name(self) -> str:
        """Domain and path as people see them: without what is docker's default."""
        if self.domain != DEFAULT_DOMAIN:
            return f"{self.domain}/{self.path}"
        short = self.path.removeprefix(_OFFICIAL)
        return self.path if "/" in short else short

    @property
    def familiar(self) -> str:
        """The whole reference as people see it: ``server:latest``, ``me/server:1.0``."""
        return self._with_suffix(self.familiar_name)

    def _with_suffix(self, name: str) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{name}{tag}{digest}"

    def with_tag(self, tag: str) -> Reference:
        """The same name with another tag."""
        return replace(self, tag=tag, digest=None)


def parse_reference(text: str) -> Reference:
    """A reference in normal form; without tag and digest it means ``:latest``. Raises :class:`UsageError`."""
    name, at, digest = text.partition("@")
    name, tag = _split_tag(name)
    domain, path = _split_domain(name)
    problem, hint = _problem(text, domain, path, tag, digest if at else None)
    if problem:
        raise UsageError(f"{text[:300]!r} is not an image reference: {problem}", hint=hint)
    if not tag and not at:
        tag = DEFAULT_TAG
    return Reference(domain, path, tag, digest if at else None)


def _split_tag(name: str) -> tuple[str, str | None]:
    head, colon, tail = name.rpartition(":")
    return (head, tail) if colon and "/" not in tail else (name, None)


def _split_domain(name: str) -> tuple[str, str]:
    """Docker's rule: the first part is a domain if it has a dot, a colon or a capital, or is ``localhost``."""
    first, slash, rest = name.partition("/")
    if slash and (any(mark in first for mark in ".:") or first == _LOCAL_DOMAIN or first != first.lower()):
        domain, path = first, rest
    else:
        domain, path = DEFAULT_DOMAIN, name
    if domain == "index.docker.io":
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and path and "/" not in path:
        path = _OFFICIAL + path
    return domain, path


def _problem(text: str, domain: str, path: str, tag: str | None, digest: str | None) -> tuple[str, str | None]:
    """What is wrong with a reference's parts and what to do about it; two empty answers when nothing is."""
    if not text:
        return "it is empty", "a reference looks like server:1.0 or me/server:1.0"
    if digest is not None and not _DIGEST.fullmatch(digest):
        return "its digest is not 'sha256:' and 64 hex digits", None
    if tag is not None and not _TAG.fullmatch(tag):
        return f"{tag[:80]!r} is not a tag", "a tag has up to 128 of A-Z a-z 0-9 _ . - and starts with none of . -"
    return _name_problem(text, domain, path)


def _name_problem(text: str, domain: str, path: str) -> tuple[str, str | None]:
    if not _DOMAIN.fullmatch(domain):
        return f"{domain[:80]!r} is not a host name", None
    if path != path.lower():
        lower = path.lower()
        return "a repository's name is in lower case", f"try '{text.lower()[:300]}'" if _PATH.fullmatch(lower) else None
    if not _PATH.fullmatch(path):
        hint = "names are made of a-z, 0-9 and single . _ - between them; a tag follows a colon: me/server:1.0"
        return f"{path.removeprefix(_OFFICIAL)[:80]!r} is not a repository's name", hint
    if len(domain) + 1 + len(path) > MAX_NAME:
        return f"its name is longer than {MAX_NAME} characters", None
    return "", None


def reference_from_file_name(name: str) -> Reference:
    """A valid reference made of a file's name: ``My Server.x86_64`` becomes ``my-server.x86_64:latest``."""
    joined = re.sub(r"[^a-z0-9]+", lambda run: _separator(run[0]), name.lower())
    path = joined.strip("._-")[:128].rstrip("._-") or "image"
    return Reference(DEFAULT_DOMAIN, _OFFICIAL + path, DEFAULT_TAG)


def reference_from_path(path: str) -> Reference:
    """The name of an image that nobody named: its own for every absolute path, and never one that a person gives.

    ``/srv/server`` is ``localhost/server:path-8b1f0c3d``.
    """
    path_hash = sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    named = reference_from_file_name(path.rpartition("/")[2])
    return Reference(_LOCAL_DOMAIN, named.path.removeprefix(_OFFICIAL), f"path-{path_hash}")


def _separator(run: str) -> str:
    """The valid separator nearest to a run of other characters."""
    return run if run in (".", "_", "__") else "-"


def hex_id(text: str) -> str | None:
    """The hex digits of something that may be a digest, or the beginning of one; else None."""
    match = _HEX_ID.fullmatch(text)
    return match[1] if match else None
