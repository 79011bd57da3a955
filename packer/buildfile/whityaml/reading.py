"""Located values → a build file, every key checked. Pure. docs/whit-yaml.md says what each key means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.buildfile.whityaml.model import Binary, BuildFile, Frame
from whit.packer.buildfile.whityaml.variables import NAME, expand
from whit.packer.image.callsclaim import SECCOMP_WORDS, refusal_of
from whit.packer.image.platform import parse_platform
from whit.packer.image.probes import HEALTH_LABEL, health_words
from whit.packer.image.reference import parse_reference
from whit.packer.image.spec import Compression, HealthCheck, exposed_port
from whit.packer.resolution.choices import GIVEN, Addition, parse_addition, parse_needs
from whit.packer.support.errors import UsageError
from whit.packer.support.imagepath import fault, is_mounted_over
from whit.packer.support.signals import parse_signal
from whit.packer.support.times import duration
from whit.packer.syscalls.added import call_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from whit.packer.buildfile.whityaml.located import Located

    T = TypeVar("T")

KEYS = (
    *(
        "name",
        "names",
        "binary",
        "binaries",
        "platforms",
        "from",
        "files",
        "entrypoint",
        "cmd",
        "env",
        "user",
        "workdir",
    ),
    *(
        "expose",
        "volumes",
        "labels",
        "annotations",
        "stop_signal",
        "health",
        "needs",
        "sources",
        "sysroot",
        "compression",
        "format",
        "seccomp",
        "add_calls",
    ),
    *("created", "variables"),
)
FILES = "files:"
"""How errors and reasons name what this key brings."""

_BINARY = ("path", "target")
_FILE = ("source", "content", "target", "mode", "owner")
_HEALTH_KINDS = ("command", "http", "tcp")
_TIMES = ("interval", "timeout", "start_period", "start_interval")
_HEALTH = (*_HEALTH_KINDS, *_TIMES, "retries")
_MODE = re.compile(r"0?o?[0-7]{3,4}")
_OWNER = re.compile(r"([0-9]{1,10})(?::([0-9]{1,10}))?")
_MAX_ID = 0xFFFFFFFE
_MAX_RETRIES = (1 << 31) - 1
_LAST_SECOND = 253402300799
"""The end of the year 9999: OCI's times (RFC 3339) have four digits for the year."""


def read_frame(root: Located) -> Frame:
    """The platforms and the variables' defaults, which must be known before anything else. Raises BuildFileError."""
    members = root.members(KEYS)
    variables: dict[str, str] = {}
    for key, value in members["variables"].pairs() if "variables" in members else ():
        if not NAME.fullmatch(key.text()):
            raise key.wrong(f"{key.text()[:60]!r} can't be a variable's name", hint="letters, digits and _")
        variables[key.text()] = value.text()
    wanted = members["platforms"].items() if "platforms" in members else ()
    platforms = (told(value, parse_platform) for value in wanted)
    return Frame(tuple(dict.fromkeys(platforms)), tuple(variables.items()))


def read(root: Located, variables: Mapping[str, str]) -> BuildFile:
    """The build file with its variables replaced. Raises :class:`BuildFileError`."""
    reader = _Reader(root.members(KEYS), variables)
    binaries = reader.binaries(root)
    labels = dict(reader.named("labels"))
    health, label = reader.health()
    if label:
        labels.setdefault(HEALTH_LABEL, label)
    return BuildFile(
        binaries=binaries,
        names=reader.parsed("name", parse_reference) + reader.parsed("names", parse_reference),
        base=None if reader.one("from") in (None, "scratch") else reader.one("from"),
        files=reader.files(),
        entrypoint=reader.entrypoint(),
        cmd=reader.texts("cmd"),
        env=tuple(f"{name}={value}" for name, value in reader.named("env")),
        user=reader.printable("user"),
        working_dir=reader.path("workdir"),
        exposed_ports=reader.parsed("expose", exposed_port),
        volumes=reader.parsed("volumes", _volume),
        labels=tuple(sorted(labels.items())),
        annotations=tuple(sorted(reader.named("annotations"))),
        stop_signal=reader.signal("stop_signal"),
        health=health,
        needs=reader.parsed("needs", _need),
        sources=reader.choice("sources", ("packages", "host")) or "packages",
        sysroot=reader.one("sysroot"),
        compression=Compression(reader.choice("compression", tuple(Compression)) or Compression.GZIP),
        as_artifact=reader.choice("format", ("oci", "wasm")) == "wasm",
        refusal=refusal_of(reader.choice("seccomp", SECCOMP_WORDS) or ""),
        added_calls=tuple(sorted(set(reader.parsed("add_calls", call_name)))),
        created=reader.created(),
    )


def told(value: Located, parse: Callable[[str], T], text: str | None = None) -> T:
    """What a parser of the command line's makes of a value; its error gets the value's place."""
    try:
        return parse(value.text() if text is None else text)
    except UsageError as error:
        raise value.wrong(error.message, error.hint) from None


def _need(text: str) -> str:
    for name, is_wanted in parse_needs((text,), "needs:"):
        if is_wanted and name not in GIVEN:
            raise UsageError(
                f"needs: +{name}: whit has no file that serves it", hint="give the files themselves, by files:"
            )
    return text


def _addition(text: str) -> Addition:
    return parse_addition(text, FILES)


def _volume(text: str) -> str:
    if what := fault(text):
        raise UsageError(f"{text[:80]!r} {what}", hint="as in /data")
    return text


@dataclass(frozen=True, slots=True)
class _Reader:
    members: Mapping[str, Located]
    variables: Mapping[str, str]

    def items(self, key: str) -> tuple[Located, ...]:
        return self.members[key].items() if key in self.members else ()

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(expand(item, self.variables) for item in self.items(key))

    def one(self, key: str) -> str | None:
        return expand(self.members[key], self.variables) if key in self.members else None

    def parsed(self, key: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        return tuple(told(item, parse, expand(item, self.variables)) for item in self.items(key))

    def signal(self, key: str) -> str | None:
        text = self.one(key)
        if text is not None:
            told(self.members[key], parse_signal, text)
        return text

    def printable(self, key: str) -> str | None:
        """A text of one line, as readers of images take it."""
        text = self.one(key)
        if text is not None and not text.isprintable():
            raise self.members[key].wrong(f"{key}: {text[:60]!r} has characters that can't be printed")
        return text

    def entrypoint(self) -> tuple[str, ...] | None:
        if "entrypoint" not in self.members:
            return None
        words = self.texts("entrypoint")
        if not words or not words[0]:
            raise self.members["entrypoint"].wrong(
                "entrypoint: there is no program", hint="leave the line out: the first binary is started"
            )
        return words

    def choice(self, key: str, allowed: tuple[str, ...]) -> str | None:
        text = self.one(key)
        if text is not None and text not in allowed:
            raise self.members[key].wrong(f"{key}: {text[:60]!r} isn't known", hint=f"one of {', '.join(allowed)}")
        return text

    def path(self, key: str) -> str | None:
        text = self.printable(key)
        if text is not None and not text.startswith("/"):
            raise self.members[key].wrong(f"{key}: {text[:80]!r} isn't an absolute path", hint="as in /srv")
        return text

    def named(self, key: str) -> tuple[tuple[str, str], ...]:
        """A mapping of texts, or a list of ``NAME=VALUE``."""
        if key not in self.members:
            return ()
        value = self.members[key]
        if value.is_mapping:
            for word, _ in value.pairs():
                if not word.text() or (key == "env" and "=" in word.text()):
                    raise word.wrong(
                        f"{key}: {word.text()[:60]!r} can't be a name", hint=f"as in {key}: {{NAME: value}}"
                    )
            return tuple((name.text(), expand(item, self.variables)) for name, item in value.pairs())
        found = []
        for item in value.items():
            name, equals, rest = expand(item, self.variables).partition("=")
            if not name or not equals:
                raise item.wrong(f"{key}: {item.text()[:60]!r} isn't NAME=VALUE", hint=f"as in {key}: {{NAME: value}}")
            found.append((name, rest))
        return tuple(found)

    def binaries(self, root: Located) -> tuple[Binary, ...]:
        found = [self._binary(item) for key in ("binary", "binaries") for item in self._things(key)]
        if not found:
            raise root.wrong("there is no binary", hint="name the executable: 'binary: ./server'")
        return tuple(found)

    def _things(self, key: str) -> tuple[Located, ...]:
        """A list's members, or the one thing that stands there by itself."""
        if key not in self.members:
            return ()
        value = self.members[key]
        return (value,) if value.is_mapping else value.items()

    def _binary(self, item: Located) -> Binary:
        if not item.is_mapping:
            return Binary(expand(item, self.variables))
        members = item.members(_BINARY)
        if "path" not in members:
            raise item.wrong(f"{item.key} has no 'path'", hint="path: ./server")
        target = members.get("target")
        return Binary(
            expand(members["path"], self.variables),
            told(target, _place, expand(target, self.variables)) if target else None,
        )

    def files(self) -> tuple[Addition, ...]:
        found: dict[str, tuple[Addition, Located]] = {}
        for item in self.items("files"):
            addition = self.file(item)
            if addition.target in found:
                raise item.wrong(
                    f"{addition.target} is in the image already, by line {found[addition.target][1].line}",
                    hint="leave one of the two out",
                )
            found[addition.target] = addition, item
        return tuple(addition for addition, _ in found.values())

    def file(self, item: Located) -> Addition:
        """``SOURCE:/TARGET[:MODE]``, or a mapping."""
        if not item.is_mapping:
            return told(item, _addition, expand(item, self.variables))
        members = item.members(_FILE)
        if "target" not in members:
            raise item.wrong(f"{item.key} has no 'target'", hint="target: /etc/app/")
        if "source" in members and "content" in members:
            raise members["content"].wrong("a file has a source or a content, not both")
        source = expand(members["source"], self.variables) if "source" in members else ""
        target = expand(members["target"], self.variables)
        if source and target.endswith("/"):
            target += source.rstrip("/").rpartition("/")[2]
        mode, owner = self._mode(members.get("mode")), self._owner(members.get("owner"))
        content = expand(members["content"], self.variables) if "content" in members else None
        return Addition(source, told(members["target"], _place, target.rstrip("/")), mode, *owner, content, word=FILES)

    def _mode(self, value: Located | None) -> int | None:
        if value is None:
            return None
        text = expand(value, self.variables)
        if not _MODE.fullmatch(text):
            raise value.wrong(f"{text[:40]!r} isn't a mode in octal", hint='as in "0644" or "0755"')
        return int(text.replace("o", ""), 8)

    def _owner(self, value: Located | None) -> tuple[int, int]:
        if value is None:
            return 0, 0
        text = expand(value, self.variables)
        found = _OWNER.fullmatch(text)
        numbers = [int(number) for number in found.groups(default=found[1])] if found else []
        if not found or max(numbers) > _MAX_ID:
            raise value.wrong(f"{text[:40]!r} isn't an owner in numbers", hint='as in "1000" or "1000:1000"')
        return numbers[0], numbers[1]

    def health(self) -> tuple[HealthCheck | None, str]:
        """What docker knows, a command; or the label by which whit knows the probes that it does itself."""
        if "health" not in self.members:
            return None, ""
        value = self.members["health"]
        members = value.members(_HEALTH)
        kinds = [kind for kind in _HEALTH_KINDS if kind in members]
        if len(kinds) != 1:
            raise value.wrong("health needs one of 'command', 'http' and 'tcp'", hint="http: ':8080/healthz'")
        times = {
            key: told(members[key], duration, expand(members[key], self.variables)) for key in _TIMES if key in members
        }
        retries = self._count(members["retries"]) if "retries" in members else 0
        if kinds == ["command"]:
            words = tuple(expand(item, self.variables) for item in members["command"].items())
            is_shell = isinstance(members["command"].value, str)
            return HealthCheck(("CMD-SHELL" if is_shell else "CMD", *words), retries=retries, **times), ""
        target = expand(members[kinds[0]], self.variables)
        return None, told(members[kinds[0]], lambda target: health_words(kinds[0], target, times, retries), target)

    def _count(self, value: Located) -> int:
        text = expand(value, self.variables)
        if not (text.isascii() and text.isdigit() and 0 < int(text[:12]) <= _MAX_RETRIES):
            raise value.wrong(f"{text[:40]!r} isn't a number from 1 up")
        return int(text)

    def created(self) -> int | None:
        text = self.one("created")
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) <= _LAST_SECOND):  # noqa: PLR2004 - its digits
            raise self.members["created"].wrong(
                f"created: {text[:40]!r} isn't seconds since 1970", hint="from 0 to the end of the year 9999"
            )
        return int(text)


def _place(target: str) -> str:
    what = fault(target)
    if what:
        raise UsageError(f"{target[:80]!r} {what}", hint="as in /etc/app/config.toml")
    if is_mounted_over(target):
        raise UsageError(f"in a container the runtime's own files are at {target}", hint="choose another place")
    return target
