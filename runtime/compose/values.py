"""Whether values can be had, before anything is made of them: what can't is told with its place in the file. Pure.

The engine's own parsers judge them. What only an image or this machine can tell (a user's name, a device, a port that is taken) is found when a
container is made; the place is that of the value which the words name then.
"""

from __future__ import annotations

import contextlib
import re
from functools import partial

from whit.packer.support.errors import InvalidFileError, UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.keys import dotted, is_off
from whit.runtime.compose.project import CONTAINER, SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.runtime.compose.keys import Path, Where
    from whit.runtime.compose.project import Project, Service, Values
    from whit.runtime.engine.asked import HealthWords

    Check = Callable[[str], object]
    """Raises :class:`WhitError` for a text that can't be had."""
    Judged = tuple[Path, Callable[[], object]]
    """The way below a service to a value, and what raises :class:`WhitError` where it can't be had."""

_OPTION = r"--[a-z][a-z-]*(?:[ =][^:]*)?: "
"""How the command line's words begin; compiled for errors alone."""
_LEAST = 2
"""Characters of a value that words can name: a shorter one stands in many."""


def check_values(project: Project, names: tuple[str, ...], where: Where) -> None:
    """Raises :class:`InvalidFileError` for the first value of these services, or of the networks and volumes that they use, that can't be had."""
    for name in names:
        service = project.services[name]
        _check_service(project, service, ("services", name), where)
        for number, hook in enumerate(service.hooks):
            _check_service(project, hook, ("services", name, "pre_start", number), where)
    keys = {key for name in names for key in project.services[name].all_networks()}
    for key in sorted(keys & set(project.networks)):
        values = project.networks[key] or {}
        if not values.get("external") and (values.get("ipam") or {}).get("config"):
            from whit.runtime.compose.subnets import check_pools  # noqa: PLC0415 - ipaddress is slow to import

            users = [project.services[name] for name in names if key in project.services[name].networks]
            check_pools(key, values, users, lambda path: telling(where, path))
    keys = {key for name in names for key in project.services[name].volumes()}
    for key in sorted(keys & set(project.volumes)):
        options = (project.volumes[key] or {}).get("driver_opts")
        if options:
            from whit.runtime.engine.volumeform import check_options  # noqa: PLC0415 - few have any

            with telling(where, ("volumes", key, "driver_opts")):
                check_options(tuple((str(name), str(value)) for name, value in options.items()))


@contextlib.contextmanager
def telling(where: Where, path: Path, values: object = None, *, is_file: bool = True) -> Iterator[None]:
    """Have what is wrong be told with its place: that of a path, or, among the ``values`` there, of the one that the words name.

    Errors are of the file's then, unless it may as well be the machine that is wrong.
    """
    try:
        yield
    except WhitError as error:
        text = re.sub(_OPTION, "", error.message, count=1).removeprefix(f"service {path[-1]}: ")
        at = (*path, *named_in(text, values)) if values else path
        hint = None if error.hint and "--" in error.hint else error.hint
        kind = InvalidFileError if is_file else type(error)
        raise kind(f"{where(at)}{dotted(at)}: {text}", hint=hint) from None


def named_in(text: str, values: object, path: Path = ()) -> Path:
    """The way to the value that an error's words name: the longest that stands there as a word of its own; nothing where none does."""
    found = list(_named(text, values, path))
    return max(found, key=lambda one: one[0], default=(0, path))[1]


def _named(text: str, values: object, path: Path) -> Iterator[tuple[int, Path]]:
    if isinstance(values, dict):
        for key, value in values.items():
            if _stands(str(key), text) and path:
                yield len(str(key)), (*path, key)
            yield from _named(text, value, (*path, key))
    elif isinstance(values, list):
        for number, value in enumerate(values):
            yield from _named(text, value, (*path, number))
    elif isinstance(values, (str, int)) and not isinstance(values, bool) and _stands(str(values), text):
        yield len(str(values)), path


def _stands(value: str, text: str) -> bool:
    return len(value) >= _LEAST and bool(re.search(rf"(?<![\w./-]){re.escape(value)}(?![\w/-])", text))


# services


def _check_service(project: Project, service: Service, path: Path, where: Where) -> None:
    values = service.values
    for below, judge in (*_texts(values), *_records(project, values), *_limits(values), *_uses(service)):
        within = values[below[-1]] if below[-1] in _WITHIN else None
        with telling(where, (*path, *below), within):
            judge()


_WITHIN = ("healthcheck", "logging")
"""Records that are judged as a whole: the words of what is wrong tell the value."""


def _texts(values: Values) -> Iterator[Judged]:
    for key, check in _WHOLE.items():
        if not is_off(values.get(key)):
            yield (key,), partial(check, str(values[key]))
    for key, check in _EACH.items():
        for below, text in _parts(values.get(key)):
            yield (key, below), partial(check, text)


def _parts(value: object) -> Iterator[tuple[str | int, str]]:
    """Of a list each item; of a mapping ``NAME=VALUE`` by its name."""
    if isinstance(value, dict):
        yield from ((str(key), f"{key}={_flat(one)}") for key, one in value.items())
    elif isinstance(value, list):
        yield from enumerate(map(str, value))


def _flat(value: object) -> object:
    """``SOFT:HARD`` of two limits; else the value itself."""
    return f"{value.get('soft')}:{value.get('hard')}" if isinstance(value, dict) else value


def _records(project: Project, values: Values) -> Iterator[Judged]:
    if not any(values.get(key) for key in ("volumes", "secrets", "configs", *_WITHIN)):
        return
    from whit.runtime.compose import wishing  # noqa: PLC0415 - what is there already needs none of it
    from whit.runtime.compose.mounting import mount_of, secret_of  # noqa: PLC0415

    for number, one in enumerate(values.get("volumes") or ()):
        yield ("volumes", number), partial(mount_of, project, one)
    for kind in ("secrets", "configs"):
        for number, one in enumerate(values.get(kind) or ()):
            yield (kind, number), partial(secret_of, kind, one, {(kind, str(one["source"])): "/"})
    if values.get("healthcheck"):
        yield ("healthcheck",), partial(_health, wishing.health_of, values["healthcheck"])
    if values.get("logging"):
        yield ("logging",), partial(wishing.log_of, values["logging"])


def _limits(values: Values) -> Iterator[Judged]:
    limits: Values = ((values.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    inner = ("deploy", "resources", "limits")
    for below, value in ((("cpus",), values.get("cpus")), ((*inner, "cpus"), limits.get("cpus"))):
        if value:
            yield below, partial(_cpus, f"{float(value):g}")
    for below, value in ((("mem_limit",), values.get("mem_limit")), ((*inner, "memory"), limits.get("memory"))):
        if value:
            yield below, partial(_memory, str(value))


def _uses(service: Service) -> Iterator[Judged]:
    for key, use in service.networks.items():
        for name in _OF_NETWORKS:
            if (use or {}).get(name):
                yield ("networks", key, name), partial(_joining, name, (use or {})[name])


def _cpus(text: str) -> None:
    from whit.runtime.limits import parse_cpus  # noqa: PLC0415 - few are limited

    parse_cpus(text)


def _memory(text: str) -> None:
    from whit.runtime.limits import parse_memory  # noqa: PLC0415 - few are limited

    parse_memory(text)


_OF_NETWORKS = {
    "ipv4_address": "address",
    "ipv6_address": "address6",
    "mac_address": "mac",
    "aliases": "aliases",
    "interface_name": "interface",
}
"""What a service says of itself in a network, by the engine's names."""


def _joining(name: str, value: str | list[str]) -> None:
    from whit.runtime.engine.networks.joining import checked  # noqa: PLC0415 - ipaddress is slow to import
    from whit.runtime.engine.networks.model import Joining  # noqa: PLC0415

    try:
        checked(Joining("", **{_OF_NETWORKS[name]: tuple(value) if isinstance(value, list) else value}))  # type: ignore[arg-type]
    except UsageError as error:
        raise UsageError(error.message.removeprefix("network : "), hint=error.hint) from None


def _image(text: str) -> None:
    from whit.packer.image.reference import parse_reference  # noqa: PLC0415 - the engine does so, too

    parse_reference(text)


def _platform(text: str) -> None:
    from whit.packer.image.platform import parse_platform  # noqa: PLC0415 - few name one

    parse_platform(text)


def _working_dir(text: str) -> None:
    if not text.startswith("/"):
        raise UsageError(f"'{text[:60]}' is no absolute path", hint="write it from / on")


def _hostname(text: str) -> None:
    from whit.runtime.plan import check_host_name  # noqa: PLC0415 - few name one

    check_host_name(text)


def _signal(text: str) -> None:
    from whit.packer.support.signals import parse_signal  # noqa: PLC0415 - few name one

    parse_signal(text)


def _restart(text: str) -> None:
    from whit.runtime.engine.asked import parse_restart  # noqa: PLC0415 - not every service has one

    parse_restart(text)


def _namespace(option: str) -> Check:
    def check(text: str) -> None:
        from whit.runtime.engine.powers import check_namespace  # noqa: PLC0415 - few share any

        check_namespace(option, f"{CONTAINER}{text.removeprefix(SERVICE)}" if text.startswith(SERVICE) else text)

    return check


def _variable(text: str) -> None:
    name = text.partition("=")[0]
    if not name or "\0" in text:
        raise UsageError("a variable has no name" if not name else f"{name}: a variable can't hold a null byte")


def _capability(text: str) -> None:
    from whit.runtime.capabilities import parse_capability  # noqa: PLC0415 - few ask for any

    if text.upper().removeprefix("CAP_") != "ALL":
        parse_capability(text)


def _nameserver(text: str) -> None:
    from ipaddress import ip_address  # noqa: PLC0415 - slow to import

    try:
        ip_address(text)
    except ValueError:
        raise UsageError(f"'{text[:60]}' is no address of a name server", hint="as 192.0.2.53") from None


def _host(text: str) -> None:
    from whit.runtime.engine.networks.hosts import parse_add_host  # noqa: PLC0415 - ipaddress is slow to import

    parse_add_host(text)


def _exposed(text: str) -> None:
    from whit.runtime.engine.networks.ports import parse_exposed  # noqa: PLC0415 - as above

    parse_exposed(text)


def _tmpfs(text: str) -> None:
    from whit.runtime.engine.mounting import parse_tmpfs_mount  # noqa: PLC0415 - few have any

    parse_tmpfs_mount(text)


def _storage(text: str) -> None:
    from whit.runtime.engine.asked import parse_storage  # noqa: PLC0415 - few ask for any

    parse_storage((text,))


def _ulimit(text: str) -> None:
    from whit.runtime.limits import parse_ulimit  # noqa: PLC0415 - few have any

    parse_ulimit(text)


def _health(words_of: Callable[[Values], HealthWords], check: Values) -> None:
    from whit.runtime.engine.asked import check_health  # noqa: PLC0415 - few have any

    check_health(words_of(check))


def _sandbox(text: str) -> None:
    from whit.runtime.sandbox import parse_sandbox  # noqa: PLC0415 - few ask for one

    parse_sandbox(text, "--sandbox")


_WHOLE: dict[str, Check] = {
    "x-sandbox": _sandbox,
    "image": _image, "platform": _platform, "working_dir": _working_dir, "hostname": _hostname, "stop_signal": _signal, "restart": _restart,
    "mac_address": lambda text: _joining("mac_address", text),
    "pid": _namespace("pid"), "ipc": _namespace("ipc"), "uts": _namespace("uts"), "cgroup": _namespace("cgroupns"),
}  # fmt: skip
_EACH: dict[str, Check] = {
    "environment": _variable, "cap_add": _capability, "cap_drop": _capability, "dns": _nameserver, "extra_hosts": _host, "expose": _exposed,
    "tmpfs": _tmpfs, "storage_opt": _storage, "ulimits": _ulimit,
}  # fmt: skip
