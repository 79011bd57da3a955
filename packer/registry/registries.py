"""The registries of one command: connections, tokens and settings that all its transfers share."""

from __future__ import annotations

from whit.packer.registry.client import Registry
from whit.packer.registry.credentials import credential_for
from whit.packer.registry.ends import MirroredSource, RepositorySource
from whit.packer.registry.repository import Repository
from whit.packer.registry.transport import Transport
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.packer.image.reference import Reference
    from whit.packer.registry.dockerconfig import Credential
    from whit.packer.registry.model import Endpoint
    from whit.packer.registry.settings import Settings


class Registries:
    """By name. ``credential`` stands for what files say of the person, for a login that is being tried."""

    def __init__(self, settings: Settings, credential: Credential | None = None) -> None:
        self.settings = settings
        self._transport = Transport()
        self._credential = credential
        self._known: dict[tuple[Endpoint, str], Registry] = {}

    def registry(self, domain: str, path: str = "") -> Registry:
        """A registry itself, no mirror of it; credentials as for a repository's path."""
        return self._at(self.settings.places(domain, path)[-1][0], path)

    def _at(self, endpoint: Endpoint, path: str) -> Registry:
        key = (endpoint, path)
        if key not in self._known:

            def find() -> Credential | None:
                return self._credential or credential_for(endpoint.domain, path)

            self._known[key] = Registry(endpoint, self._transport, self.settings, find)
        return self._known[key]

    def repository(self, reference: Reference) -> Repository:
        """Where a reference's image is written to."""
        endpoint, name = self.settings.places(reference.domain, reference.path)[-1]
        return Repository(self._at(endpoint, reference.path), name)

    def source(self, reference: Reference) -> MirroredSource:
        """Where a reference's image is read: its mirrors, then the registry itself."""
        wanted = reference.digest or reference.tag or "latest"
        places = self.settings.places(reference.domain, reference.path)
        repositories = (Repository(self._at(endpoint, reference.path), name) for endpoint, name in places)
        return MirroredSource(tuple(RepositorySource(repository, wanted) for repository in repositories))
