"""Trying a name and a secret at a registry, before they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.registry.client import OK
from whit.packer.registry.credentials import credential_for
from whit.packer.registry.dockerconfig import Credential
from whit.packer.registry.model import DeniedError
from whit.packer.registry.registries import Registries
from whit.packer.support.errors import WhitError

if TYPE_CHECKING:
    from whit.packer.registry.settings import Settings

PING = "/v2/"


def try_login(settings: Settings, domain: str, user: str, secret: str) -> Credential:
    """What to keep: name and password, or the refresh token that the registry gives for them.

    Raises :class:`DeniedError` where it doesn't take them.
    """
    given = Credential(user, secret)
    registry = Registries(settings, given).registry(domain)
    try:
        registry.call("GET", PING, frozenset(), {OK}).close()
    except DeniedError as error:
        raise DeniedError(
            f"{domain} doesn't take that name and password", hint="check both", status=error.status
        ) from None
    refresh = registry.authority.refresh_token()
    return Credential(user, identity=refresh) if refresh else given


def known_user(domain: str) -> str:
    """The name that was last used at a registry."""
    try:
        found = credential_for(domain)
    except WhitError:
        return ""
    return found.user if found else ""
