"""Steps are executed: what they see, what is told of them, and what they say where they fail."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from whit.packer.support.errors import NotFoundError, WhitError
from whit.toolchains.model import Step
from whit.toolchains.process import ask, cause_of, environment, run, title


@dataclass
class Heard:
    """A watcher that remembers."""

    said: list[str] = field(default_factory=list)

    def doing(self, what: str, seconds: float) -> None:
        assert seconds >= 0
        self.said.append(what)

    def failed(self, output: bytes) -> None:
        self.said.append(output.decode())

    def warn(self, what: str) -> None:
        raise AssertionError(what)

    def done(self) -> None:
        self.said.append("done")


def shell(line: str, **more: str) -> Step:
    return Step(("/bin/sh", "-c", line), "/", tuple(more.items()), doing="a thing")


def test_a_step_sees_its_own_environment_places_and_what_it_names_and_nothing_else() -> None:
    own = {"PATH": "/bin", "HOME": "/h", "GOPROXY": "p", "GOFLAGS": "-x", "https_proxy": "q", "LD_PRELOAD": "evil"}
    step = Step(("go",), "/", (("A", "1"),), ("GOPROXY", "NOTHING"))
    assert environment(step, own) == {"PATH": "/bin", "HOME": "/h", "https_proxy": "q", "GOPROXY": "p", "A": "1"}


def test_what_goes_well_is_told_as_being_done_and_no_more() -> None:
    watcher = Heard()
    run(shell("echo much"), watcher)
    assert set(watcher.said) == {"a thing", "done"}


def test_what_a_failing_step_says_is_told_before_the_error() -> None:
    watcher = Heard()
    with pytest.raises(WhitError, match=r"^sh failed with exit status 7$") as error:
        run(shell("echo out; echo err >&2; exit 7"), watcher)
    assert error.value.hint == "its own words stand above"
    assert watcher.said[-1] == "out\nerr\n"


def test_of_very_much_the_end_is_kept() -> None:
    watcher = Heard()
    with pytest.raises(WhitError):
        run(shell("head -c 3000000 /dev/zero | tr '\\0' x; echo end; exit 1"), watcher)
    assert watcher.said[-1].endswith("xend\n")
    assert len(watcher.said[-1]) == 1 << 20


def test_a_step_that_is_killed_is_told_so() -> None:
    with pytest.raises(WhitError, match="was ended by SIGKILL"):
        run(shell("kill -9 $$"), Heard())


def test_an_answer_is_what_is_on_stdout_and_a_question_that_fails_tells_its_last_words() -> None:
    assert ask(shell("echo yes; echo no >&2")) == "yes\n"
    with pytest.raises(WhitError, match="failed with exit status 1: go: errors parsing: line 3"):
        ask(shell("echo; echo 'go: errors parsing:' >&2; echo ' line 3' >&2; exit 1"))


def test_of_cargo_s_words_the_error_is_told_with_its_causes_in_order() -> None:
    said = "warning: x\nerror: failed to get `foo`\n\nCaused by:\n  failed to read\n\nCaused by:\n  no such file\n"
    assert cause_of(said) == "error: failed to get `foo`: failed to read: no such file"
    said = "error: invalid float\n --> Cargo.toml:3:12\n  |\n3 | version=1.0.0\n  |            ^^\n"
    assert cause_of(said) == "error: invalid float: Cargo.toml:3:12"


@pytest.mark.parametrize("step", [Step(("/nowhere/go", "build"), "/"), Step(("/bin/sh",), "/nowhere")])
def test_what_isn_t_there(step: Step) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        ask(step)


def test_titles_are_a_command_s_first_words() -> None:
    assert title(Step(("/usr/bin/go", "build", "-o", "x"), "/")) == "go build"
    assert title(Step(("/usr/bin/zig", "-x", "/a/b.zig"), "/")) == "zig"
