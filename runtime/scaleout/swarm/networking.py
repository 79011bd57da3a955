"""A service's networks and ports in the dialect of stack files, and how it is reached where the nodes have no IP_VS. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from whit.runtime.compose.project import Values
    from whit.runtime.scaleout.swarm.dialect import Telling

_OWN = ("host", "none")
"""Networks that each node has, and that a service can be in instead of others."""
_ADDRESSES = frozenset(("ipv4_address", "ipv6_address", "link_local_ips", "mac_address", "interface_name"))
_DNSRR = "dnsrr"


def networks(name: str, values: Values, telling: Telling) -> dict[str, Any]:
    """``networks``; under ``_own`` which of the nodes' own networks have to be told to the file. Raises :class:`UnsupportedError`."""
    mode = str(values.get("network_mode") or "")
    if mode in _OWN:
        telling.note(("services", name, "network_mode"), f"now the network {mode} of each node")
        return {"networks": {mode: None}, "_own": [mode]}
    if mode and mode != "default":
        raise telling.refused(("services", name, "network_mode"), "networks, or network_mode: host or none")
    made: dict[str, Any] = {}
    for key, given in (values.get("networks") or {}).items():
        path = ("services", name, "networks", key)
        kept: Values = given or {}
        for inner, value in kept.items():
            if inner in _ADDRESSES and value:
                raise telling.refused((*path, inner), "Swarm gives addresses itself; services are found by name")
            if inner != "aliases" and not inner.startswith("x-") and value:
                telling.note((*path, inner), "left out: Swarm has nothing like it")
        made[key] = {"aliases": list(kept["aliases"])} if kept.get("aliases") else None
    return {"networks": made}


def ports(name: str, values: Values, telling: Telling) -> list[dict[str, Any]]:
    """Published ports. Raises :class:`UnsupportedError` for those of one address or of a range: Swarm publishes on all addresses."""
    made = []
    for number, one in enumerate(values.get("ports") or ()):
        path = ("services", name, "ports", number)
        address, published = str(one.get("host_ip") or ""), str(one.get("published") or "")
        if address and address not in {"0.0.0.0", "::"}:  # noqa: S104 - what a file says
            where = f"{published or 'any'} at {address}"
            hint = f"Swarm publishes at all addresses of the nodes: take {address} out if that is meant ({where})"
            raise telling.refused(path, hint)
        if "-" in published:
            raise telling.refused(path, f"one port for the whole service instead of {published}")
        telling.note(path, f"{published or 'a free port'} is open at all addresses of the nodes")
        row: dict[str, Any] = {"target": int(one["target"]), "protocol": str(one.get("protocol") or "tcp")}
        row |= {"published": int(published)} if published else {}
        made.append({**row, "mode": str(one.get("mode") or "ingress")})
    return made


def route(name: str, service: dict[str, Any], telling: Telling, *, has_ipvs: bool) -> None:
    """Have a service be reached without virtual addresses and the routing mesh where the kernel has no IP_VS for them."""
    if has_ipvs:
        return
    deploy = service.setdefault("deploy", {})
    if not set(_OWN) & set(service.get("networks") or {}):
        if deploy.get("endpoint_mode", "vip") == "vip":
            telling.note(("services", name, "deploy", "endpoint_mode"), "now dnsrr, as the kernel has no IP_VS")
        deploy["endpoint_mode"] = _DNSRR
    meshed = [port for port in service.get("ports") or () if port["mode"] == "ingress"]
    if not meshed:
        return
    telling.note(("services", name, "ports"), "now of mode host, at the nodes that run it, as the kernel has no IP_VS")
    for port in meshed:
        port["mode"] = "host"
    update = deploy.get("update_config") or {}
    if update.get("order") == "start-first" and any("published" in port for port in meshed):
        path = ("services", name, "deploy", "update_config", "order")
        telling.note(path, "now stop-first: two tasks of a node can't have the same port")
        deploy["update_config"] = {**update, "order": "stop-first"}
