"""``--secret``, parsed, and where in memory its file is. Pure."""

from __future__ import annotations

import re

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.engine.model import Secret
from whit.runtime.mounts import container_path

if TYPE_CHECKING:
    from collections.abc import Iterable

SECRETS_AT = "/run/secrets"
USUAL = "usual"
"""The folder that is shown at /run/secrets; others are beside it, by number."""

MOST_BYTES = 500 << 10
"""Docker's limit for one."""

_MODE = 0o400
_MOST_ID = (1 << 32) - 2
_KEYS = {
    "source": "source",
    "src": "source",
    "env": "env",
    "target": "target",
    "dst": "target",
    "uid": "uid",
    "gid": "gid",
    "mode": "mode",
}
_HINT = "source=FILE or env=NAME, target=NAME, uid=, gid=, mode=: --secret source=key.pem,target=key"


@dataclass(frozen=True, slots=True)
class AskedSecret:
    """A secret as it was asked for; without an owner it is the container's user's."""

    source: str
    is_variable: bool
    target: str
    uid: int | None = None
    gid: int | None = None
    mode: int = _MODE


def _fields(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in text.split(","):
        name, equals, value = field.partition("=")
        if not equals and "source" not in found:
            name, value = "source", name
        key = _KEYS.get(name)
        if key is None or not value or key in found:
            raise UsageError(f"--secret: '{text}': '{field}' isn't understood", hint=_HINT)
        found[key] = value
    return found


def parse_secret(text: str) -> AskedSecret:
    """``[source=]FILE`` or ``env=NAME``, and more. Raises :class:`UsageError`."""
    fields = _fields(text)
    if ("source" in fields) == ("env" in fields):
        raise UsageError(f"--secret: '{text}' has no source, or two", hint=_HINT)
    is_variable = "env" in fields
    source = fields["env"] if is_variable else fields["source"]
    target = fields.get("target", source.rpartition("/")[2])
    if not target.startswith("/"):
        if target in {"", ".", ".."} or "/" in target or "\0" in target:
            raise UsageError(f"--secret: '{text}': '{target}' is no file's name", hint=_HINT)
        target = f"{SECRETS_AT}/{target}"
    numbers = {}
    for key in ("uid", "gid"):
        value = fields.get(key)
        if value is not None and not (re.fullmatch("[0-9]{1,10}", value) and int(value) <= _MOST_ID):
            raise UsageError(f"--secret: '{text}': {key}={value} is no number of a user or group", hint=_HINT)
        numbers[key] = None if value is None else int(value)
    mode = fields.get("mode", f"{_MODE:o}")
    if not re.fullmatch("0?[0-7]{1,3}", mode):
        raise UsageError(f"--secret: '{text}': mode={mode} is no mode of a file", hint="mode=0440")
    return AskedSecret(source, is_variable, container_path(target, text), numbers["uid"], numbers["gid"], int(mode, 8))


def parse_secrets(texts: Iterable[str]) -> tuple[AskedSecret, ...]:
    """All of them. Raises :class:`UsageError`, also for two in one place."""
    found: dict[str, AskedSecret] = {}
    for secret in map(parse_secret, texts):
        if secret.target in found:
            raise UsageError(f"--secret: {secret.target} is given twice", hint="choose another target=")
        found[secret.target] = secret
    return tuple(found.values())


def owned(asked: AskedSecret, owner: tuple[int, int]) -> Secret:
    """With the container's user as its owner, unless another one was asked for."""
    uid, gid = (own if own is not None else other for own, other in zip((asked.uid, asked.gid), owner, strict=True))
    return Secret(asked.source, asked.is_variable, asked.target, uid, gid, asked.mode)


def in_usual_place(secret: Secret | AskedSecret) -> bool:
    """Whether it is directly in /run/secrets."""
    return secret.target.rpartition("/")[0] == SECRETS_AT


def file_of(secret: Secret, secrets: tuple[Secret, ...]) -> str:
    """Its file in the folder that the supervisor mounts."""
    return f"{USUAL}/{secret.target.rpartition('/')[2]}" if in_usual_place(secret) else f"{secrets.index(secret)}"
