"""Certificates of a small authority of our own, made by openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DAYS = "2"


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM: the authority's certificate, a server's for localhost, a client's."""

    authority: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=30)


def new_key(path: Path) -> Path:
    """A key on the curve P-256."""
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
    return path


def self_signed(folder: Path, name: str) -> tuple[Path, Path]:
    """(certificate, key) of an authority."""
    key, certificate = new_key(folder / f"{name}.key"), folder / f"{name}.crt"
    _openssl("req", "-x509", "-new", "-key", key, "-days", DAYS, "-subj", f"/CN={name}", "-out", certificate)
    return certificate, key


def make_certificates(folder: Path, *, server_days: str = DAYS) -> Certificates:
    """An authority and what it has signed; the server's certificate is good for so many days."""
    authority, authority_key = self_signed(folder, "authority")

    def signed(name: str, usage: str, days: str = DAYS) -> tuple[Path, Path]:
        key, request, certificate = new_key(folder / f"{name}.key"), folder / f"{name}.csr", folder / f"{name}.crt"
        extensions = folder / f"{name}.cnf"
        extensions.write_text(f"subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage={usage}\n")
        _openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", request)
        by = ("-CA", authority, "-CAkey", authority_key, "-CAcreateserial", "-days", days, "-extfile", extensions)
        _openssl("x509", "-req", "-in", request, *by, "-out", certificate)
        return certificate, key

    return Certificates(authority, *signed("server", "serverAuth", server_days), *signed("client", "clientAuth"))
