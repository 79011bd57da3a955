"""Whether a container's program is WebAssembly, by what its documents say: crun's, runwasi's and docker's conventions. Pure.

Sources: crun(1), ``run.oci.handler``, and its docs/wasm-wasi-on-kubernetes.md; runwasi, containerd-shim-wasm's
``RuntimeContext``; containerd's and docker's platform ``wasi/wasm``.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

HANDLER, VARIANT = "run.oci.handler", "module.wasm.image/variant"
"""crun's annotations, of a container and of an image; of two the first one counts."""

_COMPAT, _COMPAT_SMART = "compat", "compat-smart"
_ARCHITECTURES = ("wasm", "wasm32", "wasm64")
_SUFFIXES = (".wasm", ".wat")
_SANDBOX = ("io.kubernetes.cri.container-type", "sandbox")
"""What marks a pod's own first container, which is an ordinary program whatever else its annotations say."""


@dataclass(frozen=True, slots=True)
class Claim:
    """That a container's program is WebAssembly: the file at ``path``, and of it ``function``, or the usual one where that is empty.

    ``is_certain``: who made the documents said so; otherwise the file's first bytes have the last word.
    """

    path: str
    function: str = ""
    is_certain: bool = False


def claim(word: str, annotations: Mapping[str, str], architecture: str = "") -> Claim | None:
    """What the documents of a container say whose first word is ``word``; None: it is an ordinary program.

    ``architecture`` is the image's, in OCI's words, where it is known. ``wasm-smart`` and ``compat-smart`` are crun's for
    pods with ordinary programs too: there, as where nothing is said at all, a name that ends in .wasm makes the claim.
    """
    if annotations.get(_SANDBOX[0]) == _SANDBOX[1]:
        return None
    path, _, function = word.partition("#")
    handler, kind = annotations.get(HANDLER), annotations.get(VARIANT)
    said = handler == "wasm" or (handler is None and kind == _COMPAT) or architecture in _ARCHITECTURES
    if said or path.endswith(_SUFFIXES):
        return Claim(path, function, said)
    return None


def variant(word: str) -> str:
    """What crun is told of an image whose first word is ``word``: ``compat-smart`` wants a name that ends in .wasm."""
    return _COMPAT_SMART if word.endswith(_SUFFIXES) else _COMPAT
