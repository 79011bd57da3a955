"""registries.conf (containers-registries.conf(5), version 2) and docker's daemon.json, as far as they are about registries. Pure."""

from __future__ import annotations

from whit.packer.image.reference import DEFAULT_DOMAIN
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.packer.support.jsondoc import Doc

_HUB_PREFIX = f"{DEFAULT_DOMAIN}"


@dataclass(frozen=True, slots=True)
class Rule:
    """Where the images whose names begin with ``prefix`` are; mirrors are (location, insecure)."""

    prefix: str
    location: str
    insecure: bool = False
    blocked: bool = False
    mirrors: tuple[tuple[str, bool], ...] = ()
    where: str = ""


@dataclass(frozen=True, slots=True)
class RegistriesConf:
    """All rules; the longest prefix counts, and of equals the first."""

    rules: tuple[Rule, ...] = ()

    def rule_for(self, domain: str, path: str) -> Rule | None:
        """The rule of a repository; what other files say of the same prefix is joined to it."""
        fitting = [rule for rule in self.rules if _fits(rule.prefix, domain, path)]
        if not fitting:
            return None
        best = max(fitting, key=lambda rule: len(rule.prefix))
        same = [rule for rule in fitting if rule.prefix == best.prefix]
        return Rule(
            best.prefix,
            next((rule.location for rule in same if rule.location != rule.prefix), best.location),
            any(rule.insecure for rule in same),
            any(rule.blocked for rule in same),
            tuple(dict.fromkeys(mirror for rule in same for mirror in rule.mirrors)),
            same[0].where,
        )


def _fits(prefix: str, domain: str, path: str) -> bool:
    name = f"{domain}/{path}" if path else domain
    if prefix.startswith("*."):
        host = prefix[1:]
        return domain.partition(":")[0].endswith(host) or domain.endswith(host)
    return name == prefix or name.startswith(f"{prefix}/")


def parse_registries_conf(document: Mapping[str, object], where: str) -> list[Rule]:
    """The rules of a document of version 2. Raises :class:`InvalidFileError` for a table of another form."""
    tables = document.get("registry", [])
    if not isinstance(tables, list):
        raise InvalidFileError(f"{where}: 'registry' is of version 1, which nobody reads any more")
    rules = []
    for table in tables:
        location = _text(table, "location", where)
        prefix = _text(table, "prefix", where) or location
        if not prefix:
            raise InvalidFileError(f"{where}: a [[registry]] has neither prefix nor location")
        mirrors = table.get("mirror", [])
        if not isinstance(mirrors, list):
            raise InvalidFileError(f"{where}: 'mirror' of {prefix} isn't a list of tables")
        found = tuple((_text(mirror, "location", where), mirror.get("insecure") is True) for mirror in mirrors)
        rules.append(
            Rule(
                prefix.removesuffix("/"),
                (location or prefix).removesuffix("/"),
                table.get("insecure") is True,
                table.get("blocked") is True,
                tuple((place.removesuffix("/"), insecure) for place, insecure in found if place),
                where,
            )
        )
    return rules


def _text(table: object, key: str, where: str) -> str:
    value = table.get(key, "") if isinstance(table, dict) else None
    if not isinstance(value, str) or not value.isprintable() or not value.isascii() or " " in value or "://" in value:
        raise InvalidFileError(f"{where}: '{key}' of a registry isn't a host, or a host and a path")
    return value


def parse_daemon_json(doc: Doc) -> list[Rule]:
    """Docker's ``insecure-registries`` and, for docker.io alone, ``registry-mirrors``. Networks (CIDR) are passed over."""
    where = doc.where
    rules = [
        Rule(host, host, insecure=True, where=where) for host in doc.texts("insecure-registries") if "/" not in host
    ]
    mirrors = tuple(
        (url.partition("://")[2].removesuffix("/"), url.startswith("http://"))
        for url in doc.texts("registry-mirrors")
        if "://" in url
    )
    return [*rules, *([Rule(_HUB_PREFIX, _HUB_PREFIX, mirrors=mirrors, where=where)] if mirrors else [])]
