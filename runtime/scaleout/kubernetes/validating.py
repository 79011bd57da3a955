"""Manifests against Kubernetes' own schemas, without a cluster: PyPI's kubernetes-validate carries them."""

from __future__ import annotations

from whit.packer.support.errors import UnsupportedError, WhitError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whit.runtime.scaleout.kubernetes.model import Generated


def validate(made: Generated, version: str = "") -> str:
    """Check all objects strictly: no key that isn't known. Gives the version; ``version`` is like ``1.31``, empty for the newest.

    Raises :class:`WhitError` for the first object that isn't right, UnsupportedError without the package.
    """
    try:
        from kubernetes_validate import utils as schemas  # noqa: PLC0415 - an extra, and large
    except ImportError:
        hint = "pip install 'whit[kube]'"
        raise UnsupportedError("the schemas to validate against aren't installed", hint=hint) from None
    wanted = _chosen(version, schemas.all_versions())
    for document in made.manifests:
        name = f"{document['kind']} {document['metadata']['name']}"
        try:
            schemas.validate(document, wanted, strict=True)
        except schemas.ValidationError as error:
            where = ".".join(map(str, error.path))
            raise WhitError(f"{name}: {where}: {error.message}", hint=f"Kubernetes {wanted} wouldn't take it") from None
        except schemas.SchemaNotFoundError as error:
            raise WhitError(f"{name}: {error.message}", hint="choose another --kubernetes-version") from None
    return wanted


def _chosen(version: str, known: Sequence[str]) -> str:
    """The version whose schemas are taken, of those that there are, oldest first: that, whichever its patch is, or the newest."""
    if not version:
        return known[-1]
    asked = version.removeprefix("v").split(".")[:2]
    found = [one for one in known if one.split(".")[:2] == asked]
    if not found:
        raise UnsupportedError(
            f"there are no schemas of Kubernetes {version[:20]}", hint=f"there are those from {known[0]} to {known[-1]}"
        )
    return found[-1]
