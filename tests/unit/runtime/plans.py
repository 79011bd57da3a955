"""Plans for the tests: an image, options and hosts as the compiler takes them, and random ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from whit.packer.image.spec import RunConfig
from whit.runtime.cgroup import CgroupLayout, CgroupVersion
from whit.runtime.limits import Limits, Rlimit
from whit.runtime.model import LaunchPlan, Op
from whit.runtime.mounts import HARDENED, Tmpfs, Volume
from whit.runtime.opcodes import BY_NAME, OPERATIONS, PLAN_VERSION, Kind, Stage
from whit.runtime.options import Guards, Host, Network, Program, RunOptions
from whit.runtime.plan import compile_plan

if TYPE_CHECKING:
    from whit.runtime.model import Value

V1 = CgroupLayout(
    CgroupVersion.V1,
    (("memory", "/cg/memory/whit"), ("cpu", "/cg/cpu/whit"), ("pids", "/cg/pids/whit")),
    swap=True,
)
V2 = CgroupLayout(CgroupVersion.V2, (("", "/cg/whit"),), swap=True)
NONE = CgroupLayout(CgroupVersion.NONE, why_not="it isn't yours")

ROOT_V1 = Host(0, 0, "amd64", V1)
ROOT_V2 = Host(0, 0, "amd64", V2)
ROOTLESS = Host(1000, 1001, "amd64", NONE)
ROOTLESS_V2 = Host(1000, 1001, "amd64", V2)
HOSTS = (ROOT_V1, ROOT_V2, ROOTLESS, ROOTLESS_V2)

CONFIG = RunConfig(entrypoint=("/server",), env=("PATH=/bin",), user="65532:65532", working_dir="/")
PROGRAM = Program("server", "/store/rootfs/1", "/store/rootfs/1.lock", CONFIG, has_tmp=True)

GUARDS = Guards(
    command=("run", "-e", "A", "server"),
    kernel=("6.1.0", "#1 SMP"),
    plans="/store/plans",
    launcher="/usr/bin/whit",
    files=(("/store/index.json", 1, 2, 3, 4, 5), ("/usr/bin/whit", 1, 9, 3, 4, 5)),
    absent=("server",),
    directory="/home/me",
    environment=(("A", None), ("B", "x")),
)

OPTIONS = (
    RunOptions(),
    RunOptions(init=True, user="0"),
    RunOptions(limits=Limits(memory=64 << 20, cpu_quota_us=50_000, pids=64)),
    RunOptions(network=Network.HOST, add_capabilities=frozenset({"NET_BIND_SERVICE"})),
    RunOptions(
        volumes=(Volume("/srv/data", "/data", read_only=True, is_directory=True),),
        tmpfs=(Tmpfs("/run", ("mode=1777", "size=1048576"), HARDENED),),
        rlimits=(Rlimit(7, 1024, 4096),),
        env=(("TOKEN", "s3cret"),),
        arguments=("--flag", ""),
    ),
)


def real_plans() -> list[LaunchPlan]:
    """What the compiler makes for every kind of host, with and without guards; limits only where there is a cgroup."""
    return [
        compile_plan(PROGRAM, options, host, guards=guards)
        for host in HOSTS
        for options in OPTIONS
        for guards in (None, GUARDS)
        if host.cgroups.version is not CgroupVersion.NONE or options.limits == Limits()
    ]


_TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12)
_UNDECODABLE = st.binary(max_size=6).map(lambda data: data.replace(b"\0", b"").decode("utf-8", "surrogateescape"))
TEXTS = _TEXT | _UNDECODABLE
VALUES: dict[Kind, st.SearchStrategy[Value]] = {
    Kind.NUMBER: st.integers(0, (1 << 64) - 1),
    Kind.TEXT: TEXTS,
    Kind.BYTES: st.binary(max_size=40),
    Kind.LIST: st.lists(TEXTS, max_size=5).map(tuple),
}


def _op(name: str) -> st.SearchStrategy[Op]:
    arguments = st.tuples(*(VALUES[argument.kind] for argument in BY_NAME[name].arguments))
    return st.builds(Op, st.just(name), arguments, TEXTS)


def _ops(stage: Stage, most: int) -> st.SearchStrategy[list[Op]]:
    names = [operation.name for operation in OPERATIONS if operation.stage is stage]
    return st.lists(st.sampled_from(names).flatmap(_op), max_size=most)


@st.composite
def plans(draw: st.DrawFn) -> LaunchPlan:
    """Any plan that the launcher accepts: stages in order, one CLONE, one EXEC at the end; arguments are arbitrary."""
    ops = [
        *draw(_ops(Stage.GUARD, 3)),
        *draw(_ops(Stage.PARENT, 3)),
        draw(_op("CLONE")),
        *draw(_ops(Stage.CHILD, 8)),
        draw(_op("EXEC")),
    ]
    return LaunchPlan(PLAN_VERSION, tuple(ops))


def only(plan: LaunchPlan, name: str) -> Op:
    """The plan's one operation of this name."""
    (op,) = all_of(plan, name)
    return op


def all_of(plan: LaunchPlan, name: str) -> tuple[Op, ...]:
    """The plan's operations of this name, in order."""
    return tuple(op for op in plan.ops if op.name == name)


def names(plan: LaunchPlan) -> list[str]:
    """The names of the plan's operations, in order."""
    return [op.name for op in plan.ops]
