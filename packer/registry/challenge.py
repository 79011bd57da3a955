"""What a registry wants to see of a caller: WWW-Authenticate (RFC 9110, 11.6.1), and the scopes of bearer tokens. Pure."""

from __future__ import annotations

import re

from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_HEADER = 16 << 10
"""Characters of one header that are read; a challenge has some hundred."""

_MOST = 32
"""Challenges that are looked at; a registry has one or two."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a grammar's
_PART = re.compile(rf'\s*(?:,\s*)?({_TOKEN})(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]*)|(?=\s|,|$))')
_TOKEN68 = re.compile(r"\s+[A-Za-z0-9._~+/-]+=*\s*(?=,|$)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate: ``scheme`` and the parameters' names in lower case."""

    scheme: str
    parameters: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """One parameter; empty where there is none."""
        return dict(self.parameters).get(name, "")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token is good for (distribution, "Token Scope Documentation"): ``repository:me/server:pull,push``."""

    kind: str
    name: str
    actions: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{','.join(self.actions)}"


CATALOG = Scope("registry", "catalog", ("*",))
"""What listing all repositories takes."""


def pulling(repository: str) -> Scope:
    """Reading a repository."""
    return Scope("repository", repository, ("pull",))


def pushing(repository: str) -> Scope:
    """Reading a repository and writing to it."""
    return Scope("repository", repository, ("pull", "push"))


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges of all WWW-Authenticate headers, in their order, not more than :data:`_MOST`; what is none is passed over."""
    found: list[Challenge] = []
    for header in headers:
        parameters: dict[str, str] = {}
        scheme = ""
        text, at = header[:MAX_HEADER], 0
        while len(found) < _MOST and (match := _PART.match(text, at)):
            at = match.end()
            name, value = match[1].lower(), match[2]
            if value is not None:
                parameters.setdefault(name, _unquoted(value))
                continue
            if scheme:
                found.append(Challenge(scheme, tuple(parameters.items())))
            scheme, parameters = name, {}
            opaque = _TOKEN68.match(text, at)
            at = opaque.end() if opaque else at
        if scheme:
            found.append(Challenge(scheme, tuple(parameters.items())))
    return tuple(found[:_MOST])


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def scope_texts(challenge: Challenge, wanted: Iterable[Scope]) -> tuple[str, ...]:
    """What to ask a token server for: what is wanted, and what the registry names beside it."""
    asked = challenge.get("scope").split()
    ours = [str(scope) for scope in wanted]
    covered = {scope.rpartition(":")[0] for scope in ours}
    return tuple(sorted({*ours, *(scope for scope in asked if scope.rpartition(":")[0] not in covered)}))
