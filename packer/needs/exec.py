"""Running other programs: none are packed, so a person must know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.analysis import Wanted
from whit.packer.needs.facts import instruction, linked, needed, not_needed, present, reads_go_names
from whit.packer.needs.model import Need, Rule

if TYPE_CHECKING:
    from whit.packer.analysis import Analysis

NAME = "exec"
SHELL = b"/bin/sh"

_GO = ("os.StartProcess", "syscall.forkExec", "syscall.ForkExec", "syscall.StartProcess", "syscall.Exec")
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


def judge(analysis: Analysis) -> Need:
    """Whether the program starts others."""
    if evidence := linked(analysis, _GO if reads_go_names(analysis) else _LIBC):
        return needed(NAME, "runs other programs", evidence)
    if reads_go_names(analysis):
        return not_needed(NAME, "runs no other programs")
    code = _SYSTEM_CALLS.get(analysis.platform.architecture)
    if code and (evidence := instruction(analysis, code, "the execve system call")):
        return needed(NAME, "runs other programs", evidence)
    if shell := present(analysis, (SHELL,)):
        return needed(NAME, "knows the shell", shell)
    return not_needed(NAME, "runs no other programs")


RULE = Rule(
    NAME,
    Wanted(frozenset((*_GO, *_LIBC)), frozenset((*_SYSTEM_CALLS.values(), SHELL))),
    judge,
    ("/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/", "/usr/local/bin/"),
)
