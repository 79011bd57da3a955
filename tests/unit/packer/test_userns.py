"""A user namespace of the caller's: whose ids it has."""

from __future__ import annotations

from whit.packer.support.userns import Ids, count_ids, is_alone, outer, parse_subordinate


def test_subordinate_ids_are_found_by_name_and_by_number() -> None:
    text = "other:1:2\nme:100000:65536\n\n# me:1:1\n1000:200000:10\nme:x:1\nme:5:0\n10001:7:7\n"
    assert parse_subordinate(text, ("1000", "me")) == ((100000, 65536), (200000, 10))


def test_the_caller_is_root_and_its_subordinate_ids_follow_in_their_order() -> None:
    assert list(outer(1000, ())) == [(0, 1000, 1)]
    assert list(outer(1000, ((200000, 10), (100000, 5)))) == [(0, 1000, 1), (1, 200000, 10), (11, 100000, 5)]


def test_ids_are_counted_up_to_the_first_that_is_not_there() -> None:
    assert count_ids("         0          0 4294967295\n") is None
    assert count_ids("         0      1000          1\n") == 1
    assert count_ids("         1    100000      65536\n         0      1000          1\n") == 65537
    assert count_ids("0 1000 1\n5 100000 10\n") == 1
    assert count_ids("5 100000 10\n") == 0


def test_whoever_has_one_id_is_alone() -> None:
    assert is_alone(Ids(1, 1))
    assert not is_alone(Ids(65537, 65537))
    assert not is_alone(None)
    assert not Ids(1001, 50).have(1000, 50)
    assert Ids(1001, 51).have(1000, 50)
