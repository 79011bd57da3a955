"""The options of ``run`` and ``create`` that are about a container that is kept, and what they come to."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import click

from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from whit.runtime.engine.creating import Wishes
    from whit.runtime.request import Words

_MANY: dict[str, Any] = {"multiple": True}

_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--name",), {"metavar": "NAME", "help": "The container's name.  [default: made up]"}),
    (("-t", "--tty"), {"is_flag": True, "help": "Give it a terminal."}),
    (
        ("-p", "--publish"),
        {
            **_MANY,
            "metavar": "[IP:][HOST:]CONTAINER[/udp]",
            "help": "Publish a port; at 127.0.0.1 unless told otherwise.",
        },
    ),
    (("-P", "--publish-all"), {"is_flag": True, "help": "Publish all exposed ports at free ones."}),
    (("--expose",), {**_MANY, "metavar": "PORT[/udp]", "help": "Expose a port, beside the image's."}),
    (
        ("--restart",),
        {"metavar": "POLICY", "help": "Start it again: no, always, unless-stopped, on-failure[:MOST].  [default: no]"},
    ),
    (("-l", "--label"), {**_MANY, "metavar": "NAME=VALUE", "help": "A label of the container's."}),
    (("--label-file",), {**_MANY, "metavar": "FILE", "help": "Labels, a line each."}),
    (("--stop-signal",), {"metavar": "SIGNAL", "help": "What stops it.  [default: the image's, or SIGTERM]"}),
    (
        ("--stop-timeout",),
        {"type": int, "metavar": "SECONDS", "help": "How long it may take to stop; -1: for ever.  [default: 10]"},
    ),
    (
        ("--health-cmd",),
        {"metavar": "COMMAND", "help": 'It is well when this succeeds: a line for its shell, or ["PROGRAM", …].'},
    ),
    (("--health-tcp",), {"metavar": "[ADDRESS]:PORT", "help": "It is well when it takes connections."}),
    (("--health-http",), {"metavar": "[ADDRESS]:PORT/PATH", "help": "It is well when it answers 2xx or 3xx."}),
    (("--health-interval",), {"metavar": "TIME", "help": "How often that is looked at.  [default: 30s]"}),
    (("--health-timeout",), {"metavar": "TIME", "help": "How long an answer may take.  [default: 30s]"}),
    (("--health-start-period",), {"metavar": "TIME", "help": "How long it may take to become well.  [default: 0s]"}),
    (("--health-start-interval",), {"metavar": "TIME", "help": "How often it is looked at meanwhile.  [default: 5s]"}),
    (
        ("--health-retries",),
        {"type": int, "metavar": "NUMBER", "help": "After so many failures it is unwell.  [default: 3]"},
    ),
    (("--no-healthcheck",), {"is_flag": True, "help": "Don't look, whatever the image says."}),
    (("--log-driver",), {"metavar": "cri|none", "help": "Where its output goes: a file (whit logs), or nowhere."}),
    (
        ("--log-opt",),
        {**_MANY, "metavar": "NAME=VALUE", "help": "max-size=10m, max-file=3, labels=, env= (for logs --details)."},
    ),
    (("--network-alias", "--net-alias"), {**_MANY, "metavar": "NAME", "help": "One more name in its first network."}),
    (("--ip",), {"metavar": "ADDRESS", "help": "Its address in its first network."}),
    (("--ip6",), {"metavar": "ADDRESS", "help": "Its IPv6 address there."}),
    (("--mac-address",), {"metavar": "ADDRESS", "help": "Its MAC address there."}),
    (("--add-host",), {**_MANY, "metavar": "NAME:ADDRESS", "help": "A line for its /etc/hosts."}),
    (("--dns",), {**_MANY, "metavar": "ADDRESS", "help": "Its name server."}),
    (("--dns-search",), {**_MANY, "metavar": "DOMAIN", "help": "Where names without dots are sought."}),
    (("--dns-option",), {**_MANY, "metavar": "OPTION", "help": "An option of its resolv.conf."}),
    (
        ("--read-only/--writable",),
        {"default": None, "help": "Whether its root can be written.  [default: not, in images that whit packed]"},
    ),
    (("--storage-opt",), {**_MANY, "metavar": "size=SIZE", "help": "How much it may write to its root."}),
    (("--mount",), {**_MANY, "metavar": "type=…,source=…,target=…", "help": "A bind, volume or tmpfs."}),
    (("--volumes-from",), {**_MANY, "metavar": "CONTAINER[:ro]", "help": "The volumes of another container."}),
    (
        ("--secret",),
        {
            **_MANY,
            "metavar": "source=FILE,target=NAME",
            "help": "A file in memory, in /run/secrets; env=NAME: a variable's value.",
        },
    ),
    (("--cidfile",), {"metavar": "FILE", "help": "Write the container's ID there."}),
)


def keeping_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command every option of a container that is kept."""
    for names, settings in reversed(_OPTIONS):
        function = click.option(*names, **settings)(function)
    return function


@dataclass(frozen=True, slots=True)
class Keeping:
    """Their values, as click gives them."""

    name: str | None
    tty: bool
    publish: tuple[str, ...]
    publish_all: bool
    expose: tuple[str, ...]
    restart: str | None
    label: tuple[str, ...]
    label_file: tuple[str, ...]
    stop_signal: str | None
    stop_timeout: int | None
    health_cmd: str | None
    health_tcp: str | None
    health_http: str | None
    health_interval: str | None
    health_timeout: str | None
    health_start_period: str | None
    health_start_interval: str | None
    health_retries: int | None
    no_healthcheck: bool
    log_driver: str | None
    log_opt: tuple[str, ...]
    network_alias: tuple[str, ...]
    ip: str | None
    ip6: str | None
    mac_address: str | None
    add_host: tuple[str, ...]
    dns: tuple[str, ...]
    dns_search: tuple[str, ...]
    dns_option: tuple[str, ...]
    read_only: bool | None
    storage_opt: tuple[str, ...]
    mount: tuple[str, ...]
    volumes_from: tuple[str, ...]
    secret: tuple[str, ...]
    cidfile: str | None

    @property
    def is_asked(self) -> bool:
        """Whether anything of it was given: the container is kept then. ``--writable`` says no to ``read_only``, which is a wish too."""
        return self.read_only is False or any(
            getattr(self, field.name) not in {None, False, ()} for field in fields(self)
        )


def split(words: dict[str, Any]) -> tuple[dict[str, Any], Keeping]:
    """(the words of any launch, those of a container that is kept)."""
    names = {field.name for field in fields(Keeping)}
    return (
        {name: value for name, value in words.items() if name not in names},
        Keeping(**{name: words[name] for name in names}),
    )


def _lines(paths: tuple[str, ...]) -> list[str]:
    from pathlib import Path

    from whit.packer.support.errors import NotFoundError

    found: list[str] = []
    for path in paths:
        try:
            text = Path(path).read_text("utf-8")
        except FileNotFoundError:
            raise NotFoundError(f"--label-file: there is no {path}") from None
        found += [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return found


def wishes_of(keeping: Keeping, words: Words, *, interactive: bool, remove: bool) -> Wishes:
    """What is asked of the container. Raises :class:`UsageError`."""
    from whit.packer.support.errors import UsageError
    from whit.packer.support.signals import parse_signal
    from whit.runtime.engine import asked
    from whit.runtime.engine.creating import Wishes
    from whit.runtime.engine.model import Policy
    from whit.runtime.engine.mounting import parse_mounts, parse_volumes_from
    from whit.runtime.engine.networks.hosts import parse_add_host
    from whit.runtime.engine.networks.joining import Asked, parse_networks
    from whit.runtime.engine.networks.ports import parse_exposed, parse_port
    from whit.runtime.engine.secretform import parse_secrets

    restart = asked.parse_restart(keeping.restart or "no")
    if remove and restart.policy is not Policy.NO:
        raise UsageError("--rm and --restart contradict each other", hint="leave one of them out")
    health = asked.HealthWords(
        keeping.health_cmd, keeping.health_tcp, keeping.health_http, keeping.health_interval, keeping.health_timeout,
        keeping.health_start_period, keeping.health_start_interval, keeping.health_retries, keeping.no_healthcheck,
    )  # fmt: skip
    asked.check_health(health)
    mode, networks = parse_networks(
        Asked(words.network, keeping.network_alias, keeping.ip, keeping.ip6, keeping.mac_address)
    )
    return Wishes(
        name=_name(keeping.name),
        restart=restart,
        stop_signal=parse_signal(keeping.stop_signal) if keeping.stop_signal else None,
        stop_seconds=asked.parse_stop_seconds(keeping.stop_timeout),
        interactive=interactive,
        terminal=keeping.tty,
        remove=remove,
        network=mode,
        networks=networks,
        publish_all=keeping.publish_all,
        exposed=tuple(port for text in keeping.expose for port in parse_exposed(text)),
        ports=tuple(port for text in keeping.publish for port in parse_port(text)),
        hosts=tuple(map(parse_add_host, keeping.add_host)),
        dns=keeping.dns,
        dns_search=keeping.dns_search,
        dns_options=keeping.dns_option,
        labels=asked.parse_labels(keeping.label, _lines(keeping.label_file)),
        health=health,
        log=asked.parse_log(keeping.log_driver, keeping.log_opt),
        read_only=keeping.read_only,
        size=asked.parse_storage(keeping.storage_opt),
        mounts=parse_mounts(words.volume, keeping.mount, words.tmpfs),
        secrets=parse_secrets(keeping.secret),
        volumes_from=tuple(map(parse_volumes_from, keeping.volumes_from)),
    )


def _chosen(words: Sequence[str]) -> str:
    """Any of them; `secrets` would import hashes and random generators for this alone."""
    import os

    return words[int.from_bytes(os.urandom(4)) % len(words)]


def _name(given: str | None) -> str:
    import os

    from whit.packer.store.places import default_root
    from whit.runtime.engine.names import check_name, new_name

    if given is not None:
        return check_name(given)
    names = default_root() / "containers" / "names"
    return new_name(lambda name: os.path.lexists(names / name), _chosen)
