"""BuildKit's build checks: what a Dockerfile may say, and had better not. Pure.

https://docs.docker.com/reference/build-checks/: the same rules with the same names and sentences. They are set by
``# check=skip=A,B;error=true`` at the file's beginning, and for one instruction by ``# check=skip=A`` right before it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.directives import DirectiveReader
from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.buildfile.dockerfile.text import SPACE, truth
from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.buildfile.dockerfile.problems import Place

_PARTS = 3
_LIST_OPTIONS = ("skip", "experimental")
_DOCS = "https://docs.docker.com/go/dockerfile/rule/"


class Rule(StrEnum):
    """All of them."""

    STAGE_NAME_CASING = "StageNameCasing"
    FROM_AS_CASING = "FromAsCasing"
    NO_EMPTY_CONTINUATION = "NoEmptyContinuation"
    CONSISTENT_INSTRUCTION_CASING = "ConsistentInstructionCasing"
    DUPLICATE_STAGE_NAME = "DuplicateStageName"
    RESERVED_STAGE_NAME = "ReservedStageName"
    JSON_ARGS_RECOMMENDED = "JSONArgsRecommended"
    MAINTAINER_DEPRECATED = "MaintainerDeprecated"
    UNDEFINED_ARG_IN_FROM = "UndefinedArgInFrom"
    WORKDIR_RELATIVE_PATH = "WorkdirRelativePath"
    UNDEFINED_VAR = "UndefinedVar"
    MULTIPLE_INSTRUCTIONS_DISALLOWED = "MultipleInstructionsDisallowed"
    LEGACY_KEY_VALUE_FORMAT = "LegacyKeyValueFormat"
    INVALID_BASE_IMAGE_PLATFORM = "InvalidBaseImagePlatform"
    REDUNDANT_TARGET_PLATFORM = "RedundantTargetPlatform"
    SECRETS_USED_IN_ARG_OR_ENV = "SecretsUsedInArgOrEnv"
    INVALID_DEFAULT_ARG_IN_FROM = "InvalidDefaultArgInFrom"
    FROM_PLATFORM_FLAG_CONST_DISALLOWED = "FromPlatformFlagConstDisallowed"
    COPY_IGNORED_FILE = "CopyIgnoredFile"
    INVALID_DEFINITION_DESCRIPTION = "InvalidDefinitionDescription"
    EXPOSE_PROTO_CASING = "ExposeProtoCasing"
    EXPOSE_INVALID_FORMAT = "ExposeInvalidFormat"

    @property
    def url(self) -> str:
        """Where docker's documentation explains it; platforms of base images have no page."""
        words = "".join(f"-{char.lower()}" if char.isupper() else char for char in _spaced(self.value)).strip("-")
        return "" if self is Rule.INVALID_BASE_IMAGE_PLATFORM else f"{_DOCS}{words}/"


EXPERIMENTAL = frozenset((Rule.INVALID_DEFINITION_DESCRIPTION,))
"""Rules that are silent unless they are asked for."""


def _spaced(name: str) -> str:
    return name.replace("JSON", "Json")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule found."""

    rule: Rule
    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.rule}: {self.message}"


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """Which rules speak. ``all`` in a set means every one; ``is_error`` has the build fail for a finding."""

    skipped: frozenset[str] = frozenset()
    experimental: frozenset[str] = frozenset()
    is_error: bool = False

    def asks_for(self, rule: Rule) -> bool:
        """Whether a rule's findings are told."""
        names = {rule.value, "all"}
        return not names.isdisjoint(self.experimental) if rule in EXPERIMENTAL else names.isdisjoint(self.skipped)


def parse_settings(text: str) -> CheckSettings:
    """The value of ``check=``. Raises Fault."""
    lists: dict[str, frozenset[str]] = {}
    is_error = False
    for part in text.split(";", _PARTS - 1) if text.strip(SPACE) else ():
        name, equals, value = part.partition("=")
        name, value = name.strip(SPACE), value.strip(SPACE)
        if not equals or name not in (*_LIST_OPTIONS, "error"):
            raise Fault(f"'{part}' is no option of a check", "as in # check=skip=JSONArgsRecommended;error=true")
        if name == "error":
            found = truth(value)
            if found is None:
                raise Fault(f"error={value} of a check is neither true nor false")
            is_error = found
        else:
            lists[name] = frozenset(item.strip(SPACE) for item in value.split(","))
    return CheckSettings(lists.get("skip", frozenset()), lists.get("experimental", frozenset()), is_error)


class Checker:
    """Collects findings while a file is evaluated."""

    __slots__ = ("_findings", "settings")

    def __init__(self, settings: CheckSettings, findings: list[Finding] | None = None) -> None:
        self.settings = settings
        self._findings = [] if findings is None else findings

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All so far, in the order in which they were found."""
        return tuple(self._findings)

    def report(self, rule: Rule, place: Place, message: str) -> None:
        """One finding, unless its rule is to be silent."""
        if self.settings.asks_for(rule):
            self._findings.append(Finding(rule, place, message))

    def within(self, comments: Iterable[str]) -> Checker:
        """For one instruction: with what the comments before it say."""
        for comment in comments:
            own = _settings_of(comment)
            if own is not None:
                merged = CheckSettings(
                    self.settings.skipped | own.skipped,
                    self.settings.experimental | own.experimental,
                    self.settings.is_error,
                )
                return Checker(merged, self._findings)
        return self


def _settings_of(comment: str) -> CheckSettings | None:
    directive = DirectiveReader("").read(comment)
    if directive is None or directive.name != "check":
        return None
    try:
        return parse_settings(directive.value.partition(" ")[0])
    except Fault:
        return CheckSettings()
