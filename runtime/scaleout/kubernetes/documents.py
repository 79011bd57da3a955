"""Manifests → files: one an object, and a kustomization.yaml that names them all. The same project makes the same bytes. Pure."""

from __future__ import annotations

import json
import re

import yaml

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.runtime.scaleout.kubernetes.model import Document, Generated

HEADER = "# Made by whit kube generate: what is changed here is lost when it is made again.\n"
"""The first line of every file, by which those of the last time are known."""

KUSTOMIZATION = "kustomization.yaml"
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]+( [A-Za-z0-9_./-]+)*", re.ASCII)


class _Dumper(yaml.SafeDumper):
    """Texts that any reader of YAML, 1.1 or 1.2, could take for something else are quoted; those of several lines are blocks."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - no anchors
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    if "\n" in value:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|")
    style = None if _PLAIN.fullmatch(value) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def file_name(document: Document) -> str:
    """An object's file."""
    return f"{document['kind'].lower()}-{document['metadata']['name']}.yaml"


def text_of(document: Document) -> str:
    """An object as YAML."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100_000)


def stream_of(made: Generated) -> str:
    """All objects in one text, as ``kubectl apply -f -`` reads it."""
    return HEADER + "---\n".join(text_of(one) for one in made.manifests)


def files_of(made: Generated) -> dict[str, str]:
    """File name → text; the kustomization comes last."""
    files = {file_name(one): HEADER + text_of(one) for one in made.manifests}
    filters = {f"seccomp/{name}": json.dumps(one, indent=1) + "\n" for name, one in made.profiles}
    whole: Document = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(files),
    }
    return {**files, **filters, KUSTOMIZATION: HEADER + text_of(whole)}


def is_secret(name: str) -> bool:
    """Whether a file is only its owner's to read."""
    return name.startswith("secret-")
