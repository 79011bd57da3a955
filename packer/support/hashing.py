"""SHA-256, of little without OpenSSL: loading that takes longer than all sums of an everyday command's."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash, sha256
else:
    try:
        from _sha256 import sha256
    except ImportError:
        try:
            from _sha2 import sha256
        except ImportError:
            from hashlib import sha256

__all__ = ["sha256", "sha256_of_much"]


def sha256_of_much() -> _Hash:
    """For a blob's bytes: OpenSSL uses what the processor has for it."""
    import hashlib  # noqa: PLC0415 - the very import that is to be spared

    return hashlib.sha256()
