"""Running other programs: none are packed, so a person must know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Wanted
from whit.packer.needs.facts import (
    called,
    constants,
    instruction,
    linked,
    listed,
    needed,
    not_needed,
    present,
    reads_go_names,
)
from whit.packer.needs.model import Grade, Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "exec"
SHELL = b"/bin/sh"

_GO = ("os.StartProcess", "syscall.forkExec", "syscall.ForkExec", "syscall.StartProcess", "syscall.Exec")
_GO_NAMED = {
    "os/exec.Command": 0,
    "os/exec.CommandContext": 2,
    "os/exec.LookPath": 0,
    "os/exec.lookPath": 0,
    "os.StartProcess": 0,
    "syscall.Exec": 0,
    "golang.org/x/sys/unix.Exec": 0,
    "golang.org/x/sys/execabs.Command": 0,
    "golang.org/x/sys/execabs.LookPath": 0,
    "github.com/cli/safeexec.LookPath": 0,
}
"""Functions that are handed the name of a program, and its position among their arguments."""

_GO_OPERATION = b"fork/exec"
"""What errors of starting a program begin with (os.StartProcess): in a garbled program too."""

_PROGRAM = re.compile(r"\A[\w./+-]*[A-Za-z][\w.+-]*\Z")
_LIBC = (
    "system",
    "popen",
    "posix_spawn",
    "posix_spawnp",
    "execve",
    "execvp",
    "execvpe",
    "execv",
    "execl",
    "execlp",
    "execle",
    "fexecve",
)
_SYSTEM_CALLS = {
    "amd64": bytes.fromhex("b83b0000000f05"),  # mov eax, 59; syscall
    "arm64": bytes.fromhex("a81b80d2010000d4"),  # mov x8, 221; svc 0
}
"""The execve system call as compilers write it: libcs inline it so."""


def programs(analysis: Analysis) -> tuple[str, ...]:
    """Names of programs that it is seen to run, where they are constants."""
    return constants(analysis, _GO_NAMED, _PROGRAM)


def _judge_go(analysis: Analysis) -> Need:
    evidence = linked(analysis, _GO)
    if not evidence:
        return not_needed(NAME, "runs no other programs")
    if names := programs(analysis):
        calls = called(analysis, _GO_NAMED, _PROGRAM)
        return needed(NAME, f"runs other programs: {listed(names)}", calls + evidence, Grade.CALLED)
    return needed(NAME, "runs other programs", evidence)


def judge(analysis: Analysis) -> Need:
    """Whether the program starts others."""
    if reads_go_names(analysis):
        return _judge_go(analysis)
    if evidence := linked(analysis, _LIBC):
        return needed(NAME, "runs other programs", evidence)
    code = _SYSTEM_CALLS.get(analysis.platform.architecture)
    if code and (evidence := instruction(analysis, code, "the execve system call")):
        return needed(NAME, "runs other programs", evidence)
    if analysis.language.name == "go" and (evidence := present(analysis, (_GO_OPERATION,))):
        return needed(NAME, "runs other programs", evidence)
    if shell := present(analysis, (SHELL,)):
        return needed(NAME, "knows the shell", shell)
    return not_needed(NAME, "runs no other programs")


RULE = Rule(
    NAME,
    Wanted(
        frozenset((*_GO, *_LIBC)),
        frozenset((SHELL, _GO_OPERATION)),
        arguments=frozenset(_GO_NAMED),
        immediates=frozenset((*_SYSTEM_CALLS.values(), SHELL)),
    ),
    judge,
    ("/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/", "/usr/local/bin/"),
)
