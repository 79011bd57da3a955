"""runc's command line: options before the verb, the verb, its options, its words. Pure.

By hand, because ``create`` has a budget of milliseconds: an option may be written ``--name VALUE`` or ``--name=VALUE``,
with one dash or two. A verb's options may follow its words, as runc takes them; where words are another program's own,
the options end at the first one.
"""

from __future__ import annotations

from posixpath import abspath

from whit.packer.support.errors import UsageError
from whit.packer.support.light import dataclass

GLOBAL = {
    "root": True, "log": True, "log-format": True, "criu": True, "rootless": True, "debug": False,
    "systemd-cgroup": False, "version": False, "help": False,
}  # fmt: skip
"""Option → whether it takes a value."""

_CREATE = {
    "bundle": True, "console-socket": True, "pid-file": True, "no-pivot": False, "no-new-keyring": False,
    "preserve-fds": True, "pidfd-socket": True,
}  # fmt: skip

VERBS: dict[str, dict[str, bool]] = {
    "spec": {"bundle": True, "rootless": False},
    "create": _CREATE,
    "run": {**_CREATE, "detach": False, "keep": False, "no-subreaper": False},
    "start": {},
    "state": {},
    "kill": {"all": False},
    "delete": {"force": False},
    "exec": {
        "console-socket": True, "cwd": True, "env": True, "tty": False, "user": True, "additional-gids": True,
        "process": True, "detach": False, "pid-file": True, "process-label": True, "apparmor": True,
        "no-new-privs": False, "cap": True, "preserve-fds": True, "cgroup": True, "ignore-paused": False,
        "pidfd-socket": True,
    },
    "list": {"format": True, "quiet": False},
    "ps": {"format": True},
    "pause": {},
    "resume": {},
    "update": {
        "resources": True, "blkio-weight": True, "cpu-period": True, "cpu-quota": True, "cpu-burst": True,
        "cpu-share": True, "cpu-rt-period": True, "cpu-rt-runtime": True, "cpu-idle": True, "cpuset-cpus": True,
        "cpuset-mems": True, "memory": True, "memory-reservation": True, "memory-swap": True, "pids-limit": True,
        "kernel-memory": True, "kernel-memory-tcp": True, "l3-cache-schema": True, "mem-bw-schema": True,
    },
    "events": {"interval": True, "stats": False},
    "features": {},
}  # fmt: skip
"""The verbs and their options."""

SHORT = {
    "b": "bundle", "d": "detach", "e": "env", "t": "tty", "u": "user", "g": "additional-gids", "p": "process",
    "c": "cap", "f": "format", "q": "quiet", "r": "resources", "a": "all", "h": "help", "v": "version",
}  # fmt: skip

COMMAND_FOLLOWS = frozenset({"exec", "ps"})
"""The verbs whose words are a command line of another program's."""

REPEATED = frozenset({"env", "cap", "additional-gids", "cgroup"})


def absolute(path: str) -> str:
    """The path from the root on. Raises :class:`UsageError` where it would begin in a folder that is no more."""
    try:
        return abspath(path)
    except FileNotFoundError:
        raise UsageError(
            f"the working directory has been deleted, so there is no {path} in it",
            hint="change to one that is there, or give absolute paths: --bundle DIR",
        ) from None


@dataclass(frozen=True, slots=True)
class Options:
    """What was given: option → value (``""`` for a flag), and every value of those that may be repeated."""

    values: dict[str, str]
    repeated: dict[str, tuple[str, ...]]

    def text(self, name: str, default: str = "") -> str:
        """The value, or ``default`` where the option isn't given."""
        return self.values.get(name, default)

    def path(self, name: str) -> str:
        """The value as an absolute path, links unresolved; empty where the option isn't given."""
        value = self.values.get(name)
        return absolute(value) if value else ""

    def flag(self, name: str) -> bool:
        """Whether the option is given."""
        return name in self.values

    def number(self, name: str, default: int = 0) -> int:
        """The value as a number from 0 on. Raises :class:`UsageError`."""
        value = self.values.get(name)
        if value is None:
            return default
        if not value.isascii() or not value.isdigit():
            raise UsageError(f"--{name}: '{value}' is no number")
        return int(value)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of an option that may be repeated."""
        return self.repeated.get(name, ())


@dataclass(frozen=True, slots=True)
class Call:
    """One command line, taken apart.

    ``form`` is a descriptor of the form that the launcher has made, ``keep_as`` the path for its plan: see kept.py.
    """

    globals: Options
    verb: str
    options: Options
    words: tuple[str, ...]
    form: int = -1
    keep_as: str = ""


def _name(word: str, known: dict[str, bool], verb: str) -> str:
    name = word.lstrip("-")
    if len(name) == 1:
        # `delete -f` is force, `ps -f` is format.
        name = "force" if name == "f" and "force" in known else SHORT.get(name, name)
    if name not in known:
        whose = f"{verb}: " if verb else ""
        raise UsageError(f"{whose}there is no option {word}", hint="whit-oci --help lists them")
    return name


def _options(
    words: list[str], known: dict[str, bool], verb: str = "", *, anywhere: bool = False
) -> tuple[Options, list[str]]:
    values: dict[str, str] = {}
    repeated: dict[str, tuple[str, ...]] = {}
    passed: list[str] = []
    at = 0
    while at < len(words):
        if not words[at].startswith("-") or words[at] == "-":
            if not anywhere:
                break
            passed.append(words[at])
            at += 1
            continue
        word, equals, value = words[at].partition("=")
        at += 1
        if word == "--":
            break
        name = _name(word, known, verb)
        if known[name] and not equals:
            if at == len(words):
                raise UsageError(f"{word} needs a value")
            value = words[at]
            at += 1
        if not known[name] and equals and value == "false":
            continue
        values[name] = value if known[name] else ""
        if name in REPEATED:
            repeated[name] = (*repeated.get(name, ()), value)
    return Options(values, repeated), passed + words[at:]


def parse(words: list[str]) -> Call:
    """The command line after the program's name. Raises :class:`UsageError`."""
    globals_, rest = _options(words, GLOBAL)
    if not rest or globals_.flag("help") or globals_.flag("version"):
        return Call(globals_, "", Options({}, {}), ())
    verb, *rest = rest
    known = VERBS.get(verb)
    if known is None:
        raise UsageError(f"there is no command '{verb}'", hint="whit-oci --help lists them")
    options, rest = _options(rest, {**known, "help": False}, verb, anywhere=verb not in COMMAND_FOLLOWS)
    return Call(globals_, verb, options, tuple(rest))


def container_id(text: str) -> str:
    """A container's name (runc: letters, digits, ``_+-.``). Raises :class:`UsageError`."""
    allowed = text.isascii() and text.translate({ord(char): "a" for char in "_+-."}).isalnum()
    if not allowed or text in {".", ".."} or len(text) > MAX_ID:
        raise UsageError(f"invalid container ID '{text}'", hint="use letters, digits, '_', '+', '-' and '.'")
    return text


MAX_ID = 255
"""A container's folder has its name: NAME_MAX."""
