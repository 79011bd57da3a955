"""A service's configuration as one number: what it is made of is the same as long as this is. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_ELSEWHERE = frozenset({"build", "depends_on", "develop", "pre_start", "profiles", "pull_policy", "scale"})
"""What changes nothing in a container that is there: how its image is made and had, how many there are, who waits for whom."""


def service_hash(service: Mapping[str, Any]) -> str:
    """SHA-256 over a service of the canonical configuration, without what its containers aren't made of; 64 hexadecimal digits."""
    held = {key: value for key, value in service.items() if key not in _ELSEWHERE and not key.startswith("x-")}
    if isinstance(held.get("deploy"), dict):
        held["deploy"] = {key: value for key, value in held["deploy"].items() if key != "replicas"}
    text = json.dumps(held, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
