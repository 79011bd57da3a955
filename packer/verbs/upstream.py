"""What ``pack`` and ``build`` make goes to the registries of its names, too, its layers while they are being compressed."""

from __future__ import annotations

import sys
from _thread import allocate_lock

from whit.packer.showing.console import put
from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import IO, Self

    from whit.packer.image.reference import Reference
    from whit.packer.registry.ahead import Ahead
    from whit.packer.registry.pushing import Pushed
    from whit.packer.registry.registries import Registries
    from whit.packer.store.store import Store


class Upstream:
    """Where images go besides the store: nowhere, unless that is wished for."""

    def __init__(self, *, is_wished: bool, insecure: bool) -> None:
        if insecure and not is_wished:
            raise UsageError("--insecure is for --push", hint="add that, or leave this out")
        self.is_wished = is_wished
        self._insecure = insecure
        self._lock = allocate_lock()
        self._known: Registries | None = None
        self._ahead: tuple[Reference, Ahead] | None = None

    def __enter__(self) -> Self:
        """Nothing is sent yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What is on its way and wasn't needed is broken off."""
        if self._ahead:
            self._ahead[1].__exit__(kind, error, trace)

    def _registries(self) -> Registries:
        """Two threads may ask."""
        with self._lock:
            if self._known is None:
                from whit.packer.registry.registries import Registries  # noqa: PLC0415 - where something is sent
                from whit.packer.registry.settings import Settings  # noqa: PLC0415

                self._known = Registries(Settings.read(insecure=self._insecure))
            return self._known

    def check(self, references: tuple[Reference, ...]) -> None:
        """Raises :class:`UsageError` where these can't be pushed to, and that is wished."""
        if self.is_wished and (not references or any(reference.digest for reference in references)):
            raise UsageError("there is no name to push to", hint="-t HOST/NAME:TAG")

    def follower(self, references: tuple[Reference, ...]) -> Ahead | None:
        """What sends layers of an image of these names while they are being written; raises as :meth:`check`."""
        self.check(references)
        if not self.is_wished:
            return None
        if self._ahead is None:
            from whit.packer.registry.ahead import Ahead  # noqa: PLC0415 - as above

            first = references[0]
            self._ahead = (first, Ahead(lambda: self._registries().repository(first)))
        return self._ahead[1]

    def push(
        self, store: Store, references: tuple[Reference, ...], *, quiet: bool, err: bool = False
    ) -> tuple[Pushed, ...]:
        """Send an image of the store by each of its names, and tell of it, on standard error if ``err``.

        Raises :class:`RegistryError`, which says that the image is in the store.
        """
        if not self.is_wished:
            return ()
        stream = sys.stderr if err else sys.stdout
        return tuple(self._push(store, reference, stream, quiet=quiet) for reference in references)

    def _push(self, store: Store, reference: Reference, stream: IO[str], *, quiet: bool) -> Pushed:
        from whit.packer.registry.model import RegistryError  # noqa: PLC0415 - as above
        from whit.packer.verbs.push import send  # noqa: PLC0415

        ahead = self._ahead[1] if self._ahead and self._ahead[0] == reference else None
        if not quiet:
            put(stream, f"The push refers to repository [{reference.domain}/{reference.path}]\n")
        try:
            return send(store, self._registries(), reference, ahead=ahead, quiet=quiet, stream=stream)
        except RegistryError as error:
            kept = f"the image is in the store: 'whit push {reference.familiar}' sends it"
            raise RegistryError(error.message, hint=f"{kept}; {error.hint}" if error.hint else kept) from None


def document(pushed: tuple[Pushed, ...]) -> dict[str, object]:
    """What was sent as a member of a JSON document; none where nothing was."""
    if not pushed:
        return {}
    from whit.packer.verbs.push import document as one  # noqa: PLC0415 - as above

    return {"pushed": [one(each) for each in pushed]}
