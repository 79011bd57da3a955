"""Keys that sign and verify: ECDSA on P-256 with SHA-256, and Ed25519, from PEM; cosign's encrypted files too.

The package ``cryptography`` (``pip install 'whit[sign]'``) is imported only here, and only where something is signed or verified.
ECDSA signatures are deterministic (RFC 6979): the same image and key give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from whit.packer.supply.secretbox import opened
from whit.packer.support.errors import InvalidFileError, UnsupportedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_KEY = 64 << 10
"""Bytes of a key's file that are read."""
_COSIGN = ("ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY")
_MAX_SCRYPT = 1 << 20, 64, 16
_MEMORY = 1 << 30


class PrivateKey(Protocol):
    """Signs."""

    def sign(self, data: bytes) -> bytes:
        """A signature over bytes."""

    def public_pem(self) -> bytes:
        """The other half."""


class PublicKey(Protocol):
    """Verifies."""

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether the signature over these bytes is this key's."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key's DER, in hex."""


@dataclass(frozen=True, slots=True)
class _Private:
    key: Any
    is_ecdsa: bool

    def sign(self, data: bytes) -> bytes:
        if not self.is_ecdsa:
            return bytes(self.key.sign(data))
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - only where something is signed
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

        return bytes(self.key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))

    def public_pem(self) -> bytes:
        from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415 - as above

        return bytes(self.key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo))


@dataclass(frozen=True, slots=True)
class _Public:
    key: Any
    is_ecdsa: bool

    def verifies(self, signature: bytes, data: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - only where something is verified
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

        try:
            if self.is_ecdsa:
                self.key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
            else:
                self.key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    @property
    def fingerprint(self) -> str:
        from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415 - as above

        der = self.key.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(der).hexdigest()


def private_key(data: bytes, where: str, password: Callable[[], str]) -> PrivateKey:
    """A key that signs, of PEM: PKCS#8, SEC 1, or cosign's own; ``password`` is asked for only where it is needed.

    Raises :class:`InvalidFileError`, :class:`UnsupportedError`, :class:`UsageError` for a wrong password.
    """
    form = _serialization()
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - only where something is signed

    label, body = _pem(data, where)
    try:
        if label in _COSIGN:
            key = form.load_der_private_key(_decrypted(body, where, password()), None)
        elif label == "ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in data:
            key = form.load_pem_private_key(data, password().encode())
        else:
            key = form.load_pem_private_key(data, None)
    except ValueError as error:
        if "password" in str(error).lower() or "decrypt" in str(error).lower():
            raise _wrong_password(where) from None
        raise InvalidFileError(f"{where} is no private key: {error}", hint=_HINT) from None
    except (TypeError, UnsupportedAlgorithm) as error:
        raise InvalidFileError(f"{where} is no private key that can be read: {error}", hint=_HINT) from None
    return _Private(key, _is_ecdsa(key.public_key(), where))


def public_key(data: bytes, where: str) -> PublicKey:
    """A key that verifies, of PEM. Raises :class:`InvalidFileError`, :class:`UnsupportedError`."""
    form = _serialization()
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - only where something is verified

    label, _ = _pem(data, where)
    if "PRIVATE" in label:
        raise InvalidFileError(f"{where} is a private key", hint="verify by the public one, which nobody has to hide")
    try:
        key = form.load_pem_public_key(data)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidFileError(f"{where} is no public key: {error}", hint=_HINT) from None
    return _Public(key, _is_ecdsa(key, where))


_HINT = "as of 'openssl ecparam -name prime256v1 -genkey -noout', or of 'cosign generate-key-pair'"


def _serialization() -> Any:  # noqa: ANN401 - a module
    try:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - see above
    except ImportError:
        raise UnsupportedError(
            "signatures need the Python package cryptography", hint="pip install 'whit[sign]'"
        ) from None
    return serialization


def _is_ecdsa(key: object, where: str) -> bool:
    """Whether a public key is one on P-256; raises where it isn't an Ed25519 key either."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519  # noqa: PLC0415 - see above

    if isinstance(key, ed25519.Ed25519PublicKey):
        return False
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return True
    raise UnsupportedError(f"{where} is neither a key on P-256 nor one of Ed25519", hint=_HINT)


def _pem(data: bytes, where: str) -> tuple[str, bytes]:
    """The label and the bytes of the first block that isn't a curve's parameters (RFC 7468)."""
    lines = data[:MAX_KEY].decode("ascii", "replace").splitlines()
    label, body = "", ""
    for line in lines:
        if line.startswith("-----BEGIN ") and line.endswith("-----"):
            label, body = line[11:-5], ""
        elif line.startswith("-----END "):
            if label != "EC PARAMETERS":
                break
        elif ":" not in line:
            body += line.strip()
    if not label or len(data) > MAX_KEY:
        raise InvalidFileError(f"{where} is no key in PEM", hint=_HINT)
    try:
        return label, base64.b64decode(body, validate=False)
    except ValueError:
        raise InvalidFileError(f"{where} is damaged: its PEM isn't base64", hint=_HINT) from None


def _decrypted(body: bytes, where: str, password: str) -> bytes:
    """PKCS#8 out of cosign's own form: scrypt, then NaCl's secretbox (go-securesystemslib, encrypted)."""
    try:
        document = json.loads(body)
        kdf, cipher = document["kdf"], document["cipher"]
        n, r, p = (int(kdf["params"][name]) for name in ("N", "r", "p"))
        salt, nonce = (base64.b64decode(text) for text in (kdf["salt"], cipher["nonce"]))
        box = base64.b64decode(document["ciphertext"])
        known = (kdf["name"], cipher["name"]) == ("scrypt", "nacl/secretbox")
    except (ValueError, LookupError, TypeError):
        raise InvalidFileError(f"{where} is damaged: it isn't cosign's form of a key", hint=_HINT) from None
    if not known or not (1 < n <= _MAX_SCRYPT[0] and 0 < r <= _MAX_SCRYPT[1] and 0 < p <= _MAX_SCRYPT[2]):
        raise UnsupportedError(f"{where} is encrypted in another way than by scrypt and secretbox")
    try:
        key = hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=32)
    except (ValueError, MemoryError):
        raise UnsupportedError(f"{where} asks for more than {_MEMORY >> 20} MiB to be decrypted") from None
    found = opened(box, nonce, key)
    if found is None:
        raise _wrong_password(where)
    return found


def _wrong_password(where: str) -> UsageError:
    return UsageError(
        f"{where}: the password is wrong", hint="COSIGN_PASSWORD holds it, or it is asked for", exit_code=1
    )
