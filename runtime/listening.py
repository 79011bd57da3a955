"""The TCP ports at which a program may listen in a strict sandbox where nobody names one, each with where it was found. Pure.

They are read from what the image exposes, and from words that the person or the image's maker wrote: the command line and
the environment. What can be read in two ways is no port: a word names one only as an address of this machine, or behind
a name that says so. docs/security.md has the rules.
"""

from __future__ import annotations

import re

from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_LAST_PORT = 65535
_MOST_SHOWN = 60
_SHELLS = frozenset(("sh", "ash", "bash", "dash", "ksh", "mksh", "zsh"))
_SCRIPT_OPTION = re.compile("-[a-z]*c")
_SCRIPT = 3
"""Words of a shell with a script."""
_LONGEST_SCRIPT = 16384
_ADDRESS = re.compile(
    r"(?:(?:tcp|tcp4|tcp6|http|https|h2c?|unix\+http)(?:://|/))?"
    r"(?P<host>\[[0-9A-Fa-f:]*\]|\*|[A-Za-z0-9.-]*):(?P<port>[0-9]{1,5})/?",
)
_EVERYWHERE = frozenset(("", "*", "0.0.0.0", "[::]", "[]"))  # noqa: S104 - read, not used
_HERE = frozenset(("localhost", "127.0.0.1", "[::1]"))
_LISTEN_NAME = re.compile(r"(?:\A|[-_.])(?:listen|listener|bind|bindaddr)(?:\Z|[-_.])")
"""Names of options and variables that speak of this machine whatever else they say: ``listen-client-urls``."""

_ADDRESS_NAME = re.compile(
    rf"(?:\A|[-_.])(?:addr|addrs|address|addresses|host|url|urls)(?:\Z|[-_.])|{_LISTEN_NAME.pattern}"
)
"""Names of options and variables whose value may be an address of this machine, also one that only itself reaches."""

_OF_OTHERS = re.compile(
    r"db|database|postgres|mysql|mongo|redis|sql|smtp|mail|upstream|backend|remote|peer|proxy|target|broker|join|connect"
    r"|origin|dns|kafka|amqp|cache|client"
)
_PORT_NAME = re.compile(
    r"\A(?:(?:tcp|http|https|tls|ssl|listen|bind|web|app|api|serve|server|service|grpc|metrics|admin|health|debug|public)[-_.]?)*"
    r"(?:port|listen)\Z"
)
"""Names of options and variables whose value, a number, is a port to listen at."""


@dataclass(frozen=True, slots=True)
class Port:
    """A TCP port, and in words where it was found."""

    number: int
    source: str


def exposed_ports(texts: Iterable[str]) -> Iterator[Port]:
    """Those of EXPOSE: ``8080``, ``8080/tcp``, ``8080-8090/tcp``; what can't be read is none."""
    for text in texts:
        ports, _, protocol = text.partition("/")
        first, _, last = ports.partition("-")
        if protocol in {"", "tcp"} and all(part.isascii() and part.isdigit() for part in (first, last or first)):
            for number in range(int(first[:6]), min(int((last or first)[:6]), _LAST_PORT) + 1):
                yield Port(number, f"EXPOSE {text}")


def said_words(command: Sequence[str]) -> tuple[str, ...]:
    """A command line's words without the program's; of a shell with a script (``sh -c TEXT``) the script's."""
    words = command[1:] if command and command[0].rpartition("/")[2] == "busybox" else command
    is_script = len(words) >= _SCRIPT and words[0].rpartition("/")[2] in _SHELLS and _SCRIPT_OPTION.fullmatch(words[1])
    if not is_script or len(words[2]) > _LONGEST_SCRIPT:
        return tuple(command[1:])
    from shlex import shlex  # noqa: PLC0415 - few images start a shell

    reader = shlex(words[2], posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    try:
        return tuple(reader)
    except ValueError:
        return ()


def word_ports(words: Sequence[str]) -> Iterator[Port]:
    """Those that a command line's words name: ``:8080``, ``--addr=:8080``, ``--port 8080``, ``-p 8080``."""
    option = ""
    for word in words:
        before, option = option, ""
        if word.startswith("-"):
            name, has_value, value = word.partition("=")
            if has_value:
                yield from _valued(_plain(name), value, word, of_option=True)
            else:
                option = word
        elif before:
            yield from _valued(_plain(before), word, f"{before} {word}", of_option=True)
        else:
            name, has_value, value = word.partition("=")
            yield from _valued(_plain(name), value, word) if has_value else _valued("", word, word)


def variable_ports(variables: Iterable[tuple[str, str]]) -> Iterator[Port]:
    """Those that variables of the environment name: ``PORT=8080``, ``LISTEN_ADDR=:8080``."""
    for name, value in variables:
        plain = name.lower()
        if _PORT_NAME.search(plain) or _ADDRESS_NAME.search(plain):
            yield from _valued(plain, value, f"{name}={value}")


def code_ports(addresses: Iterable[str]) -> Iterator[Port]:
    """Those of addresses that the program's code is seen to listen at."""
    for address in addresses:
        number = _number(address.rpartition(":")[2])
        if number:
            yield Port(number, f"its code: {address}")


def _plain(option: str) -> str:
    """``--Http-Port`` → ``http-port``; what stands alone behind one dash stays so."""
    return option if option in {"-p", "-l"} else option.lstrip("-").lower()


def _number(text: str) -> int:
    """The port; 0 for none."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(_LAST_PORT)) else 0
    return number if number <= _LAST_PORT else 0


def _valued(name: str, value: str, told: str, *, of_option: bool = False) -> Iterator[Port]:
    number = _number(value)
    if number and ((of_option and name == "-p") or _PORT_NAME.search(name)):
        yield Port(number, told)
    for part in value.split(","):
        found = _ADDRESS.fullmatch(part)
        if found is None or (_OF_OTHERS.search(name) and not _LISTEN_NAME.search(name)):
            continue
        number, host = _number(found["port"]), found["host"]
        is_here = host in _EVERYWHERE or (host in _HERE and bool(_ADDRESS_NAME.search(name) or name in {"-p", "-l"}))
        if number and is_here:
            yield Port(number, told)


def _shown(source: str) -> str:
    """An image's words may hold anything."""
    plain = "".join(char if char.isprintable() else "?" for char in source)
    return plain if len(plain) <= _MOST_SHOWN else f"{plain[: _MOST_SHOWN - 1]}…"


def told(ports: Iterable[Port], most: int = 6) -> str:
    """Ports for people, each once, with the first place that it was found at; ``no port`` for none."""
    first: dict[int, str] = {}
    for port in ports:
        first.setdefault(port.number, port.source)
    if not first:
        return "no port"
    shown = [f"{number} ({_shown(source)})" for number, source in sorted(first.items())]
    more = [f"{len(shown) - most} more"] if len(shown) > most else []
    return ", ".join([*shown[:most], *more])
