"""The Docker Engine as far as stacks need it: PyPI's ``docker``, whose errors are put into words here and nowhere else."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from whit.packer.support.errors import NotFoundError, UnsupportedError, WhitError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.scaleout.swarm.objects import Present
from whit.runtime.scaleout.swarm.places import endpoint
from whit.runtime.scaleout.swarm.specs import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whit.runtime.compose.project import Values
    from whit.runtime.scaleout.swarm.farther import Farther
    from whit.runtime.scaleout.swarm.places import Endpoint

TIMEOUT = 30
"""Seconds that an answer may take; managers without a quorum give none."""
MOST_BYTES = 4 << 20
_NOT_FOUND, _UNAVAILABLE = 404, 503


def read_file(path: str) -> str | None:
    """A small file of docker's, None where there is none."""
    try:
        with Path(path).open("rb") as file:
            return file.read(MOST_BYTES).decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return None


class AwayError(WhitError):
    """The engine doesn't answer now, or its swarm has no leader: in a moment it may."""


class Engine:
    """A manager of a swarm. All that its methods do raises :class:`WhitError` in plain words."""

    def __init__(self, host: str = "", context: str = "", *, needs_manager: bool = True) -> None:
        self.place = endpoint(host, context, os.environ, read_file)
        try:
            import docker  # noqa: PLC0415 - an extra, for this alone
            import requests  # noqa: PLC0415
        except ModuleNotFoundError:
            raise UnsupportedError(
                "whit stack needs the Python library docker", hint="pip install 'whit[swarm]'"
            ) from None
        self._docker, self._requests = docker, requests
        self._farther: Farther | None = None
        if self.place.host.startswith("ssh://"):
            from whit.runtime.scaleout.swarm.farther import Farther  # noqa: PLC0415 - most engines are near

            self._farther = Farther(self.place.host)
        try:
            self._connect(docker, needs_manager=needs_manager)
        except BaseException:
            self._hang_up()
            raise

    def _connect(self, docker: Any, *, needs_manager: bool) -> None:  # noqa: ANN401 - a library without types
        address = self._farther.address if self._farther else self.place.host
        with self._words():
            self.client: Any = _client_class(docker)(
                base_url=address, version="auto", timeout=TIMEOUT, tls=_tls(docker, self.place)
            )
            if needs_manager:
                _check_manager(self.client.info().get("Swarm") or {}, self.place.host)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self.client.close()
        self._hang_up()

    def _hang_up(self) -> None:
        if self._farther:
            self._farther.close()

    @contextmanager
    def _words(self, what: str = "") -> Iterator[None]:
        """What the library raises, in plain words."""
        errors, requests = self._docker.errors, self._requests
        try:
            yield
        except errors.APIError as error:
            raise _in_words(error, what, self.place.host) from None
        except requests.exceptions.Timeout:
            hint = "its managers may have no majority: more than half of them have to be up"
            raise AwayError(f"the Docker Engine at {self.place.host} doesn't answer", hint=hint) from None
        except (errors.DockerException, requests.exceptions.RequestException, OSError) as error:
            text = str(error)
            if "permission denied" in text.lower():
                hint = "be root, or a member of its group"
                raise WhitError(f"no permission to talk to the Docker Engine at {self.place.host}", hint=hint) from None
            if isinstance(error, errors.DockerException) and "fetching server API version" not in text:
                raise WhitError(f"the Docker Engine at {self.place.host}: {_short(text)}") from None
            if "SSLError" in text:
                hint = "its authority's certificate and a client's: DOCKER_CERT_PATH, or the context's own"
                raise WhitError(
                    f"no TLS with the Docker Engine at {self.place.host}: {_ssl(text)}", hint=hint
                ) from None
            said = self._farther.said() if self._farther else ""
            hint = f"it was said: {said}" if said else "start it, or name another one: -H, --context, DOCKER_HOST"
            raise AwayError(f"no Docker Engine answers at {self.place.host}", hint=hint) from None

    # What is there

    def services(self, stack: str = "") -> list[dict[str, Any]]:
        """The services of a stack, or of all."""
        label = f"{NAMESPACE}={stack}" if stack else NAMESPACE
        with self._words():
            found: list[dict[str, Any]] = self.client.services(filters={"label": label})
        return sorted(found, key=lambda one: str(one["Spec"]["Name"]))

    def tasks(self, stack: str) -> list[dict[str, Any]]:
        """All tasks of a stack, those that are over, too."""
        with self._words():
            found: list[dict[str, Any]] = self.client.tasks(filters={"label": f"{NAMESPACE}={stack}"})
        return found

    def nodes(self) -> dict[str, str]:
        """The nodes' names by ID."""
        with self._words():
            return {one["ID"]: str(one["Description"]["Hostname"]) for one in self.client.nodes()}

    def away(self) -> frozenset[str]:
        """IDs of nodes that managers haven't heard of lately: nobody knows whether their tasks run."""
        with self._words():
            nodes = self.client.nodes()
        return frozenset(one["ID"] for one in nodes if (one.get("Status") or {}).get("State") != "ready")

    def present(self, stack: str) -> Present:
        """What the engine has, for :func:`~whit.runtime.scaleout.swarm.objects.plan`."""
        with self._words():
            networks = self.client.networks()
            secrets, configs = self.client.secrets(), self.client.configs()
        return Present(self.services(stack), networks, secrets, configs)

    def has_network(self, key: str) -> bool:
        """Whether there is a network of this ID."""
        with self._words():
            return any(one["Id"] == key for one in self.client.networks())

    # What is changed

    def make_network(self, body: Values) -> None:
        """A network of the whole swarm; one that somebody made meanwhile will do."""
        try:
            with self._words(f"network {body['name']}"):
                self.client.create_network(check_duplicate=True, **body)
        except WhitError as error:
            if "already exists" not in error.message:
                raise

    def make_file(self, kind: str, name: str, data: bytes, labels: Mapping[str, str]) -> str:
        """A secret or config; its ID."""
        make = self.client.create_secret if kind == "secrets" else self.client.create_config
        with self._words(f"{kind.removesuffix('s')} {name}"):
            made = make(name, data, labels=dict(labels))
        return str(made["ID"])

    def make_service(self, spec: Values) -> str:
        """A service; its ID."""
        with self._words(f"service {spec['Name']}"):
            made = self.client.create_service(spec["TaskTemplate"], **_rest(spec))
        return str(made["ID"])

    def change_service(self, service: Values, spec: Values) -> None:
        """Have a service be another one."""
        with self._words(f"service {spec['Name']}"):
            version = service["Version"]["Index"]
            self.client.update_service(service["ID"], version, spec["TaskTemplate"], **_rest(spec))

    def remove(self, kind: str, key: str, name: str) -> bool:
        """Remove a service, network, secret or config by its ID; False where it is in use still. What is gone is gone."""
        calls = {
            "services": self.client.remove_service,
            "networks": self.client.remove_network,
            "secrets": self.client.remove_secret,
            "configs": self.client.remove_config,
        }
        try:
            with self._words(f"{kind.removesuffix('s')} {name}"):
                calls[kind](key)
        except NotFoundError:
            return True
        except WhitError as error:
            if "in use" in error.message or "active endpoints" in error.message:
                return False
            raise
        return True


def _rest(spec: Values) -> dict[str, Any]:
    rows = (
        ("name", "Name"),
        ("labels", "Labels"),
        ("mode", "Mode"),
        ("update_config", "UpdateConfig"),
        ("rollback_config", "RollbackConfig"),
        ("endpoint_spec", "EndpointSpec"),
    )
    return {key: spec[title] for key, title in rows if spec.get(title) is not None}


def _client_class(docker: Any) -> Any:  # noqa: ANN401 - a library without types
    """Requests would take REQUESTS_CA_BUNDLE's authorities instead of those that were given for this engine."""

    class Client(docker.APIClient):  # type: ignore[misc]
        trust_env = property(lambda _: False, lambda _self, _value: None)

    return Client


def _tls(docker: Any, place: Endpoint) -> Any:  # noqa: ANN401 - a library without types
    if not place.tls:
        return False
    files = {name: Path(place.certificates) / f"{name}.pem" for name in ("ca", "cert", "key")}
    pair = (str(files["cert"]), str(files["key"])) if files["cert"].exists() and files["key"].exists() else None
    authority = str(files["ca"]) if files["ca"].exists() else None
    return docker.tls.TLSConfig(
        client_cert=pair, ca_cert=authority, verify=(authority or True) if place.verifies else False
    )


def _check_manager(swarm: Values, host: str) -> None:
    """Raises :class:`WhitError` where the engine can't tell what becomes of services."""
    if swarm.get("ControlAvailable"):
        return
    state = str(swarm.get("LocalNodeState") or "inactive")
    if state == "active":
        managers = ", ".join(str(one.get("Addr")) for one in swarm.get("RemoteManagers") or ())
        hint = f"name a manager: -H, --context{f' (managers are {managers})' if managers else ''}"
        raise WhitError(f"the Docker Engine at {host} is a worker of its swarm, no manager", hint=hint)
    if state == "error":
        raise WhitError(f"the swarm of the Docker Engine at {host} is broken: {_short(str(swarm.get('Error')))}")
    if state == "locked":
        raise WhitError(f"the swarm of the Docker Engine at {host} is locked", hint="docker swarm unlock")
    raise WhitError(
        f"the Docker Engine at {host} is in no swarm", hint="docker swarm init, or name a manager: -H, --context"
    )


def _in_words(error: Any, what: str, host: str) -> WhitError:  # noqa: ANN401 - as above
    text = _short(str(error.explanation or error))
    status = error.response.status_code if error.response is not None else 0
    if "does not have a leader" in text or "deadline exceeded" in text:
        hint = "more than half of its managers have to be up"
        return AwayError(f"the swarm of the Docker Engine at {host} has no leader", hint=hint)
    whole = f"{what}: {text}" if what else f"the Docker Engine at {host}: {text}"
    if status == _NOT_FOUND or text.rstrip().endswith("not found"):
        return NotFoundError(whole)
    if status == _UNAVAILABLE and "swarm manager" in text:
        return WhitError(f"the Docker Engine at {host} is no manager of a swarm", hint="name a manager: -H, --context")
    return WhitError(whole)


def _ssl(text: str) -> str:
    """What OpenSSL says, without who said it to whom."""
    found = re.search(r"\[SSL: \w+\] ([^(]+)", text)
    return found[1].strip() if found else "it isn't understood"


def _short(text: str) -> str:
    """Without Go's names of who called whom."""
    return text.partition("desc = ")[2] or text
