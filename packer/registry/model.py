"""Registries' words: where one is reached, what it says when it refuses. Pure."""

from __future__ import annotations

from whit.packer.image.oci import DOCKER_INDEX, DOCKER_MANIFEST, INDEX, MANIFEST
from whit.packer.image.reference import DEFAULT_DOMAIN
from whit.packer.support.errors import ExitCode, InvalidFileError, WhitError
from whit.packer.support.jsondoc import parse_object
from whit.packer.support.light import StrEnum, dataclass

HUB = "registry-1.docker.io"
"""Where docker.io's images are; the name itself leads to its web pages."""

HUB_KEY = "https://index.docker.io/v1/"
"""Under which docker keeps what it knows of Hub's users."""

ACCEPTED = f"{MANIFEST}, {INDEX}, {DOCKER_MANIFEST}, {DOCKER_INDEX}"
MAX_ERROR = 64 << 10
"""Bytes of an error's document that are read."""
_MOST_SAID = 300


class Code(StrEnum):
    """Codes of errors (distribution-spec 1.1, "Error Codes") that something is made of."""

    UNAUTHORIZED = "UNAUTHORIZED"
    DENIED = "DENIED"
    UNSUPPORTED = "UNSUPPORTED"
    DIGEST_INVALID = "DIGEST_INVALID"
    UPLOAD_UNKNOWN = "BLOB_UPLOAD_UNKNOWN"
    UPLOAD_INVALID = "BLOB_UPLOAD_INVALID"


class RegistryError(WhitError):
    """A registry refuses something, answers with something else, or can't be reached.

    ``status`` is HTTP's, 0 where there was no answer; ``code`` the registry's word for it.
    """

    def __init__(self, message: str, *, hint: str | None = None, status: int = 0, code: str = "") -> None:
        super().__init__(message, hint=hint, exit_code=ExitCode.FAILURE)
        self.status = status
        self.code = code


class BrokenError(RegistryError):
    """A connection broke or gave no answer in time: it may be well a moment later."""


class SlowError(BrokenError):
    """So little comes in a minute that another connection can only be better."""


class UnencryptedError(RegistryError):
    """Something that was asked by HTTPS doesn't speak it."""


class AbsentError(RegistryError):
    """What was asked for isn't there."""


class DeniedError(RegistryError):
    """It is for others, or nobody has logged in."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a registry is reached: ``domain`` is its host and port as references have it, ``url`` has no slash at its end.

    ``verify`` is whether its certificate must be good; ``is_mirror``: of ``domain``'s images, not its owner.
    """

    domain: str
    url: str
    verify: bool = True
    is_mirror: bool = False

    @property
    def authority(self) -> str:
        """Host and port, as in references."""
        return self.url.partition("://")[2].partition("/")[0]


def api_host(domain: str) -> str:
    """Host and port to talk to for a reference's domain."""
    return HUB if domain == DEFAULT_DOMAIN else domain


def is_local(authority: str) -> bool:
    """Whether host[:port] is this machine's loopback, to which docker too speaks plain HTTP."""
    host = host_of(authority)
    if host == "localhost" or host.endswith(".localhost"):
        return True
    import ipaddress  # noqa: PLC0415 - names are more frequent

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(authority: str) -> str:
    """The host of ``host[:port]``, ``[::1]:5000`` too."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0]


def reach(address: str) -> int:
    """How near an address is: 0 in the internet, 1 in a private network, 2 on this machine, 3 link-local or no address.

    A redirect may lead to what is as far as the registry or farther, never nearer: a registry in the internet mustn't
    have whit ask this machine's own services, or its cloud's metadata (169.254.169.254).
    """
    import ipaddress  # noqa: PLC0415 - asked for where a redirect leads elsewhere

    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return 3
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if parsed.is_link_local or parsed.is_multicast:
        return 3
    if parsed.is_loopback or parsed.is_unspecified:
        return 2
    return 0 if parsed.is_global else 1


def said(data: bytes) -> tuple[str, str]:
    """(code, message) of an error's document (distribution-spec 1.1, "Error Codes"); two empty texts for any other."""
    try:
        doc = parse_object(data, "error", MAX_ERROR)
        errors = doc.docs("errors")
        if errors:
            return errors[0].free_text("code")[:80], errors[0].free_text("message")[:_MOST_SAID]
        # token servers (RFC 6749, 5.2), and Hub
        return doc.free_text("error")[:80], (
            doc.free_text("error_description") or doc.free_text("details") or doc.free_text("message")
        )[:_MOST_SAID]
    except InvalidFileError:
        return "", ""
