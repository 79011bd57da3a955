"""What a person decides about the files beside a program: the rest follows from the program. Pure."""

from __future__ import annotations

from whit.packer.support.errors import UsageError
from whit.packer.support.imagepath import fault, is_mounted_over, shown
from whit.packer.support.light import StrEnum, dataclass, replace


class SourceChoice(StrEnum):
    """Who gives certificates and time zones: Python packages (reproducible), or this machine."""

    PACKAGES = "packages"
    HOST = "host"


OPTION = "--add"


@dataclass(frozen=True, slots=True)
class Addition:
    """A file or folder of the host that is wanted in the image, at an absolute path; ``mode`` is for files.

    With a ``content`` it is a file of that text, with neither that nor a ``source`` an empty folder. ``word`` is where a
    person has said so: an option, or a build file's key.
    """

    source: str
    target: str
    mode: int | None = None
    uid: int = 0
    gid: int = 0
    content: str | None = None
    word: str = OPTION


@dataclass(frozen=True, slots=True)
class Choices:
    """``needs`` are (name of a need, whether it shall be given), ``sysroot`` a folder to take libraries from."""

    sources: SourceChoice = SourceChoice.PACKAGES
    sysroot: str | None = None
    needs: tuple[tuple[str, bool], ...] = ()
    additions: tuple[Addition, ...] = ()

    def without_certificates(self) -> Choices:
        """The same where there is no place for certificates, unless a person asks for them."""
        return replace(self, needs=tuple(sorted({"ca": False, **dict(self.needs)}.items())))


DEFAULT = Choices()
"""Nothing was decided: everything follows from the program."""

GIVEN = frozenset(("ca", "zones", "users", "groups", "dns", "services", "mime", "temp", "home"))
"""The needs that files can serve."""

_NICKNAMES = {
    "certs": "ca",
    "tz": "zones",
    "tzdata": "zones",
    "zoneinfo": "zones",
    "passwd": "users",
    "group": "groups",
    "nsswitch": "dns",
    "tmp": "temp",
}
_LARGEST_MODE = 0o7777


def parse_choices(sources: str, sysroot: str | None, needs: tuple[str, ...], additions: tuple[str, ...]) -> Choices:
    """The words of ``--sources``, ``--sysroot``, ``--needs`` and ``--add`` → choices. Raises :class:`UsageError`."""
    return Choices(
        SourceChoice(sources), sysroot, parse_needs(needs) if needs else (), tuple(map(parse_addition, additions))
    )


def parse_needs(texts: tuple[str, ...], word_for: str = "--needs") -> tuple[tuple[str, bool], ...]:
    """``+tz,-mime`` → needs by name. The last word on a need counts; ``word_for`` is where that is said.

    Raises :class:`UsageError`.
    """
    from whit.packer.needs import RULES  # noqa: PLC0415 - only where somebody chooses

    names = tuple(rule.name for rule in RULES)
    chosen: dict[str, bool] = {}
    for word in (word.strip() for text in texts for word in text.split(",")):
        sign, nickname = word[:1], word[1:]
        name = _NICKNAMES.get(nickname, nickname)
        if sign not in {"+", "-"} or name not in names:
            raise UsageError(
                f"{word_for} {word!r}: each is + or - and a need's name",
                hint=f"as in {word_for} +zones,-mime; needs are {', '.join(names)}",
            )
        chosen[name] = sign == "+"
    return tuple(sorted(chosen.items()))


def parse_addition(text: str, word: str = OPTION) -> Addition:
    """``SOURCE:/TARGET[:MODE]`` → an addition. A target that ends in a slash is a folder to put it into."""
    source, colon, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    if not source or not colon or not target.startswith("/"):
        raise UsageError(
            f"{word} {text!r} isn't SOURCE:/TARGET[:MODE]", hint=f"as in {word} config.yaml:/etc/app/config.yaml:0644"
        )
    if target.endswith("/"):
        target += source.rstrip("/").rpartition("/")[2]
    if what := "isn't a file's name" if "\0" in source else fault(target):
        raise UsageError(f"{word} {shown(text)}: {shown(target)} {what}")
    if is_mounted_over(target):
        raise UsageError(
            f"{word} {shown(text)}: in a container the runtime's own files are at {target}",
            hint="choose another place in the image",
        )
    return Addition(source, target, _mode(text, mode, word) if mode else None, word=word)


def _mode(text: str, mode: str, word: str) -> int:
    if not (mode.isascii() and all(digit in "01234567" for digit in mode)) or int(mode, 8) > _LARGEST_MODE:
        raise UsageError(f"{word} {text!r}: {mode} isn't a mode in octal", hint="as in 0644 or 0755")
    return int(mode, 8)
