"""The program's layer, begun while the program is still being analysed: compressing it is most of the work of packing."""

from __future__ import annotations

import contextlib
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

from whit.packer.image.layer import write_layer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from whit.packer.image.oci import Layer
    from whit.packer.image.spec import Compression, LayerSpec
    from whit.packer.store.layout import Layout


@dataclass(frozen=True, slots=True)
class Fate:
    """Whether a layer that is being written will be wanted: not known at first; and given up after all where whoever wanted it is interrupted."""

    _known: Event = field(default_factory=Event)
    _given_up: Event = field(default_factory=Event)

    def check(self) -> None:
        """Raise CancelledError if the layer has been given up."""
        if self._given_up.is_set():
            raise CancelledError

    def wait(self) -> None:
        """Wait until it is known; return if the layer is wanted."""
        self._known.wait()
        self.check()

    def want(self) -> None:
        """Tell the writer that it is wanted."""
        self._known.set()

    def give_up(self) -> None:
        """Tell the writer that it isn't, or isn't any more; one that is stored stays."""
        self._given_up.set()
        self._known.set()


@dataclass(frozen=True, slots=True)
class EarlyLayer:
    """A layer that is being written by another thread, and isn't stored before somebody wants it."""

    spec: LayerSpec
    future: Future[Layer]
    fate: Fate

    def result(self, spec: LayerSpec) -> Layer | None:
        """The stored layer if it is the one that is wanted; waits for it, and raises what writing it raised."""
        if spec != self.spec:
            return None
        self.fate.want()
        return self.future.result()


@dataclass(frozen=True, slots=True)
class KnownLayer:
    """A layer that is stored already: as :class:`EarlyLayer`, with nothing to wait for."""

    spec: LayerSpec
    layer: Layer

    def result(self, spec: LayerSpec) -> Layer | None:
        """The stored layer if it is the one that is wanted."""
        return self.layer if spec == self.spec else None


@contextlib.contextmanager
def early_layer(layout: Layout, spec: LayerSpec, created: int, compression: Compression) -> Iterator[EarlyLayer]:
    """Begin to write a layer. If nobody has wanted it by the end of the block, it is given up and nothing is left."""
    fate = Fate()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(write_layer, layout, spec, created, fate, compression)
        try:
            yield EarlyLayer(spec, future, fate)
        finally:
            fate.give_up()
