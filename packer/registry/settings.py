"""Where registries are and how they are trusted: registries.conf, docker's daemon.json, and the folders certs.d.

Plain HTTP, or a certificate that nobody vouches for, only where a file says ``insecure``, a person asks, or on loopback.
"""

from __future__ import annotations

import os
from pathlib import Path

from whit.packer.registry.model import Endpoint, RegistryError, api_host, is_local
from whit.packer.registry.registriesconf import RegistriesConf, Rule, parse_daemon_json, parse_registries_conf
from whit.packer.support.errors import InvalidFileError, WhitError
from whit.packer.support.jsondoc import parse_object
from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    import ssl

MAX_FILE = 1 << 20
_SYSTEM = Path("/etc/containers")
_DOCKER = Path("/etc/docker")


def _user_folder() -> Path:
    config = os.environ.get("XDG_CONFIG_HOME")
    return (Path(config) if config else Path(os.environ.get("HOME") or "/") / ".config") / "containers"


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE)
    except OSError:
        return None


def read_conf() -> RegistriesConf:
    """What the machine's files say: containers' registries.conf (the user's in the system's place), docker's daemon.json.

    Raises :class:`InvalidFileError`.
    """
    rules: list[Rule] = []
    chosen = os.environ.get("CONTAINERS_REGISTRIES_CONF")
    files = [Path(chosen)] if chosen else [_user_folder() / "registries.conf", _SYSTEM / "registries.conf"]
    found = next(((path, data) for path in files if (data := _read(path)) is not None), None)
    # Debian's has nothing but comments.
    if found and any(line.strip() and not line.lstrip().startswith(b"#") for line in found[1].splitlines()):
        import tomllib  # noqa: PLC0415 - only where there is such a file

        path, data = found
        try:
            rules += parse_registries_conf(tomllib.loads(data.decode()), str(path))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidFileError(f"{path} is not valid TOML: {error}", hint="mend it, or move it away") from None
    data = _read(_DOCKER / "daemon.json")
    if data:
        rules += parse_daemon_json(parse_object(data, str(_DOCKER / "daemon.json"), MAX_FILE))
    return RegistriesConf(tuple(rules))


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach registries. ``insecure``: a person said that plain HTTP and unknown certificates are good enough."""

    conf: RegistriesConf
    insecure: bool = False

    @classmethod
    def read(cls, *, insecure: bool = False) -> Settings:
        """The machine's and the user's."""
        return cls(read_conf(), insecure)

    def places(self, domain: str, path: str) -> tuple[tuple[Endpoint, str], ...]:
        """Where a repository may be read, mirrors first, each with its name there. Raises :class:`RegistryError`.

        The last is the registry itself, the only one that is written to.
        """
        rule = self.conf.rule_for(domain, path)
        if rule and rule.blocked:
            raise RegistryError(f"{domain}/{path} is blocked by {rule.where}", hint=f"see 'blocked' in {rule.where}")
        mirrors = [self._place(mirror, path, rule, is_mirror=True) for mirror in (rule.mirrors if rule else ())]
        named = rule is not None and not rule.location.startswith("*.")
        location = (rule.location if rule and named else domain, bool(rule and rule.insecure))
        return (*mirrors, self._place(location, path, rule, is_mirror=False))

    def _place(self, place: tuple[str, bool], path: str, rule: Rule | None, *, is_mirror: bool) -> tuple[Endpoint, str]:
        """An endpoint, and the repository's name there: what the rule's prefix stands for is replaced by ``location``."""
        location, insecure = place
        host, _, prefix = location.partition("/")
        rest = path
        if rule and "/" in rule.prefix:
            rest = path.removeprefix(rule.prefix.partition("/")[2]).lstrip("/")
        authority = api_host(host)
        verify = not (insecure or self.insecure)
        # By the host that is asked, not by the name that a file has put it in the place of: secrets are that host's.
        endpoint = Endpoint(host, f"https://{authority}", verify, is_mirror)
        return endpoint, "/".join(filter(None, (prefix, rest)))

    def may_be_plain(self, endpoint: Endpoint) -> bool:
        """Whether plain HTTP will do."""
        return not endpoint.verify or is_local(endpoint.authority)


def tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    """How an endpoint's certificate is looked at: the system's authorities, and those of its folders in certs.d."""
    import ssl  # noqa: PLC0415 - slow to import, and only needed where something is encrypted

    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if not paths.cafile and not (paths.capath and any(Path(paths.capath).iterdir())):
        import certifi  # noqa: PLC0415 - only where the machine has no authorities of its own

        context.load_verify_locations(certifi.where())
    for folder in certificate_folders(endpoint.authority):
        _load_folder(context, folder)
    if not endpoint.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def certificate_folders(authority: str) -> tuple[Path, ...]:
    """Where a registry's certificates may be (containers-certs.d(5)): the user's, the system's, docker's."""
    places = (_user_folder() / "certs.d", _SYSTEM / "certs.d", _DOCKER / "certs.d")
    return tuple(folder for place in places if (folder := place / authority).is_dir())


def _load_folder(context: ssl.SSLContext, folder: Path) -> None:
    """``*.crt`` are authorities, ``NAME.cert`` with ``NAME.key`` shows who we are."""
    try:
        for authority in sorted(folder.glob("*.crt")):
            context.load_verify_locations(authority)
        for certificate in sorted(folder.glob("*.cert")):
            key = certificate.with_suffix(".key")
            if not key.exists():
                raise WhitError(f"{certificate} is of no use without its key", hint=f"put that in {key}")
            context.load_cert_chain(certificate, key)
    except OSError as error:
        raise WhitError(
            f"{folder}: {error.strerror or error}",
            hint="*.crt are authorities; NAME.cert and NAME.key are a client's certificate and key, in PEM",
        ) from None
