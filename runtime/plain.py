"""Command lines in their plainest form: a verb, flags, the options with a text that people use every day, and names. Pure.

They are told without click. Whatever is anything else (an option with a number, a word that isn't known here, a name
that is missing, ``--help``) is none of them, and click says what it means: so nothing here ever is an error.
tests/unit/runtime/test_plain.py holds each of them to what click makes of the same words.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Plain:
    """A verb's plain form: its flags, each with the parameter that it sets, and the parameter that takes the names.

    Where the verb takes names there must be one, and no other where it takes a ``name``; else there may be none.
    ``texts`` are options with a value, each with the parameter that takes it; those in ``many`` take all that are given.
    What follows the name is ``rest``'s, whatever it looks like, where the verb takes such words; ``asks_rest``: one at least.
    ``home`` is the package that has the verb's module.
    """

    flags: Mapping[str, str]
    names: str = ""
    name: str = ""
    texts: Mapping[str, str] = _NONE
    many: frozenset[str] = frozenset()
    rest: str = ""
    asks_rest: bool = False
    home: str = "whit.runtime.verbs"


@dataclass(frozen=True, slots=True)
class PlainCall:
    """The verb (a function), the module of its name that has it, and values for its parameters."""

    verb: str
    values: Mapping[str, object]
    module: str


_PACKER = "whit.packer.verbs"
_TOLD = {
    "-a": "all_tags", "--all-tags": "all_tags", "-q": "quiet", "--quiet": "quiet", "--insecure": "insecure", "--json": "as_json",
}  # fmt: skip
_FORM = {"-f": "form", "--format": "form"}

_MADE_FLAGS = {
    "--rm": "rm", "-i": "interactive", "--interactive": "interactive", "-t": "tty", "--tty": "tty", "-P": "publish_all",
    "--publish-all": "publish_all", "--init": "init", "--read-only": "read_only", "--landlock": "landlock",
}  # fmt: skip
_MADE_TEXTS = {
    "--name": "name", "-p": "publish", "--publish": "publish", "-e": "env", "--env": "env", "--env-file": "env_file",
    "-v": "volume", "--volume": "volume", "--mount": "mount", "--tmpfs": "tmpfs", "--network": "network", "--net": "network",
    "--network-alias": "network_alias", "-l": "label", "--label": "label", "--restart": "restart", "-u": "user", "--user": "user",
    "-w": "workdir", "--workdir": "workdir", "-h": "hostname", "--hostname": "hostname", "--entrypoint": "entrypoint",
    "--sandbox": "sandbox", "-m": "memory", "--memory": "memory", "--cpus": "cpus", "--pids-limit": "pids_limit", "--cap-add": "cap_add",
    "--add-host": "add_host", "--health-cmd": "health_cmd", "--health-http": "health_http", "--health-tcp": "health_tcp",
    "--health-interval": "health_interval", "--log-opt": "log_opt", "--secret": "secret", "--stop-signal": "stop_signal",
}  # fmt: skip
_MADE_MANY = frozenset({
    "publish", "env", "env_file", "volume", "mount", "tmpfs", "network", "network_alias", "label", "cap_add", "add_host",
    "log_opt", "secret",
})  # fmt: skip

PLAIN = {
    "run": Plain(
        {"-d": "detach", "--detach": "detach", **_MADE_FLAGS}, name="target", texts=_MADE_TEXTS, many=_MADE_MANY, rest="arguments"
    ),
    "create": Plain(_MADE_FLAGS, name="target", texts=_MADE_TEXTS, many=_MADE_MANY, rest="arguments"),
    "exec": Plain(
        {
            "-d": "detach", "--detach": "detach", "-i": "interactive", "--interactive": "interactive", "-t": "tty", "--tty": "tty",
            "--privileged": "privileged",
        },
        name="container",
        texts={
            "-e": "env", "--env": "env", "--env-file": "env_file", "-u": "user", "--user": "user", "-w": "workdir", "--workdir": "workdir",
        },
        many=frozenset({"env", "env_file"}),
        rest="arguments",
        asks_rest=True,
    ),
    "ps": Plain(
        {"-a": "everything", "--all": "everything", "-q": "quiet", "--quiet": "quiet", "--no-trunc": "no_trunc"}
    ),
    "inspect": Plain({}, "things", texts=_FORM),
    "start": Plain({}, "containers"),
    "stop": Plain({}, "containers"),
    "kill": Plain({}, "containers", texts={"-s": "signal", "--signal": "signal"}),
    "wait": Plain({}, "containers"),
    "logs": Plain(
        {"-f": "follow", "--follow": "follow", "-t": "timestamps", "--timestamps": "timestamps"}, name="container"
    ),
    "pull": Plain({**_TOLD, "--all-platforms": "all_platforms"}, name="name", home=_PACKER),
    "pack": Plain(
        {"--push": "push", "--insecure": "insecure", "--json": "as_json"},
        name="file",
        home=_PACKER,
        texts={"-t": "names", "--tag": "names", "--add": "add", "--needs": "needs"},
        many=frozenset({"names", "add", "needs"}),
    ),
    "push": Plain(_TOLD, name="name", home=_PACKER),
    "rm": Plain({"-f": "force", "--force": "force", "-v": "volumes", "--volumes": "volumes"}, "containers"),
}  # fmt: skip
"""What people type most, of what is worth it."""

INTERNAL = {"_ended": Plain({}, "folders"), "_idle": Plain({}, "words"), "_sync": Plain({}, name="container")}
"""Verbs that the launcher calls."""


def plain_call(words: list[str]) -> PlainCall | None:
    """What the words mean if they are of a plain form."""
    verb = words[0] if words else ""
    plain = PLAIN.get(verb) or INTERNAL.get(verb)
    values = _values(plain, words[1:]) if plain else None
    if plain is None or values is None:
        return None
    function = verb.lstrip("_")
    return PlainCall(function, values, f"{plain.home}.{function}")


def _values(plain: Plain, words: list[str]) -> dict[str, object] | None:
    """What the words say of each parameter; None where they aren't plain."""
    values: dict[str, object] = {}
    names: list[str] = []
    left = iter(words)
    for word in left:
        if not word.startswith("-"):
            names.append(word)
            if plain.rest:
                values[plain.rest] = tuple(left)
        elif not _takes(plain, word, left, values):
            return None
    if not _fits(plain, len(names)) or (plain.asks_rest and not values[plain.rest]):
        return None
    if plain.name:
        values[plain.name] = names[0]
    elif plain.names:
        values[plain.names] = tuple(names)
    return values


def _takes(plain: Plain, word: str, left: Iterator[str], values: dict[str, object]) -> bool:
    """Whether the word is options, with the value of the last one, which may be the next word; then they are among the values."""
    if word.startswith("--"):
        option, has_value, value = word.partition("=")
        if has_value:
            return option in plain.texts and _put(plain, option, value, values)
        return _takes_one(plain, option, left, values)
    for at, letter in enumerate(word[1:], 1):
        option, value = f"-{letter}", word[at + 1 :]
        if value and option in plain.texts:
            # click and docker don't mean the same by -p=80
            return not value.startswith("=") and _put(plain, option, value, values)
        if not _takes_one(plain, option, left, values):
            return False
    return word != "-"


def _takes_one(plain: Plain, option: str, left: Iterator[str], values: dict[str, object]) -> bool:
    """The same of one option that stands alone."""
    if option in plain.flags:
        values[plain.flags[option]] = True
        return True
    if option not in plain.texts:
        return False
    value = next(left, None)
    return value is not None and _put(plain, option, value, values)


def _put(plain: Plain, option: str, value: str, values: dict[str, object]) -> bool:
    parameter = plain.texts[option]
    if parameter in plain.many:
        before = values.get(parameter, ())
        values[parameter] = (*before, value) if isinstance(before, tuple) else (value,)
    else:
        values[parameter] = value
    return True


def _fits(plain: Plain, count: int) -> bool:
    """Whether it takes so many names."""
    if plain.name:
        return count == 1
    return count > 0 if plain.names else count == 0
