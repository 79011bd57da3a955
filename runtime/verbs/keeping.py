"""What is asked of a container that is kept, in words, and what they come to."""

from __future__ import annotations

import os
from pathlib import Path

from whit.packer.store.places import default_root
from whit.packer.support.errors import NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.signals import parse_signal
from whit.runtime.engine import asked
from whit.runtime.engine.creating import Wishes
from whit.runtime.engine.model import Policy
from whit.runtime.engine.mounting import parse_mounts, parse_volumes_from
from whit.runtime.engine.names import check_name, new_name
from whit.runtime.engine.networks.hosts import parse_add_host, parse_server
from whit.runtime.engine.networks.joining import Asked, parse_networks
from whit.runtime.engine.networks.ports import parse_exposed, parse_port
from whit.runtime.engine.secretform import parse_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whit.runtime.request import Words
    from whit.runtime.verbs.given import Keeping


def _lines(paths: tuple[str, ...]) -> list[str]:
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
        dns=tuple(map(parse_server, keeping.dns)),
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
    return words[int.from_bytes(os.urandom(4)) % len(words)]


def _name(given: str | None) -> str:
    if given is not None:
        return check_name(given)
    names = default_root() / "containers" / "names"
    return new_name(lambda name: os.path.lexists(names / name), _chosen)
