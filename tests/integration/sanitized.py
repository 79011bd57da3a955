"""The launcher with AddressSanitizer and UBSan in it, and launch plans changed in every way that it accepts."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.peers import BUILD, PROJECT
from whit.packer.support.durable import locked
from whit.runtime.encode import decode, encode
from whit.runtime.model import LaunchPlan, Op, Value
from whit.runtime.opcodes import BY_NAME, OPERATIONS, Kind, Stage, c_header

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

SANITIZE = ["-g1", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=0", "PATH": os.environ["PATH"]}


def launcher_made_by(kind: str, compiler: Sequence[str]) -> Path:
    """The launcher by this compiler and its options; built once for all that ask, and anew when a source has changed."""
    launcher, header = PROJECT / "runtime" / "launcher", c_header()
    key = hashlib.sha256(repr((compiler, header)).encode())
    for source in sorted(launcher.glob("*.[ch]")):
        key.update(source.read_bytes())
    folder = BUILD / kind / key.hexdigest()[:16]
    target = folder / "whit"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock", exclusive=True):
        if not target.exists():
            (folder / "ops.h").write_text(header)
            command = [*compiler, "-std=gnu11", "-D_GNU_SOURCE", f"-I{folder}", f"-I{launcher}", "-o", f"{target}.new"]
            subprocess.run([*command, *map(str, sorted(launcher.glob("*.c")))], check=True)
            Path(f"{target}.new").replace(target)
    return target


def sanitized_launcher() -> Path:
    """The launcher with AddressSanitizer and UBSan."""
    return launcher_made_by("sanitized", ("gcc", *SANITIZE))


def assert_clean(stderr: str) -> None:
    """No sanitizer has complained."""
    assert "Sanitizer" not in stderr, stderr
    assert "runtime error:" not in stderr, stderr


PATHS = (
    "", "/", ".", "..", "/..", "//", "/x", "x", "/proc", "/proc/self/fd", "/dev/null", "/tmp/a/b", "/bin/busybox", "/data",
    "/" + "a" * 254, "/" + "a" * 300, "/a" * 2040, "a" * 4096, "/" * 5000, "/" + "a/" * 4000, "/tmp/\udcff\udcfe", "-1",
    "size=1", "=", "=x", "x" * 600,
)  # fmt: skip
NUMBERS = (0, 1, 2, 15, 16, 17, 63, 64, 127, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 63, (1 << 64) - 1)


def _value(random_: random.Random, kind: Kind) -> Value:
    if kind is Kind.NUMBER:
        return random_.choice(NUMBERS)
    if kind is Kind.TEXT:
        return random_.choice(PATHS)
    if kind is Kind.LIST:
        return tuple(random_.choices(PATHS, k=random_.choice((0, 1, 2, 5, 200))))
    return random_.randbytes(random_.choice((0, 1, 3, 4, 8, 80, 4096, 4100, 32768, 32776, 65536)))


def _changed(random_: random.Random, op: Op) -> Op:
    kinds = [argument.kind for argument in BY_NAME[op.name].arguments]
    if not kinds:
        return op
    at = random_.randrange(len(kinds))
    return Op(op.name, (*op.args[:at], _value(random_, kinds[at]), *op.args[at + 1 :]), op.why)


def _any_op(random_: random.Random, stage: Stage) -> Op:
    row = random_.choice([row for row in OPERATIONS if row.stage is stage])
    return Op(row.name, tuple(_value(random_, argument.kind) for argument in row.arguments), "any")


def changed_plan(plan: LaunchPlan, random_: random.Random) -> LaunchPlan:
    """One to three changes: an argument, an operation left out, done twice, added, or two in each other's place."""
    ops = list(plan.ops)
    for _ in range(random_.randint(1, 3)):
        at = random_.randrange(len(ops))
        stage = BY_NAME[ops[at].name].stage
        change = random_.choice(("argument", "argument", "argument", "leave out", "twice", "add", "swap"))
        if change == "argument" or stage in {Stage.CLONE, Stage.EXEC}:
            ops[at] = _changed(random_, ops[at])
        elif change == "leave out":
            del ops[at]
        elif change == "twice":
            ops.insert(at, ops[at])
        elif change == "add":
            ops.insert(at, _any_op(random_, stage))
        elif BY_NAME[ops[at + 1].name].stage is stage:
            ops[at], ops[at + 1] = ops[at + 1], ops[at]
    changed = LaunchPlan(plan.version, tuple(ops))
    decode(encode(changed))
    return changed
