"""What whoever debugs a container sees: which operations make the view, and that nothing of them is the container's to notice."""

from __future__ import annotations

import pytest

from whit.packer.support.errors import UnsupportedError
from whit.runtime.engine.viewing import MOST, container_view, image_view, with_tools
from whit.runtime.model import LaunchPlan, Op

PLAN = LaunchPlan(
    1,
    (
        Op("SEAL_SELF", (), ""),
        Op("CLONE_FREE", (0, 0), ""),
        Op("NEW_SESSION", (), ""),
        Op("EXEC", ("/x", ("/x",), ()), ""),
    ),
)


def bound(ops: tuple[Op, ...]) -> dict[str, tuple[int, str]]:
    """Target → whose, and what."""
    return {str(op.args[2]): (int(str(op.args[0])), str(op.args[1])) for op in ops if op.name == "VIEW_BIND"}


def test_the_container_s_files_are_where_its_programs_have_them() -> None:
    ops = container_view(("app", "bin", "etc", "proc", ".whit-debug"))
    assert bound(ops) == {f"/{name}": (0, name) for name in ("app", "bin", "etc", "proc")}
    names = [op.name for op in ops]
    assert names[:3] == ["VIEW_BEGIN", "TREE_TAKE", "TREE_ATTACH"]
    assert names[-2:] == ["PATH_ATTRIBUTES", "ROOT_SWITCH"]


def test_an_image_s_programs_have_their_libraries_and_the_container_is_beside_them() -> None:
    ops = image_view(("bin", "dev", "etc", "lib", "proc", "tmp"), ("hosts",))
    own, theirs = 1, 0
    assert bound(ops) == {
        "/bin": (own, ".whit-debug/bin"), "/etc": (own, ".whit-debug/etc"), "/lib": (own, ".whit-debug/lib"),
        "/proc": (theirs, "proc"), "/dev": (theirs, "dev"), "/sys": (theirs, "sys"), "/etc/hosts": (theirs, "etc/hosts"),
    }  # fmt: skip
    assert [op.args[0] for op in ops if op.name == "TREE_ATTACH"] == ["/.whit-debug", "/container", "/tmp"]
    assert ops[0] == Op("VIEW_BEGIN", (1,), ops[0].why), "the whole is copied before the view lies over it"


def test_a_root_with_more_than_a_plan_can_hold_is_refused_with_a_way_out() -> None:
    with pytest.raises(UnsupportedError) as caught:
        container_view(tuple(map(str, range(MOST + 1))))
    assert "--image" in (caught.value.hint or "")


def test_tools_are_opened_before_the_container_is_entered_and_only_read() -> None:
    made = with_tools(PLAN, "/store/tools", "/store/lock")
    assert [op.name for op in made.ops] == [
        "HOLD_LOCK", "SEAL_SELF", "CLONE_FREE", "TREE_BIND", "TREE_ATTRIBUTES", "TREE_KEEP", "NEW_SESSION", "EXEC",
    ]  # fmt: skip
    assert made.ops[4].args == (1 | 2 | 4, 0, 1)
    assert "HOLD_LOCK" not in {op.name for op in with_tools(PLAN, "/store/tools", "").ops}
