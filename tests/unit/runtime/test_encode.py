"""LaunchPlan ↔ bytes: what is written is read back; what is damaged is refused, by Python and by the launcher alike."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.runtime.plans import plans, real_plans
from whit.packer.support.errors import InvalidFileError
from whit.runtime.encode import HEADER, OPERATION, decode, encode
from whit.runtime.model import LaunchPlan, Op
from whit.runtime.opcodes import BY_NAME, MAX_OPERATIONS, PLAN_VERSION

SMALL = LaunchPlan(
    PLAN_VERSION, (Op("CLONE", (0, 0), "namespaces"), Op("EXEC", ("/x", ("/x", ""), ("A=ä\udcff",)), "run"))
)


def _with(plan: LaunchPlan, *ops: Op) -> LaunchPlan:
    return LaunchPlan(plan.version, (*ops, *plan.ops))


@pytest.mark.parametrize("plan", real_plans())
def test_what_the_compiler_makes_comes_back(plan: LaunchPlan) -> None:
    assert decode(encode(plan)) == plan


@given(plans())
def test_any_plan_comes_back(plan: LaunchPlan) -> None:
    assert decode(encode(plan)) == plan


def test_equal_plans_are_equal_bytes() -> None:
    assert [encode(plan) for plan in real_plans()] == [encode(plan) for plan in real_plans()]


def test_equal_texts_are_stored_once() -> None:
    once = encode(_with(SMALL, Op("MASK", ("/proc/kcore",), "why")))
    twice = encode(_with(SMALL, *[Op("MASK", ("/proc/kcore",), "why")] * 2))
    assert len(twice) - len(once) == OPERATION.size


def test_a_negative_number_is_written_in_two_s_complement() -> None:
    plan = _with(SMALL, Op("GUARD_FILE", ("/x", 1, 2, 3, -1, -(1 << 63)), "made before 1970"))
    assert decode(encode(plan)).ops[0].args[4:] == ((1 << 64) - 1, 1 << 63)


@pytest.mark.parametrize("text", ["a\0b", "\0", "\ud800"])
def test_a_text_that_the_kernel_could_not_take_is_an_error_and_not_a_shorter_text(text: str) -> None:
    for arguments in ((text,), ()):
        plan = LaunchPlan(PLAN_VERSION, (Op("EXEC", ("/x" if arguments else text, arguments, ()), "run"),))
        with pytest.raises(InvalidFileError) as caught:
            encode(plan)
        assert caught.value.hint is not None
        caught.value.message.encode()


@pytest.mark.parametrize(
    "op",
    [
        Op("CLONE", ("0", 0), "text for a number"),
        Op("CLONE", (b"0", 0), "bytes for a number"),
        Op("MASK", (7,), "a number for a text"),
        Op("MASK", (("/proc",),), "a list for a text"),
        Op("SECCOMP", ("text",), "text for bytes"),
        Op("EXEC", ("/x", "/x", ()), "text for a list"),
        Op("EXEC", ("/x", (1,), ()), "a number in a list"),  # type: ignore[arg-type]
    ],
)
def test_an_argument_of_the_wrong_kind_is_a_mistake_of_ours(op: Op) -> None:
    with pytest.raises(TypeError):
        encode(LaunchPlan(PLAN_VERSION, (op,)))


def test_an_argument_too_few_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="zip"):
        encode(LaunchPlan(PLAN_VERSION, (Op("CLONE", (0,), ""),)))


def test_more_operations_than_the_launcher_takes_are_refused_with_a_hint() -> None:
    plan = LaunchPlan(PLAN_VERSION, (Op("INIT", (), ""),) * (MAX_OPERATIONS + 1))
    with pytest.raises(InvalidFileError, match="more than 1024") as caught:
        encode(plan)
    assert caught.value.hint is not None


def test_a_plan_larger_than_the_launcher_takes_is_refused_with_a_hint() -> None:
    plan = _with(SMALL, Op("MASK", ("x" * (4 << 20),), ""))
    with pytest.raises(InvalidFileError, match="more than 4194304") as caught:
        encode(plan)
    assert caught.value.hint is not None


def _field(plan: LaunchPlan, index: int, argument: int, value: int) -> bytes:
    """The plan's bytes with one argument of one operation replaced; argument -1 is the why's offset."""
    data = bytearray(encode(plan))
    at = HEADER.size + OPERATION.size * index
    if argument < 0:
        struct.pack_into("=I", data, at + 4, value)
    else:
        struct.pack_into("=Q", data, at + 8 + 8 * argument, value)
    return bytes(data)


_END = len(encode(SMALL))
_PATH = struct.unpack_from("=Q", encode(SMALL), HEADER.size + OPERATION.size + 8)[0] >> 32


@pytest.mark.parametrize(
    "data",
    [
        b"",
        encode(SMALL)[:-1],
        encode(SMALL) + b"\0",
        b"whitplan" + encode(SMALL)[8:],
        encode(SMALL)[:8] + struct.pack("=I", PLAN_VERSION + 1) + encode(SMALL)[12:],
        encode(SMALL)[:20] + bytes(4) + encode(SMALL)[24:],
        _field(SMALL, 1, 0, _END << 32),
        _field(SMALL, 1, 0, 0xFFFF_FFFF_FFFF_FFFF),
        _field(SMALL, 1, 0, _PATH << 32 | 1),
        _field(SMALL, 1, 0, _PATH << 32 | 5),
        _field(SMALL, 1, 1, _PATH << 32 | 2),
        _field(SMALL, 1, 1, _PATH << 32 | 0xFFFF_FFFF),
        _field(SMALL, 1, -1, _END),
        _field(SMALL, 1, -1, 0xFFFF_FFFF),
    ],
    ids=[
        "nothing", "cut off", "one byte more", "another magic", "another version", "another table",
        "text at the end", "text far away",
        "text without its NUL", "a NUL inside a text", "a list without its last NUL", "a list that is too long",
        "why at the end", "why far away",
    ],
)  # fmt: skip
def test_damage_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidFileError, match="damaged"):
        decode(data)


def _code(name: str) -> int:
    return BY_NAME[name].code


@pytest.mark.parametrize(
    "order",
    [
        (),
        ("CLONE",),
        ("EXEC",),
        ("EXEC", "CLONE"),
        ("CLONE", "CLONE", "EXEC"),
        ("CLONE", "EXEC", "EXEC"),
        ("CLONE", "SEAL_SELF", "EXEC"),
        ("SEAL_SELF", "GUARD_ABSENT", "CLONE", "EXEC"),
        ("INIT", "CLONE", "EXEC"),
        ("CLONE", "EXEC", "INIT"),
    ],
    ids="-".join,
)
def test_stages_out_of_order_are_refused(order: tuple[str, ...]) -> None:
    arguments: dict[str, tuple[int | str | tuple[str, ...], ...]] = {
        "CLONE": (0, 0),
        "EXEC": ("/x", (), ()),
        "GUARD_ABSENT": ("/x",),
    }
    plan = LaunchPlan(PLAN_VERSION, tuple(Op(name, arguments.get(name, ()), "") for name in order))
    with pytest.raises(InvalidFileError, match="damaged"):
        decode(encode(plan))


@settings(max_examples=150)
@given(plans(), st.data())
def test_changed_bytes_are_a_plan_or_one_clear_error(plan: LaunchPlan, data: st.DataObject) -> None:
    changed = bytearray(encode(plan))
    for at in data.draw(st.lists(st.integers(0, len(changed) - 1), min_size=1, max_size=4)):
        changed[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(changed)) | st.just(len(changed)))
    try:
        found = decode(bytes(changed[:cut]))
    except InvalidFileError:
        return
    assert decode(encode(found)) == found


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_one_way(data: bytes) -> None:
    with pytest.raises(InvalidFileError):
        decode(data)
