"""Labels that speak to kompose, another program that makes manifests of Compose files: what says the same here. Pure data.

Source: kompose.io, "User Guide", Labels (of kompose 1.37).
"""

from __future__ import annotations

PREFIX = "kompose."
_OWN = {
    "controller.type": "kind: …",
    "cronjob.schedule": "schedule: …",
    "cronjob.concurrency_policy": "concurrency: …",
    "hpa.": "autoscale: {min: …, max: …, cpu: …}",
    "image-pull-secret": "pull_secret: …",
    "init.containers.": "init: true",
    "service.expose": "ingress: {host: …, class: …, tls: …}",
    "service.nodeport.port": "publish: node-port",
    "service.type": "publish: …",
    "serviceaccount-name": "service_account: …",
}
"""Of ``x-kubernetes``; the others are Compose's own."""

_COMPOSE = {
    "service.group": "network_mode: service:…",
    "cronjob.backoff_limit": "restart: on-failure:…",
    "image-pull-policy": "pull_policy",
    "security-context.fsgroup": "user",
    "service.healthcheck.liveness.": "healthcheck with x-http or x-tcp, and x-kubernetes: {liveness: true}",
    "service.healthcheck.readiness.": "healthcheck with x-http or x-tcp",
    "volume.size": "x-kubernetes: {size: …} of the volume",
    "volume.storage-class-name": "x-kubernetes: {class: …} of the volume",
    "volume.subpath": "volumes with volume: {subpath: …}",
    "volume.type": "configs, tmpfs, or --host-paths",
}
_SAID = {**_COMPOSE, **{key: f"x-kubernetes: {{{text}}}" for key, text in _OWN.items()}}


def instead_of(label: str) -> str:
    """What says the same as a label of kompose's, as a note has it."""
    name = label.removeprefix(PREFIX)
    text = next((text for key, text in _SAID.items() if name == key or name.startswith(key.rstrip(".") + ".")), "")
    return f"speaks to kompose: {text} says it here" if text else "speaks to kompose, and means nothing here"
