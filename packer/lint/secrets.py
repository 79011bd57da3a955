"""Keys, tokens and names of people that were built in."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from whit.packer.lint.model import Found, Level, Place, Rule
from whit.packer.lint.tokens import tokens_in
from whit.packer.lint.traces import TraceKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whit.packer.lint.image import Image
    from whit.packer.lint.model import Program
    from whit.packer.lint.traces import Trace

_SECRET_NAME = re.compile(
    r"(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?)$", re.IGNORECASE
)
_NO_SECRET = re.compile(r"|/.*|\.{0,2}/.*|true|false|yes|no|none|null|\d{1,3}|\$\{?\w+\}?|<.*>|file:.*", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@]{3,}@", re.IGNORECASE)


_EXAMPLES = re.compile(
    r"/(?:tests?|testing|testdata|testsuite|test[-_]?certs?|certdata|fixtures|examples?|samples?|docs?)/", re.IGNORECASE
)


def _of_kind(traces: Iterable[Trace], kind: TraceKind) -> Iterator[Trace]:
    return (trace for trace in traces if trace.kind is kind)


def _keys(traces: Iterable[Trace], path: str, layer: str | None) -> Iterator[Found]:
    for trace in _of_kind(traces, TraceKind.KEY):
        place = Place(path, layer, offset=trace.offset)
        if trace.encrypted:
            yield Found(f"{trace.detail}, encrypted", place, Level.WARNING)
        else:
            yield Found(trace.detail, place)


def _tokens(traces: Iterable[Trace], path: str, layer: str | None) -> Iterator[Found]:
    for trace in _of_kind(traces, TraceKind.TOKEN):
        yield Found(trace.detail, Place(path, layer, offset=trace.offset))


def _homes(program: Program) -> Iterator[Found]:
    for trace in _of_kind(program.traces, TraceKind.HOME):
        yield Found(trace.detail, Place(program.path, program.layer, offset=trace.offset))


def _image_keys(image: Image) -> Iterator[Found]:
    """Keys that packages bring for tests and examples are public, and so are those that TLS libraries test themselves by.

    Of 119 keys in 134,000 files of a Debian system with its Pythons 117 were such.
    """
    main = image.main.path if image.main else None
    for file in image.with_hidden:
        in_library = file.platform is not None and file.path != main
        harmless = in_library or _EXAMPLES.search(file.path)
        for found in _keys(file.traces, file.path, file.layer):
            what = f"{found.what}, in a {'library' if in_library else 'test or an example'}"
            yield replace(found, what=what, level=Level.NOTE) if harmless else found


def _image_tokens(image: Image) -> Iterator[Found]:
    for file in image.with_hidden:
        yield from _tokens(file.traces, file.path, file.layer)


def _environment(image: Image) -> Iterator[Found]:
    for entry in image.run.env:
        name, _, value = entry.partition("=")
        kinds = tokens_in(value.encode("utf-8", "surrogateescape"))
        if kinds:
            yield Found(f"{name} holds a secret: {', '.join(kinds)}")
        elif _PASSWORD_IN_URL.search(value):
            yield Found(f"{name} holds a URL with a password")
        elif _SECRET_NAME.search(name) and not _NO_SECRET.fullmatch(value):
            yield Found(f"{name} is set to something that may be a secret", level=Level.WARNING)


def _history(image: Image) -> Iterator[Found]:
    for number, step in enumerate(image.config.history, 1):
        kinds = tokens_in(step.created_by.encode("utf-8", "surrogateescape"))
        if kinds:
            yield Found(f"step {number} of its history holds a secret: {', '.join(kinds)}")


_ROTATE = "Take it out, and replace it where it is used: whoever has had the file has it."
_SECRETS = "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html"
_BUILD_SECRETS = "https://docs.docker.com/build/building/secrets/"

RULES = (
    Rule(
        "private-key",
        Level.ERROR,
        "A private key is built in",
        "Everybody who gets the file can use the key, and it can't be changed without building again.",
        f"{_ROTATE} Give it to the program when it runs: a mounted file, a secret store.",
        _SECRETS,
        program=lambda program: _keys(program.traces, program.path, program.layer),
        image=_image_keys,
    ),
    Rule(
        "token",
        Level.ERROR,
        "A token is built in",
        "It has the form, and the checksum or randomness, of a real one: everybody who gets the file can use it.",
        f"{_ROTATE} Give it to the program when it runs: a mounted file, a secret store.",
        _SECRETS,
        program=lambda program: _tokens(program.traces, program.path, program.layer),
        image=_image_tokens,
    ),
    Rule(
        "builders-home",
        Level.WARNING,
        "The home folder of whoever built it is in it",
        "It tells an account's name and how its sources lie, and makes the same sources give different bytes elsewhere.",
        "Build with -trimpath (Go), --remap-path-prefix (Rust), -ffile-prefix-map=$PWD=. (C), or in a container.",
        "https://reproducible-builds.org/docs/build-path/",
        program=_homes,
    ),
    Rule(
        "secret-in-environment",
        Level.ERROR,
        "A secret is in the image's environment",
        "Everybody who can pull the image can read its configuration, and so can every process in the container.",
        "Leave it out of ENV and give it when the container starts; for building, use build secrets.",
        _BUILD_SECRETS,
        image=_environment,
    ),
    Rule(
        "secret-in-history",
        Level.ERROR,
        "A secret is in the image's history",
        "Build arguments and commands are kept in the image for everybody who can pull it (docker history).",
        "Use build secrets (RUN --mount=type=secret) and replace the secret.",
        _BUILD_SECRETS,
        image=_history,
    ),
)
