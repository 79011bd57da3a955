"""Containers as docker's ``inspect`` shows them. Pure; the columns of ``ps`` are in columns.py."""

from __future__ import annotations

import signal
from datetime import UTC, datetime

from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.signals import NAMES
from whit.runtime.engine.columns import SECOND
from whit.runtime.engine.model import LogDriver, Policy, ProbeKind
from whit.runtime.engine.networks.showing import settings
from whit.runtime.engine.status import Health, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from whit.runtime.engine.healthlog import Result
    from whit.runtime.engine.model import Container, LogOptions, Probe
    from whit.runtime.engine.networks.model import Member, Network, PortMapping
    from whit.runtime.engine.status import Status

Row = dict[str, object]

_NEVER = "0001-01-01T00:00:00Z"


def signal_name(number: int) -> str:
    """``SIGTERM``; real-time signals by their distance to the first."""
    if 1 <= number <= len(NAMES):
        return f"SIG{NAMES[number - 1]}"
    return f"SIGRTMIN+{number - signal.SIGRTMIN}" if number > signal.SIGRTMIN else "SIGRTMIN"


def _time(moment: int) -> str:
    if not moment:
        return _NEVER
    whole = datetime.fromtimestamp(moment // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{moment % SECOND:09d}Z"


def _state(status: Status, results: Iterable[Result]) -> Row:
    document: Row = {
        "Status": status.state.value,
        "Running": status.is_running,
        "Paused": status.state is State.PAUSED,
        "Restarting": status.state is State.RESTARTING,
        "OOMKilled": status.oom,
        "Dead": False,
        "Pid": status.pid,
        # That of the last time is of no use once it runs again; docker forgets it, too.
        "ExitCode": 0 if status.is_running else status.exit_code,
        "Error": status.error,
        "StartedAt": _time(status.started),
        "FinishedAt": _time(status.finished),
    }
    if status.health is not Health.NONE:
        document["Health"] = {
            "Status": status.health.value,
            "FailingStreak": status.failing,
            "Log": [
                {
                    "Start": _time(result.began),
                    "End": _time(result.ended),
                    "ExitCode": result.exit_code,
                    "Output": result.output,
                }
                for result in results
            ],
        }
    return document


def _probe(probe: Probe) -> Row:
    tests = {
        ProbeKind.EXEC: ["CMD", *probe.words],
        ProbeKind.TCP: ["TCP", f"{probe.address}:{probe.port}"],
        ProbeKind.HTTP: ["HTTP", f"{probe.address}:{probe.port}{probe.path}"],
    }
    return {
        "Test": tests[probe.kind],
        "Interval": probe.interval,
        "Timeout": probe.timeout,
        "StartPeriod": probe.start_period,
        "StartInterval": probe.start_interval,
        "Retries": probe.retries,
    }


def _config(container: Container, oci: Mapping[str, object]) -> Row:
    found = oci.get("process")
    process = found if isinstance(found, dict) else {}
    user = process.get("user", {})
    document: Row = {
        "Hostname": container.hostname,
        "Domainname": container.domainname,
        "User": f"{user.get('uid', 0)}:{user.get('gid', 0)}",
        "ExposedPorts": {port if "/" in port else f"{port}/tcp": {} for port in container.exposed},
        "Tty": container.terminal,
        "OpenStdin": container.interactive,
        "Env": process.get("env", []),
        "Cmd": list(container.command),
        "Image": container.image,
        "WorkingDir": process.get("cwd", "/"),
        "Labels": dict(container.labels),
        "StopSignal": signal_name(container.stop_signal),
        "StopTimeout": container.stop_seconds,
    }
    if container.probe:
        document["Healthcheck"] = _probe(container.probe)
    return document


def _bindings(ports: Iterable[PortMapping]) -> Row:
    bindings: dict[str, list[Row]] = {}
    for port in ports:
        binding: Row = {"HostIp": port.host_address, "HostPort": str(port.host_port)}
        bindings.setdefault(f"{port.container_port}/{port.protocol.value}", []).append(binding)
    return dict(bindings)


def _log_config(log: LogOptions) -> Row:
    """As ``--log-opt`` has them."""
    sizes: Row = {"max-size": str(log.max_size), "max-file": str(log.max_file)} if log.max_size else {}
    more = {
        "labels": ",".join(log.labels),
        "env": ",".join(log.env),
        "labels-regex": log.labels_regex,
        "env-regex": log.env_regex,
    }
    return {**sizes, **{name: text for name, text in more.items() if text}}


def _host_config(container: Container, oci: Mapping[str, object]) -> Row:
    linux = oci.get("linux")
    resources = linux.get("resources", {}) if isinstance(linux, dict) else {}
    memory, cpu, pids = (resources.get(name, {}) for name in ("memory", "cpu", "pids"))
    quota, period = cpu.get("quota", 0), cpu.get("period", 0)
    return {
        "AutoRemove": container.remove,
        "NetworkMode": container.network,
        "PortBindings": _bindings(container.ports),
        "ReadonlyRootfs": container.root.is_read_only,
        "StorageOpt": {"size": str(container.root.size)} if container.root.size else None,
        "RestartPolicy": {
            "Name": container.restart.policy.value if container.restart.policy is not Policy.NO else "no",
            "MaximumRetryCount": container.restart.most,
        },
        "LogConfig": {"Type": container.log.driver.value, "Config": _log_config(container.log)},
        "Memory": memory.get("limit", 0),
        "MemorySwap": memory.get("swap", 0),
        "NanoCpus": quota * SECOND // period if quota > 0 and period else 0,
        "CpuQuota": quota,
        "CpuPeriod": period,
        "PidsLimit": pids.get("limit", 0),
        "Dns": list(container.dns),
        "DnsSearch": list(container.dns_search),
        "DnsOptions": list(container.dns_options),
        "ExtraHosts": [f"{name}:{address}" for name, address in container.hosts],
    }


def document(
    container: Container,
    status: Status,
    oci: Mapping[str, object],
    member: Member | None,
    folder: str,
    results: Iterable[Result] = (),
    networks: Iterable[Network] = (),
) -> Row:
    """What ``inspect`` shows of a container: docker's names, as far as there is such a thing here.

    ``member`` is where it is in its ``networks``, while it runs.
    """
    endpoints = member.endpoints if member else ()
    log = container.log.driver is not LogDriver.NONE
    first = endpoints[0] if endpoints else None
    return {
        "Id": container.id,
        "Created": _time(container.created),
        "Path": container.command[0] if container.command else "",
        "Args": list(container.command[1:]),
        "State": _state(status, results),
        "Image": container.image_id,
        "ImageDigest": container.image_digest,
        "Name": f"/{container.name}",
        "RestartCount": status.restarts,
        "LogPath": f"{folder}/log" if log else "",
        "HostnamePath": f"{folder}/hostname",
        "HostsPath": f"{folder}/hosts",
        "ResolvConfPath": f"{folder}/resolv.conf",
        "Mounts": [
            {
                "Type": mount.kind.value,
                "Name": mount.name,
                "Source": mount.source,
                "Destination": mount.target,
                "RW": not mount.read_only,
            }
            for mount in container.mounts
        ],
        "Config": _config(container, oci),
        "HostConfig": _host_config(container, oci),
        "NetworkSettings": {
            "IPAddress": first.address if first else "",
            "MacAddress": first.mac if first else "",
            "Gateway": first.gateway if first else "",
            "Ports": _bindings(member.ports if member else ()),
            "Networks": settings(container.network_names, container.networks, endpoints, networks),
        },
    }
