r"""Dockerfiles that exercise every rule of the language, whole and broken, and a generator for many more.

They are written for this purpose: after the language's reference, BuildKit's rules and what is seen in public
repositories.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.dockerfile.running import RUNNING
from tests.dockerfile.setting import SETTING

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = (
    "",
    "\n\n",
    "# only a comment\n",
    "FROM a",
    "FROM a AS b",
    "FROM a as b",
    "from a aS b",
    "FROM a AS B",
    "FROM a AS 1b",
    "FROM a AS b-c_d.e",
    "FROM a AS b/c",
    "FROM a AS",
    "FROM a b",
    "FROM a AS b c",
    "FROM",
    "FROM a WITH b",
    "FROM --platform=linux/amd64 a",
    "FROM --platform=$BUILDPLATFORM a AS b",
    "FROM --platform a",
    "FROM --other=x a",
    "FROM --platform=a --platform=b c",
    "ARG a\nARG b=c\nFROM $b\nARG a",
    "ARG\nFROM a",
    "RUN x\nFROM a",
    "ENV a=b\nFROM a",
    "FROM a\nFROM b\nRUN x\nFROM c AS d\nRUN y",
    "FROM ${a:-b}",
    "FROM a:b@sha256:c",
    "\ufeffFROM a\nRUN x",
    "# syntax=docker/dockerfile:1\nFROM a",
    "# syntax = docker/dockerfile:1.7-labs\n# escape=`\nFROM a\nRUN b `\n  c",
    "# escape=`\nFROM a\nRUN b \\\nRUN c",
    '# escape=`\nFROM a\nCOPY a C:\\b\\\nENV a=b` c d="e`"f"',
    "# escape=x\nFROM a",
    "# escape=\\\nFROM a\nRUN b \\\n c",
    "#escape=`\nFROM a\nRUN b `\n c",
    "  # escape=`\nFROM a\nRUN b `\n c",
    "# Escape=`\nFROM a\nRUN b `\n c",
    "# escape=`\n# escape=`\nFROM a",
    "# escape = ` \nFROM a\nRUN b `\n c",
    "# comment\n# escape=`\nFROM a\nRUN b `\n c",
    "\n# escape=`\nFROM a\nRUN b `\n c",
    "# unknown=x\n# escape=`\nFROM a\nRUN b `\n c",
    "#!/bin/sh\n# escape=`\nFROM a\nRUN b `\n c",
    "# check=skip=all\n# escape=`\nFROM a\nRUN b `\n c",
    "# escape=\nFROM a",
    "FROM a\n# escape=`\nRUN b `\n c",
    "# b the builder\nFROM a AS b\n# x a variable\nARG x",
    "FROM a\nRUN <<EOF\nFROM b\nEOF\nFROM c",
    "FROM a\nRUN b \\\nFROM c",
    "FROM a\n" + "RUN x\n" * 30,
    "FROM a # comment",
)


def files() -> Iterator[str]:
    """All of them."""
    yield from FILES
    for piece in (*RUNNING, *SETTING):
        yield f"FROM scratch\n{piece}"


_WORDS = (
    *(
        "a",
        "B",
        "$x",
        "${y:-z}",
        '"q r"',
        "'s t'",
        "\\",
        "`",
        "#",
        "=",
        "--",
        "--from=b",
        "--mount=type=cache,target=/c",
    ),
    *(
        "[",
        "]",
        '["a"]',
        '["a", "b"]',
        "<<EOF",
        "<<-'E'",
        "EOF",
        "E",
        "\\\n",
        "\n",
        "\n#",
        "\t",
        "  ",
        "\r\n",
        "ä",
        "/x",
    ),
    *("--chown=1", "--interval=3s", "CMD", "AS", "k=v", 'k="v w"', "k='v", "<<", "&&", "\\$", ":", ","),
)
_STARTS = (
    *(
        "FROM a AS b",
        "RUN",
        "COPY",
        "ADD",
        "ENV",
        "ARG",
        "LABEL",
        "CMD",
        "ENTRYPOINT",
        "SHELL",
        "HEALTHCHECK",
        "ONBUILD",
    ),
    *(
        "EXPOSE",
        "VOLUME",
        "USER",
        "WORKDIR",
        "STOPSIGNAL",
        "MAINTAINER",
        "run",
        "#",
        "# escape=`",
        "ONBUILD RUN",
        "RNU",
    ),
)


def generated(seed: int, count: int) -> Iterator[str]:
    """Files of random instructions and words: most have a mistake somewhere."""
    chance = random.Random(seed)
    for _ in range(count):
        lines = ["FROM scratch"] if chance.random() < 0.9 else []
        for _ in range(chance.randint(1, 3)):
            words = [chance.choice(_STARTS), *chance.choices(_WORDS, k=chance.randint(0, 6))]
            lines.append(chance.choice((" ", " ", " ", "")).join(words))
        yield "\n".join(lines) + chance.choice(("", "\n", "\nEOF\n", "\nE\nEOF\n"))
