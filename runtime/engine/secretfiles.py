"""A container's secrets: read when it is started, and handed to its supervisor, which has a place in memory for them.

They are on no disk and in no swap, and are gone with the supervisor; one that starts the container again still has them.
"""

from __future__ import annotations

import json
import os

from whit.packer.support.errors import LaunchError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.secretform import MOST_BYTES, USUAL, file_of
from whit.runtime.engine.supervision import SECRETS

if TYPE_CHECKING:
    from whit.runtime.engine.folder import Kept
    from whit.runtime.engine.model import Secret


def _content(secret: Secret) -> bytes:
    what = f"secret {secret.target}"
    if secret.is_variable:
        value = os.environb.get(os.fsencode(secret.source))
        if value is None:
            raise LaunchError(
                f"{what}: the variable {secret.source} isn't set", hint="it is read at each start: set it"
            )
        return value
    try:
        with open(secret.source, "rb") as file:  # noqa: PTH123 - a text path
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise LaunchError(f"{what}: {secret.source}: {why}", hint="it is read at each start") from None
    if len(data) > MOST_BYTES:
        raise LaunchError(f"{what}: {secret.source} has more than {MOST_BYTES} bytes", hint="show it by --volume")
    return data


def _check_owners(kept: Kept) -> None:
    """Without root the container's user is the caller, and nobody else can be given a file."""
    user = json.loads((kept.folder / "bundle" / "config.json").read_bytes())["process"]["user"]
    for secret in kept.container.secrets:
        if (secret.uid, secret.gid) != (user["uid"], user["gid"]):
            raise LaunchError(
                f"secret {secret.target}: without root it can only be the container's user's",
                hint="leave uid= and gid= out",
            )


def deliver(kept: Kept, supervisor: int) -> None:
    """Write them where the supervisor has mounted the place. Raises :class:`LaunchError`."""
    secrets = kept.container.secrets
    contents = [_content(secret) for secret in secrets]
    if kept.container.users:
        _check_owners(kept)
    place = f"/proc/{supervisor}/root{kept.folder}/{SECRETS}"
    os.mkdir(f"{place}/{USUAL}", 0o755)  # noqa: PTH102 - a text path
    os.chmod(f"{place}/{USUAL}", 0o755)  # noqa: PTH101, S103 - whoever runs in the container sees their names
    for secret, content in zip(secrets, contents, strict=True):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(f"{place}/{file_of(secret, secrets)}", flags, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(content)
            if not kept.container.users:  # else they are the image's user's, who is ourselves
                os.fchown(descriptor, secret.uid, secret.gid)
            os.fchmod(descriptor, secret.mode)
