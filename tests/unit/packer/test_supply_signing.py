"""Keys, payloads and envelopes: what is signed, and that nothing else is taken for it."""

from __future__ import annotations

import base64
import contextlib
import json
import sys

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.image.oci import MANIFEST, Descriptor, digest_of
from whit.packer.image.reference import parse_reference
from whit.packer.supply.keys import private_key, public_key
from whit.packer.supply.secretbox import opened
from whit.packer.supply.signing import (
    Payload,
    envelope,
    identity_of,
    opened_envelope,
    parse_payload,
    signature_of,
    signed,
)
from whit.packer.support.errors import InvalidFileError, UnsupportedError, UsageError, WhitError

# Made by 'cosign generate-key-pair' (2.6.5) for these tests; it signs nothing. Its password is "secret".
COSIGN_KEY = b"""\
-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiJ5MklhSnVvL2xmYjJob3Zxem10Z2o4ZGw0UmVJazY2
SGZrV1Ztc3J2M29zPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiI3V1RnU3lnTmRjNFNUM0I5d2N3b0xRWmxoZk8wcTVEKyJ9LCJj
aXBoZXJ0ZXh0IjoiTGYzRWNGUFA4d04zZzRDdk1USkJobSs4K08wdDFMQTRWWmZK
enp2YlBOY0h4TmZ1VDBZcm9Cb29JNjlhazJUT0xTMlRvR0xNS2VLVzZhWlVCR3No
MnRCRWxJa3pXK1ZFcC8xd3ZqbFdXbHhSb2h6VzBGRXVnaElEeG1CTGRFbDZVUjVj
TFRESjcyUU1WR3hnR003ai9OdjlkdDcydTNacjlwSThnc1NmMXNMSllCUHFkejlj
bytWUm9tb3RFT2tpRXJtL1NnK0RXQXJoRmc9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
"""
COSIGN_PUB = b"""\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2n/4yiX/rEJ0uoWts4wEHCVDNmiA
OptkvEermTsyHgbOjJ7Feh08ACNN1pCgWV9/0whNuBT7bW0YL+EYF+TKkw==
-----END PUBLIC KEY-----
"""
RFC_6979 = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
"""The private key of RFC 6979, A.2.5, and what it signs "sample" with."""
R = 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
S = 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8


def no_password() -> str:
    raise AssertionError


def pem(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, kind: form.PrivateFormat, word: bytes = b""
) -> bytes:
    locked = form.BestAvailableEncryption(word) if word else form.NoEncryption()
    return key.private_bytes(form.Encoding.PEM, kind, locked)


CURVE = ec.derive_private_key(RFC_6979, ec.SECP256R1())
EDWARDS = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.mark.parametrize("kind", [form.PrivateFormat.PKCS8, form.PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("word", [b"", b"secret"])
def test_ecdsa_is_deterministic_as_rfc_6979_has_it(kind: form.PrivateFormat, word: bytes) -> None:
    data = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" * (not word)
    key = private_key(data + pem(CURVE, kind, word), "k", word.decode if word else no_password)

    assert decode_dss_signature(key.sign(b"sample")) == (R, S)
    assert public_key(key.public_pem(), "k").verifies(key.sign(b"sample"), b"sample")


def test_ed25519_signs_the_bytes_themselves() -> None:
    key = private_key(pem(EDWARDS, form.PrivateFormat.PKCS8), "k", no_password)
    public = public_key(key.public_pem(), "k")

    assert key.sign(b"x") == EDWARDS.sign(b"x")
    assert public.verifies(key.sign(b"x"), b"x")
    assert not public.verifies(key.sign(b"x"), b"y")
    assert not public.verifies(b"", b"x")


def test_a_key_of_cosign_s_is_opened_by_its_password_alone() -> None:
    key = private_key(COSIGN_KEY, "cosign.key", lambda: "secret")

    assert key.public_pem() == COSIGN_PUB
    with pytest.raises(UsageError, match=r"cosign\.key: the password is wrong"):
        private_key(COSIGN_KEY, "cosign.key", lambda: "other")
    with pytest.raises(UsageError, match="the password is wrong"):
        private_key(pem(CURVE, form.PrivateFormat.PKCS8, b"secret"), "k", lambda: "other")


def test_what_is_no_key_or_another_kind_of_key_is_refused_in_a_line() -> None:
    rsa_key = rsa.generate_private_key(65537, 2048)
    other_curve = ec.generate_private_key(ec.SECP384R1())
    for key in (rsa_key, other_curve):
        data = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
        with pytest.raises(UnsupportedError, match="k is neither a key on P-256 nor one of Ed25519"):
            private_key(data, "k", no_password)
    for data in (
        b"",
        b"text",
        COSIGN_PUB,
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        bytes(100_000),
    ):
        with pytest.raises(InvalidFileError, match="k is no"):
            private_key(data, "k", no_password)
    with pytest.raises(InvalidFileError, match="k is a private key"):
        public_key(COSIGN_KEY, "k")
    with pytest.raises(InvalidFileError, match="k is no public key"):  # an algorithm that there isn't
        public_key(COSIGN_PUB.replace(b"ZIzj0CAQ", b"Zlzj0CAQ"), "k")
    greedy = base64.b64encode(
        json.dumps(
            {
                "kdf": {"name": "scrypt", "params": {"N": 1 << 40, "r": 8, "p": 1}, "salt": ""},
                "cipher": {"name": "nacl/secretbox", "nonce": ""},
                "ciphertext": "",
            }
        ).encode()
    ).decode()
    with pytest.raises(UnsupportedError, match="encrypted in another way"):
        private_key(f"-----BEGIN {'ENCRYPTED COSIGN'} PRIVATE KEY-----\n{greedy}\n-----END X-----\n".encode(), "k", str)


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)

    with pytest.raises(UnsupportedError, match="signatures need the Python package cryptography") as refused:
        public_key(COSIGN_PUB, "k")
    assert refused.value.hint == "pip install 'whit[sign]'"


@given(st.binary(max_size=80), st.binary(min_size=24, max_size=24))
def test_a_box_that_nobody_closed_does_not_open(box: bytes, nonce: bytes) -> None:
    assert opened(box, nonce, bytes(32)) is None


def test_the_payload_is_cosign_s_byte_for_byte() -> None:
    payload = Payload("sha256:1", "example.com/test/image")

    assert payload.to_json() == (
        b'{"critical":{"identity":{"docker-reference":"example.com/test/image"},'
        b'"image":{"docker-manifest-digest":"sha256:1"},"type":"cosign container image signature"},"optional":null}'
    )
    assert parse_payload(payload.to_json()) == payload
    more = Payload("sha256:1", "x", (("a", "1"), ("b", "2")))
    assert parse_payload(more.to_json()) == more
    assert identity_of(parse_reference("app:1")) == "index.docker.io/library/app"
    assert identity_of(parse_reference("r.example:5000/a/b:1")) == "r.example:5000/a/b"


def test_a_signature_is_a_layer_that_says_it_in_an_annotation() -> None:
    subject = Descriptor(MANIFEST, f"sha256:{1:064x}", 5)
    key = private_key(pem(CURVE, form.PrivateFormat.PKCS8), "k", no_password)

    manifest, blobs = signed(subject, Payload(subject.digest, "x"), key)

    (layer,) = manifest.layers
    assert manifest.subject == subject
    assert all(digest_of(data) == digest for digest, data in blobs.items())
    assert public_key(key.public_pem(), "k").verifies(signature_of(layer) or b"", blobs[layer.digest])
    assert signature_of(Descriptor("x/y", subject.digest, 1)) is None


def test_an_envelope_opens_for_its_key_and_no_other_and_not_when_changed() -> None:
    key = private_key(pem(CURVE, form.PrivateFormat.PKCS8), "k", no_password)
    other = private_key(pem(EDWARDS, form.PrivateFormat.PKCS8), "k", no_password)
    data = envelope(b'{"a":1}', key)
    changed = json.loads(data) | {"payload": base64.b64encode(b'{"a":2}').decode()}

    assert opened_envelope(data, public_key(key.public_pem(), "k")) == b'{"a":1}'
    assert opened_envelope(data, public_key(other.public_pem(), "k")) is None
    assert opened_envelope(json.dumps(changed).encode(), public_key(key.public_pem(), "k")) is None


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: json.dumps({"critical": text}).encode()))
def test_any_bytes_are_a_payload_or_refused(data: bytes) -> None:
    with contextlib.suppress(WhitError):
        parse_payload(data)
    with contextlib.suppress(WhitError):
        opened_envelope(data, public_key(COSIGN_PUB, "k"))
