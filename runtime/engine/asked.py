"""The options of ``whit run`` and ``create`` that are about a container that is kept, parsed. Pure."""

from __future__ import annotations

from whit.packer.image.probes import HEALTH_LABEL, parse_health, parse_target
from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.packer.support.times import duration
from whit.runtime.engine.logdetails import with_details
from whit.runtime.engine.model import NO_LIMIT, LogDriver, LogOptions, Policy, Probe, ProbeKind, Restart
from whit.runtime.limits import parse_size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.image.spec import RunConfig

_LEAST_INTERVAL = 10**6


@dataclass(frozen=True, slots=True)
class HealthWords:
    """The health options as they stand on the command line."""

    cmd: str | None = None
    tcp: str | None = None
    http: str | None = None
    interval: str | None = None
    timeout: str | None = None
    start_period: str | None = None
    start_interval: str | None = None
    retries: int | None = None
    off: bool = False

    @property
    def is_asked(self) -> bool:
        """Whether anything was given."""
        return self != HealthWords()


def parse_restart(text: str) -> Restart:
    """``no``, ``always``, ``unless-stopped``, ``on-failure[:MOST]``. Raises :class:`UsageError`."""
    word, colon, most = text.partition(":")
    allowed = ", ".join(policy.value for policy in Policy)
    if word not in set(Policy):
        raise UsageError(f"--restart: '{text}' is no policy", hint=f"one of {allowed}, on-failure:5")
    policy = Policy(word)
    if not colon:
        return Restart(policy)
    if policy is not Policy.ON_FAILURE or not (most.isascii() and most.isdigit() and len(most) < 10):  # noqa: PLR2004 - digits
        raise UsageError(f"--restart: '{text}': only on-failure takes a number, and it takes one", hint="on-failure:5")
    return Restart(policy, int(most))


def parse_duration(text: str, option: str) -> int:
    """Go's durations (``1m30s``, ``500ms``) in ns. Raises :class:`UsageError`."""
    try:
        return duration(text)
    except UsageError as error:
        raise UsageError(f"{option}: {error.message}", hint=error.hint) from None


def _kind(words: HealthWords) -> Probe | None:
    given = [option for option in (words.cmd, words.tcp, words.http) if option is not None]
    if len(given) > 1:
        raise UsageError("a container has one probe", hint="choose one of --health-cmd, --health-tcp, --health-http")
    if words.cmd is not None:
        return Probe(ProbeKind.EXEC, words=_command(words.cmd))
    if words.tcp is not None:
        address, port, _ = parse_target("tcp", words.tcp, "--health-tcp")
        return Probe(ProbeKind.TCP, address=address, port=port)
    if words.http is not None:
        address, port, path = parse_target("http", words.http, "--health-http")
        return Probe(ProbeKind.HTTP, address=address, port=port, path=path)
    return None


def _command(text: str) -> tuple[str, ...]:
    """A shell's line, as docker has it, or, where it is JSON's list, a program and its arguments: an image may have no shell."""
    if text.startswith("["):
        import json  # noqa: PLC0415 - only for this form

        try:
            words = json.loads(text)
        except ValueError:
            words = None
        if isinstance(words, list) and words and all(isinstance(word, str) and "\0" not in word for word in words):
            return tuple(words)
    if not text.strip():
        raise UsageError("--health-cmd: there is no command")
    return ("/bin/sh", "-c", text)


def image_probe(config: RunConfig) -> Probe | None:
    """The probe that an image brings; None where it has none, or says so. Raises :class:`UsageError` for a damaged one."""
    label = dict(config.labels).get(HEALTH_LABEL)
    if label is not None:
        which, target, times = parse_health(label)
        retries = times.pop("retries", None)
        if retries is not None and not (retries.isascii() and retries.isdigit() and len(retries) < 10):  # noqa: PLR2004
            raise UsageError(
                f"the image's label {HEALTH_LABEL}: {retries[:40]!r} is no number", hint="--no-healthcheck"
            )
        asked = HealthWords(
            tcp=target if which == "tcp" else None,
            http=target if which == "http" else None,
            interval=times.get("interval"),
            timeout=times.get("timeout"),
            start_period=times.get("start_period"),
            start_interval=times.get("start_interval"),
            retries=int(retries) if retries else None,
        )
        return parse_probe(asked, None)
    health = config.health
    kind, *words = health.test if health else ("NONE",)
    if health is None or not words or kind not in {"CMD", "CMD-SHELL"}:
        return None
    usual = Probe(ProbeKind.EXEC)
    return Probe(
        ProbeKind.EXEC,
        words=("/bin/sh", "-c", words[0]) if kind == "CMD-SHELL" else tuple(words),
        interval=health.interval or usual.interval,
        timeout=health.timeout or usual.timeout,
        start_period=health.start_period,
        start_interval=health.start_interval or usual.start_interval,
        retries=health.retries or usual.retries,
    )


def check_health(words: HealthWords) -> None:
    """Find what is wrong with the words as long as it isn't known what the image says. Raises :class:`UsageError`."""
    parse_probe(words, Probe(ProbeKind.EXEC, words=("/",)))


def parse_probe(words: HealthWords, image: Probe | None) -> Probe | None:
    """The probe that was asked for, else the image's with what was asked of it. Raises :class:`UsageError`."""
    if words.off:
        return None
    probe = _kind(words) or image
    if probe is None:
        if words.is_asked:
            raise UsageError(
                "there is no probe to time", hint="give one: --health-http :8080/healthz, --health-tcp, --health-cmd"
            )
        return None
    timed = replace(
        probe,
        interval=_time(words.interval, "interval", probe.interval, _LEAST_INTERVAL),
        timeout=_time(words.timeout, "timeout", probe.timeout, _LEAST_INTERVAL),
        start_period=_time(words.start_period, "start-period", probe.start_period),
        start_interval=_time(words.start_interval, "start-interval", probe.start_interval),
    )
    if words.retries is not None and words.retries < 1:
        raise UsageError("--health-retries must be 1 at least")
    return timed if words.retries is None else replace(timed, retries=words.retries)


def _time(text: str | None, name: str, otherwise: int, least: int = 0) -> int:
    if text is None:
        return otherwise
    time = parse_duration(text, f"--health-{name}")
    if time < least:
        raise UsageError(f"--health-{name} must be 1ms at least")
    return time


def parse_storage(options: Iterable[str]) -> int:
    """``--storage-opt size=SIZE``: bytes that the container may write to its root, 0 for no limit. Raises :class:`UsageError`."""
    from whit.runtime.engine.volumeform import parse_quota  # noqa: PLC0415 - seldom asked for

    size = 0
    for text in options:
        name, _, value = text.partition("=")
        if name != "size":
            raise UsageError(f"--storage-opt: there is no option '{name}'", hint="size=64m")
        size = parse_quota(value, "--storage-opt size=")
    return size


def parse_log(driver: str | None, options: Iterable[str]) -> LogOptions:
    """``--log-driver`` and ``--log-opt NAME=VALUE``. Raises :class:`UsageError`."""
    kinds = {
        None: LogDriver.CRI,
        "cri": LogDriver.CRI,
        "json-file": LogDriver.CRI,
        "local": LogDriver.CRI,
        "none": LogDriver.NONE,
    }
    if driver not in kinds:
        raise UsageError(f"--log-driver: there is no '{driver}'", hint="cri (a file, docs/engine.md), or none")
    log = LogOptions(kinds[driver])
    for text in options:
        name, _, value = text.partition("=")
        if name == "max-size":
            log = replace(log, max_size=parse_size(value) if value != "-1" else 0)
        elif name == "max-file" and value.isascii() and value.isdigit() and 1 <= int(value[:4]) <= 1000:  # noqa: PLR2004
            log = replace(log, max_file=int(value))
        elif more := with_details(log, name, value):
            log = more
        else:
            hint = "max-size=10m, max-file=3 (1 to 1000), labels=NAME,…, env=NAME,…, labels-regex=, env-regex="
            raise UsageError(f"--log-opt: '{text}'", hint=hint)
    if log.max_file > 1 and not log.max_size:
        raise UsageError("--log-opt max-file is of no use without max-size", hint="--log-opt max-size=10m")
    return log


def parse_stop_seconds(seconds: int | None) -> int:
    """``--stop-timeout``; -1: never killed."""
    if seconds is None:
        return 10
    return seconds if seconds >= 0 else NO_LIMIT


def parse_labels(labels: Iterable[str], files: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """``--label NAME[=VALUE]``, and lines of ``--label-file``. Raises :class:`UsageError`."""
    found: dict[str, str] = {}
    for text in (*files, *labels):
        name, _, value = text.partition("=")
        if not name:
            raise UsageError(f"--label: '{text}' has no name", hint="NAME=VALUE")
        found[name] = value
    return tuple(found.items())
