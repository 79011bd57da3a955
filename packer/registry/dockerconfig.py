"""Docker's config.json and podman's auth.json: who somebody is at which registry. Pure.

{"auths": {"HOST": {"auth": base64("USER:PASSWORD"), "identitytoken": …, "registrytoken": …}},
"credsStore": "HELPER", "credHelpers": {"HOST": "HELPER"}}
"""

from __future__ import annotations

import base64
import binascii
import json

from whit.packer.image.reference import DEFAULT_DOMAIN
from whit.packer.registry.model import HUB, HUB_KEY
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.jsondoc import Doc, parse_object
from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FILE = 4 << 20
TOKEN_USER = "<token>"  # noqa: S105 - a name
"""The user's name under which helpers keep a refresh token in the password's place."""


@dataclass(frozen=True, slots=True)
class Credential:
    """Who somebody is: name and password, or a refresh token (``identity``), or a bearer token as it is."""

    user: str = ""
    password: str = ""
    identity: str = ""
    bearer: str = ""

    @property
    def basic(self) -> str:
        """The value of ``Authorization`` (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What such a file says; ``store`` and ``helpers`` name programs, ``docker-credential-NAME``."""

    entries: tuple[tuple[str, Credential], ...] = ()
    store: str = ""
    helpers: tuple[tuple[str, str], ...] = ()

    def helper_for(self, key: str) -> str:
        """The program that knows a registry's users; empty where the file itself does."""
        return dict(self.helpers).get(key) or self.store


def config_key(domain: str) -> str:
    """Under what docker keeps a domain's user."""
    return HUB_KEY if domain in {DEFAULT_DOMAIN, "index.docker.io", HUB} else domain


def parse_config_file(data: bytes, what: str) -> ConfigFile:
    """A file's document. Raises :class:`InvalidFileError`."""
    doc = parse_object(data or b"{}", what, MAX_FILE)
    auths, names = doc.doc_or_none("auths"), doc.keys("auths")
    found = ((name, auths.doc_or_none(name)) for name in names) if auths else ()
    entries = tuple((name, _credential(entry)) for name, entry in found if entry)
    return ConfigFile(entries, doc.text_or_none("credsStore") or "", doc.pairs("credHelpers"))


def _credential(doc: Doc) -> Credential:
    user, password = doc.free_text("username"), doc.free_text("password")
    encoded = doc.free_text("auth")
    if encoded:
        try:
            decoded = base64.b64decode(encoded, validate=True).decode().rstrip("\0")
        except (binascii.Error, UnicodeDecodeError):
            raise InvalidFileError(f"{doc.where}: 'auth' is not a name and a password in base64") from None
        user, _, password = decoded.partition(":")
    return Credential(user, password, doc.free_text("identitytoken"), doc.free_text("registrytoken"))


def find_entry(config: ConfigFile, domain: str, path: str = "") -> Credential | None:
    """A registry's entry, as docker and podman look it up; podman's files may have one for a repository's folders."""
    entries = dict(config.entries)
    parts = path.split("/") if path else []
    for count in range(len(parts), 0, -1):
        narrow = entries.get("/".join((domain, *parts[:count])))
        if narrow:
            return narrow
    for key in _spellings(domain):
        if key in entries:
            return entries[key]
    host = config_key(domain)
    return next((entry for key, entry in config.entries if _bare(key) == _bare(host)), None)


def _spellings(domain: str) -> Iterator[str]:
    yield config_key(domain)
    yield domain


def _bare(key: str) -> str:
    """Host and port alone: older files have ``https://host/v1/``."""
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]


def with_entry(data: bytes, what: str, key: str, credential: Credential | None) -> bytes:
    """The file with an entry put in, or taken out (None); all else in it stays as it is.

    An empty entry says that a helper knows the user. Raises :class:`InvalidFileError`.
    """
    parse_object(data or b"{}", what, MAX_FILE)
    document = json.loads(data or b"{}")
    auths = document.get("auths")
    auths = auths if isinstance(auths, dict) else {}
    for known in [known for known in auths if _bare(known) == _bare(key)]:
        del auths[known]
    if credential is not None:
        auths[key] = _entry(credential)
    document["auths"] = auths
    return json.dumps(document, indent="\t").encode() + b"\n"


def _entry(credential: Credential) -> dict[str, str]:
    entry = {}
    if credential.user or credential.password:
        entry["auth"] = credential.basic.removeprefix("Basic ")
    if credential.identity:
        entry["identitytoken"] = credential.identity
    return entry


def parse_helper_answer(data: bytes, what: str) -> Credential:
    """What ``docker-credential-NAME get`` prints. Raises :class:`InvalidFileError`."""
    doc = parse_object(data, what, MAX_FILE)
    user, secret = doc.free_text("Username"), doc.free_text("Secret")
    return Credential(identity=secret) if user == TOKEN_USER else Credential(user, secret)


def helper_request(key: str, credential: Credential) -> bytes:
    """What ``docker-credential-NAME store`` reads."""
    user, secret = (TOKEN_USER, credential.identity) if credential.identity else (credential.user, credential.password)
    return json.dumps({"ServerURL": key, "Username": user, "Secret": secret}).encode()
