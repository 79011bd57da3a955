"""Completion in bash, zsh and fish: verbs and options by click, names by what is on disk. Nothing heavy is imported.

The shell asks by the environment, as click has it: ``_WHIT_COMPLETE=bash_complete COMP_LINE=… whit``.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    _resolve_context,
    _resolve_incomplete,
    add_completion_class,
    split_arg_string,
)

from whit.packer.store.places import default_root
from whit.packer.support.errors import StoreError, WhitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SHELLS = ("bash", "zsh", "fish")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)
_CHOICES = re.compile(r"[a-z-]+(\|[a-z-]+)+")
_SIGNALS = ("HUP", "INT", "KILL", "QUIT", "TERM", "USR1", "USR2", "STOP", "CONT", "WINCH")
_POLICIES = ("no", "on-failure", "unless-stopped", "always")
_NETWORKS = ("bridge", "host", "none")


def _folder(*names: str) -> list[str]:
    try:
        return sorted(filter(_PLAIN.fullmatch, os.listdir(default_root().joinpath(*names))))  # noqa: PTH208 - names alone
    except (OSError, StoreError):
        return []


def container_names() -> list[str]:
    """All containers' names, of those that run and those that don't."""
    return _folder("containers", "names")


def network_names() -> list[str]:
    """Networks that were made, and those that are always there."""
    return sorted({*_folder("networks"), *_NETWORKS})


def _joined_networks() -> list[str]:
    return [*network_names(), *(f"container:{name}" for name in container_names())]


def volume_names() -> list[str]:
    """All volumes' names."""
    return _folder("volumes")


def image_names() -> list[str]:
    """The store's images, as they are shown."""
    from whit.packer.image.reference import parse_reference  # noqa: PLC0415 - slow to import

    try:
        index = json.loads((default_root() / "images" / "index.json").read_bytes())
        names = [one.get("annotations", {}).get("org.opencontainers.image.ref.name") for one in index["manifests"]]
        return sorted({parse_reference(name).familiar for name in names if name})
    except (OSError, ValueError, KeyError, AttributeError, TypeError, WhitError):
        return []


def _all_names() -> list[str]:
    return sorted({*container_names(), *image_names(), *network_names(), *volume_names()})


_NAMES: tuple[tuple[str, Callable[[], Iterable[str]]], ...] = (
    ("CONTAINER", container_names),
    ("NETWORK", network_names),
    ("VOLUME", volume_names),
    ("IMAGE", image_names),
    ("THING", _all_names),
    ("SIGNAL", lambda: _SIGNALS),
    ("POLICY", lambda: _POLICIES),
    ("strict", lambda: ("strict",)),
    ("FORMAT", lambda: ("json", "table")),
    ("SHELL", lambda: SHELLS),
)
"""The beginning of a metavar, or of a parameter's name, → what there is of it."""


def _meant(parameter: click.Parameter, verb: str) -> str:
    """What a parameter is, in a word: its metavar, or its name."""
    if isinstance(parameter, click.Argument) and verb in {"rmi", "images", "push", "pull", "tag"}:
        return "IMAGE"
    if isinstance(parameter, click.Argument) and parameter.name == "names" and not parameter.metavar:
        return verb.upper()
    return (parameter.metavar or (parameter.name or "").upper()).lstrip("[")


def values(parameter: click.Parameter, verb: str, incomplete: str) -> Iterator[CompletionItem[str]]:
    """What may stand for a parameter; click knows those that are a choice."""
    meant = _meant(parameter, verb)
    if parameter.name == "network" and isinstance(parameter, click.Option):
        yield from _beginning(_joined_networks(), incomplete)
        return
    if meant == "SOURCE:TARGET[:ro]":
        yield from _beginning(volume_names(), incomplete)
    if meant.startswith(("FILE", "THING", "SOURCE", "ARGUMENTS", "TARGET")) or meant.endswith(("FILE", ".tar")):
        yield CompletionItem(incomplete, type="file")
    if meant.startswith("FOLDER") or meant == "SYSROOT":
        yield CompletionItem(incomplete, type="dir")
    if _CHOICES.fullmatch(meant):
        yield from _beginning(meant.split("|"), incomplete)
    wanted = meant.removeprefix("FILE|")
    for word, names in _NAMES:
        if wanted.startswith(word) and not incomplete.startswith(("/", "./", "../")):
            yield from _beginning(names(), incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> Iterator[CompletionItem[str]]:
    return (CompletionItem(name) for name in names if name.startswith(incomplete))


class _Completing(ShellComplete):
    """Click's way, with whit's names."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[Any]]:
        """What may stand where the cursor is, whole words."""
        context = _resolve_context(self.cli, self.ctx_args, self.prog_name, list(args))
        with context:
            wanted, left = _resolve_incomplete(context, args, incomplete)
            before = incomplete[: len(incomplete) - len(left)]  # an option and its equals sign
            found = self._found(context, wanted, left)
        if before:
            for item in found:
                item.value = before + item.value
        return found

    def _found(
        self, context: click.Context, wanted: click.Parameter | click.Command, left: str
    ) -> list[CompletionItem[Any]]:
        if isinstance(wanted, click.Parameter):
            by_click = wanted.shell_complete(context, left)
            return by_click or list(values(wanted, context.command.name or "", left))
        lines: dict[str, str] | None = getattr(wanted, "lines", None)
        if lines is None or (left and not left[0].isalnum()):
            return wanted.shell_complete(context, left)
        return [CompletionItem(verb, help=line) for verb, line in lines.items() if verb.startswith(left)]


class Bash(_Completing, BashComplete):
    """Words are split here: bash splits them at colons, too, and puts what is found after the last one."""

    source_template = """\
%(complete_func)s() {
    local IFS=$'\\n' kind value
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
        plain) COMPREPLY+=("$value") ;;
        file) compopt -o default ;;
        dir) compopt -o dirnames ;;
        esac
    done < <(COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" %(complete_var)s=bash_complete "$1")
    [[ ${#COMPREPLY[@]} = 1 && ${COMPREPLY[0]} = *[:=] ]] && compopt -o nospace
    return 0
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def source(self) -> str:
        """The script, without asking bash for its version."""
        return ShellComplete.source(self)

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is to be completed, and what there is of it."""
        line = os.environ.get("COMP_LINE", "")
        words = split_arg_string(line)[1:]
        incomplete = words.pop() if words and not line[-1:].isspace() else ""
        return words, incomplete

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """What bash puts in the place of what it takes for the word: what stands after the last colon or equals sign."""
        _, incomplete = self.get_completion_args()
        breaks = [sign for sign in ":=" if sign in os.environ.get("COMP_WORDBREAKS", ":=")]
        cut = max((incomplete.rfind(sign) + 1 for sign in breaks), default=0)
        return f"{item.type},{item.value[cut:]}"


class Zsh(_Completing, ZshComplete):
    """As click has it."""


class Fish(_Completing, FishComplete):
    """As click has it."""


def register() -> None:
    """Have click use these."""
    add_completion_class(Bash)
    add_completion_class(Zsh)
    add_completion_class(Fish)
