"""The keys that let go of a container."""

from __future__ import annotations

from whit.packer.support.errors import UsageError

USUAL = "ctrl-p,ctrl-q"


def key_bytes(text: str) -> str:
    """``ctrl-p,ctrl-q`` as the characters that a terminal sends. Raises :class:`UsageError`."""
    found = ""
    for word in filter(None, text.split(",")):
        name = word.lower().removeprefix("ctrl-")
        if len(word) == 1 and word.isascii():
            found += word
        elif word.lower().startswith("ctrl-") and len(name) == 1 and "@" <= name.upper() <= "_":
            found += chr(ord(name.upper()) & 0x1F)
        else:
            raise UsageError(f"--detach-keys: '{word}' is no key", hint="ctrl-p,ctrl-q or letters, with commas between")
    if len(found) > 16 or "\0" in found:  # noqa: PLR2004 - what the launcher takes
        raise UsageError("--detach-keys: too many keys, or one that can't be used")
    return found
