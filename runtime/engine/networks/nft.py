"""Runs nft, and asks the kernel whether a table is there."""

from __future__ import annotations

import errno
import json
import os
import struct

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.networks.netlink import (
    DUMP,
    NETFILTER,
    IncapableError,
    Message,
    Netlink,
    attribute,
    attributes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_GET_TABLE = (10 << 8) | 1
_TABLE_NAME = 1
_INET = 1
_ELSEWHERE = "/usr/sbin:/sbin:/usr/local/sbin"


def apply(rules: str) -> None:
    """Have the kernel take all of it, or nothing. Raises :class:`LaunchError`."""
    code, _, said = _run("-f", "-", rules=rules)
    if code:
        raise IncapableError(
            f"nft refuses the network's rules: {said.strip().splitlines()[0] if said.strip() else code}"
        )


def try_to_apply(rules: str) -> bool:
    """Whether the kernel took it; it doesn't if the tables aren't what the rules were made for."""
    return not _run("-f", "-", rules=rules)[0]


def remove_table(name: str) -> None:
    """Remove a table, if it is there."""
    if has_table(name):
        apply(f"delete table inet {name}\n")


def has_table(name: str) -> bool:
    """Whether the table is there: whoever starts a firewall anew may have flushed all rules."""
    body = struct.pack("=BBH", _INET, 0, 0) + attribute(_TABLE_NAME, name)
    with Netlink(NETFILTER) as netlink:
        return bool(netlink.ask(Message(_GET_TABLE, body, "look for rules", fine=(errno.ENOENT,))))


def tables() -> list[str]:
    """The names of all tables of the family inet."""
    body = struct.pack("=BBH", _INET, 0, 0)
    with Netlink(NETFILTER) as netlink:
        answers = netlink.ask(Message(_GET_TABLE, body, "list the tables", DUMP))
    found = (attributes(answer[4:]).get(_TABLE_NAME, b"") for answer in answers)
    return [name.rstrip(b"\0").decode(errors="replace") for name in found]


def dropping(device: str, *, six: bool) -> Iterator[tuple[str, str]]:
    """The chains of others that drop what is forwarded and don't speak of this bridge, and how to let it through.

    No rule of ours can: each table has its say. Chains of IPv6 matter where the network has that.
    """
    code, listed, _ = _run("-j", "list", "chains")
    if code:
        return
    for item in json.loads(listed).get("nftables", []):
        chain = item.get("chain", {})
        if chain.get("hook") != "forward" or chain.get("policy") != "drop" or (chain["family"] == "ip6" and not six):
            continue
        _, text, _ = _run("list", "table", chain["family"], chain["table"])
        if f'"{device}"' not in text:
            yield f"{chain['family']} {chain['table']} {chain['name']}", _letting_through(chain, device)


def _letting_through(chain: Mapping[str, str], device: str) -> str:
    """In iptables's words where the chain is one of its own."""
    program = {"ip": "iptables", "ip6": "ip6tables"}.get(chain["family"])
    if program and (chain["table"], chain["name"]) == ("filter", "FORWARD"):
        return f"{program} -I FORWARD -i {device} -j ACCEPT; {program} -I FORWARD -o {device} -j ACCEPT"
    place = f"nft insert rule {chain['family']} {chain['table']} {chain['name']}"
    return f"{place} iifname {device} accept; {place} oifname {device} accept"


def _run(*arguments: str, rules: str = "") -> tuple[int, str, str]:
    """Exit code, output, errors. By files in memory rather than pipes: nobody has to wait for two things at once."""
    places = [f"{folder}/nft" for folder in f"{os.environ.get('PATH', os.defpath)}:{_ELSEWHERE}".split(":")]
    program = next((path for path in places if os.access(path, os.X_OK)), None)
    if program is None:
        raise IncapableError(
            "nft isn't installed, and networks need it",
            hint="install the package nftables, or use --network none",
            absent=places,
        )
    files = [os.memfd_create(name) for name in ("in", "out", "err")]
    try:
        os.write(files[0], rules.encode())
        os.lseek(files[0], 0, os.SEEK_SET)
        actions = [(os.POSIX_SPAWN_DUP2, file, number) for number, file in enumerate(files)]
        pid = os.posix_spawn(program, [program, *arguments], {"PATH": _ELSEWHERE, "LC_ALL": "C"}, file_actions=actions)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out, err = (os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace") for file in files[1:])
    finally:
        for file in files:
            os.close(file)
    return code, out, err
