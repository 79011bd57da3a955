"""A RUN's order, as its process gets it: JSON on its standard input. Pure."""

from __future__ import annotations

import base64
import json
from typing import Any

from whit.packer.buildfile.build.steps import Bound, Layers, Memory, RunOrder, Secret
from whit.packer.support.light import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """An order, the store that its network is in, and the process whose end is the job's, too."""

    order: RunOrder
    store: str
    parent: int


def encode(job: Job) -> bytes:
    """The bytes. Names that aren't Unicode come through, as lone surrogates."""
    order = job.order
    document = {
        "store": job.store,
        "parent": job.parent,
        "layers": _layers(order.layers),
        "folder": order.folder,
        "words": order.words,
        "environment": order.environment,
        "directory": order.directory,
        "user": order.user,
        "network": order.network,
        "architecture": order.architecture,
        "mounts": [_mount(mount) for mount in order.mounts],
        "secrets": [[one.target, _text(one.data), one.mode, one.uid, one.gid] for one in order.secrets],
        "script": [order.script[0], _text(order.script[1])] if order.script else None,
    }
    return json.dumps(document).encode()


def decode(data: bytes) -> Job:
    """What :func:`encode` has made."""
    found: dict[str, Any] = json.loads(data)
    script = found["script"]
    order = RunOrder(
        layers=Layers(tuple(found["layers"][0]), *found["layers"][1:]),
        folder=found["folder"],
        words=tuple(found["words"]),
        environment=tuple(found["environment"]),
        directory=found["directory"],
        user=found["user"],
        network=found["network"],
        architecture=found["architecture"],
        mounts=tuple(map(_read_mount, found["mounts"])),
        secrets=tuple(Secret(target, _data(text), *rest) for target, text, *rest in found["secrets"]),
        script=(script[0], _data(script[1])) if script else None,
    )
    return Job(order, found["store"], found["parent"])


def _layers(layers: Layers) -> list[object]:
    return [layers.lowers, layers.upper, layers.work]


def _mount(mount: Bound | Memory) -> list[object]:
    if isinstance(mount, Memory):
        return ["memory", mount.target, mount.size]
    return ["bound", mount.target, _layers(mount.layers) if mount.layers else None, mount.path, mount.is_readonly]


def _read_mount(words: list[Any]) -> Bound | Memory:
    kind, target, *rest = words
    if kind == "memory":
        return Memory(target, *rest)
    layers, path, is_readonly = rest
    return Bound(target, Layers(tuple(layers[0]), *layers[1:]) if layers else None, path, is_readonly)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _data(text: str) -> bytes:
    return base64.b64decode(text)
