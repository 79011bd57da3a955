"""BuildKit as an oracle for Dockerfiles: a small Go program over its packages, kept in ``build/``, asked line by line.

    python -m tests.dockerfile.buildkit      # asks it all that the tests ask, and writes its answers to tests/golden/dockerfile

So the tests compare with BuildKit without building it; ``make slow`` asks it again.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.peers import BUILD, find_peer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.dockerfile.questions import Questions

SOURCES = Path(__file__).resolve().parents[1] / "programs" / "go-buildkit"
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "dockerfile"
BUILD_SECONDS = 900


def oracle_program() -> Path | None:
    """The program, built if it isn't yet; None where Go isn't installed or its proxy doesn't answer."""
    go = find_peer("go")
    if go is None:
        return None
    program = _place()
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        unfinished = program.with_name(f"oracle.{os.getpid()}")
        line: list[str | Path] = [
            "nice",
            go,
            "build",
            "-C",
            SOURCES,
            "-trimpath",
            "-buildvcs=false",
            "-o",
            unfinished,
            ".",
        ]
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
        if subprocess.run(line, env=environment, timeout=BUILD_SECONDS, check=False).returncode:
            return None
        unfinished.rename(program)
    return program


def built_oracle() -> Path | None:
    """The program, if it has been built."""
    return _place() if _place().exists() else None


def _place() -> Path:
    sources = sorted(SOURCES.iterdir())
    key = hashlib.sha256(b"\0".join(file.read_bytes() for file in sources)).hexdigest()[:16]
    return BUILD / "buildkit-oracle" / key / "oracle"


class Oracle:
    """The running program."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, **question: Any) -> dict[str, Any]:
        """One question; ``error`` is in the answer where BuildKit refuses."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def running_oracle(program: Path) -> Iterator[Oracle]:
    """It ends with the block."""
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8") as run:
        try:
            yield Oracle(run)
        finally:
            assert run.stdin
            run.stdin.close()


def golden(name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What was asked and what BuildKit answered, one file a kind of question."""
    lines = (GOLDEN / f"{name}.jsonl").read_text("utf-8").split("\n")
    return [(question, answer) for question, answer in map(json.loads, filter(None, lines))]


def asked(questions: Questions, oracle: Oracle) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each question with its answer, as it is kept."""
    for own in questions.own:
        yield own, questions.kept_answer(oracle.ask(**{**questions.common, **own}))


def main() -> None:
    """Ask all, and write the answers down."""
    from tests.dockerfile.questions import QUESTIONS  # noqa: PLC0415 - for this use alone

    program = oracle_program()
    assert program, "Go, and a proxy with github.com/moby/buildkit, are needed"
    GOLDEN.mkdir(parents=True, exist_ok=True)
    with running_oracle(program) as oracle:
        for name, questions in QUESTIONS.items():
            lines = (json.dumps(pair, ensure_ascii=False, sort_keys=True) for pair in asked(questions, oracle))
            (GOLDEN / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")


if __name__ == "__main__":
    main()
