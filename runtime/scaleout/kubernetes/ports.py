"""The ports that a service listens at, and Services' entries for them. Pure."""

from __future__ import annotations

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.scaleout.kubernetes.model import filled
from whit.runtime.scaleout.kubernetes.naming import is_key, label

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.runtime.compose.project import Service, Values
    from whit.runtime.scaleout.kubernetes.model import Document

_PROTOCOLS = ("tcp", "udp", "sctp")
_HIGHEST = 65535
_LONGEST = 15
"""Letters of a port's name (RFC 6335)."""


@dataclass(frozen=True, slots=True)
class Port:
    """``port`` of a Service leads to ``target`` of its pods; ``protocol`` is ``TCP``, ``UDP`` or ``SCTP``."""

    port: int
    target: int
    protocol: str
    name: str = ""
    application: str = ""
    """The protocol above it (``app_protocol``)."""


def ports_of(service: Service) -> tuple[Port, ...]:
    """All that it listens at, as far as the file says, each once, under its own number. Raises :class:`UsageError`."""
    found: dict[tuple[int, str], Port] = {}
    for values in service.values.get("ports") or ():
        target, protocol = int(values["target"]), _protocol(str(values.get("protocol") or "tcp"))
        found.setdefault((target, protocol), port_of(values, target))
    for text in service.values.get("expose") or ():
        numbers, _, said = str(text).partition("/")
        first, _, last = numbers.partition("-")
        if not (_is_port(first) and _is_port(last or first)):
            raise UsageError(f"expose: '{str(text)[:60]}' is no port", hint="8080, 8080-8090, 53/udp")
        for number in range(int(first), int(last or first) + 1):
            protocol = _protocol(said or "tcp")
            found.setdefault((number, protocol), Port(number, number, protocol))
    return tuple(found.values())


def port_of(values: Values, number: int) -> Port:
    """One of ``ports``, under a number of the Service's. Raises :class:`UsageError`."""
    application = str(values.get("app_protocol") or "")
    if application and not is_key(application):
        raise UsageError(f"ports: no app_protocol is '{application[:60]}'", hint="http, grpc, example.org/own")
    protocol = _protocol(str(values.get("protocol") or "tcp"))
    return Port(number, int(values["target"]), protocol, str(values.get("name") or ""), application)


def _protocol(text: str) -> str:
    if text.lower() not in _PROTOCOLS:
        raise UsageError(f"ports: there is no protocol {text[:60]}", hint=", ".join(_PROTOCOLS))
    return text.upper()


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text[:6]) <= _HIGHEST


def entries(ports: Iterable[Port]) -> list[Document]:
    """A Service's ``ports``. Each has a name, as Kubernetes wants it of several; one that is said twice counts once."""
    made: dict[str, Document] = {}
    for one in ports:
        usual = f"{one.protocol.lower()}-{one.port}"
        name = label(one.name)[:_LONGEST].rstrip("-") if one.name else usual
        name = usual if name in made else name
        about = {"name": name, "port": one.port, "protocol": one.protocol, "targetPort": one.target}
        made[name] = filled({**about, "appProtocol": one.application})
    return list(made.values())
