"""``develop.watch``: which change leads to what."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.runtime.compose_projects import project_of
from whit.packer.buildfile.dockerfile.ignorefile import parse_ignore_file
from whit.packer.support.errors import UsageError
from whit.runtime.compose.develop import Action, Change, Rules, Trigger, reactions, triggers_of

SYNC = {"path": "/src/app", "action": "sync", "target": "/app"}


def _triggers(*entries: dict[str, Any], ignored: str = "", **values: Any) -> tuple[Trigger, ...]:
    project = project_of({"web": {**values, "develop": {"watch": list(entries)}}})
    rules = {"web": Rules("/src", parse_ignore_file(ignored.encode()))} if ignored else {}
    return triggers_of(project, ("web",), rules, lambda path: f"f.yaml:{'.'.join(map(str, path))}: ")


def test_a_changed_file_has_its_place_in_the_container() -> None:
    (trigger,) = _triggers(SYNC)
    assert trigger.takes("/src/app/a/b.txt")
    assert trigger.place("/src/app/a/b.txt") == "/app/a/b.txt"
    assert not trigger.takes("/src/apple/b.txt")
    # and one that is watched alone is put where the target says
    (alone,) = _triggers({"path": "/src/conf", "action": "sync+restart", "target": "/etc/conf"})
    assert alone.takes("/src/conf")
    assert alone.place("/src/conf") == "/etc/conf"


def test_patterns_begin_at_the_path_and_dockerignore_s_at_the_context() -> None:
    (trigger,) = _triggers({**SYNC, "ignore": ["node_modules/", "*.tmp"]}, ignored="app/secret\n", build="/src")
    assert trigger.passes_over("/src/app/node_modules")
    assert not trigger.takes("/src/app/node_modules/x/y.js")
    assert not trigger.takes("/src/app/a.tmp")
    assert trigger.takes("/src/app/a/b.tmp"), "as in .dockerignore, a pattern without a folder is of the first one"
    assert not trigger.takes("/src/app/secret/key")


@pytest.mark.parametrize("name", [".git/HEAD", "a.swp", "x/b~", ".#lock", "4913", "x/.DS_Store"])
def test_what_editors_and_git_leave_is_passed_over(name: str) -> None:
    assert not _triggers(SYNC)[0].takes(f"/src/app/{name}")


def test_with_include_nothing_else_counts() -> None:
    (trigger,) = _triggers({**SYNC, "include": ["**/*.go"]})
    assert trigger.takes("/src/app/x/main.go")
    assert not trigger.takes("/src/app/x/README.md")


def test_changes_of_one_moment_are_done_together() -> None:
    sync, restart, execute, rebuild = _triggers(
        SYNC,
        {"path": "/src/etc", "action": "sync+restart", "target": "/etc/web"},
        {**SYNC, "path": "/src/sql", "action": "sync+exec", "exec": {"command": ["/load"]}},
        {"path": "/src/go.mod", "action": "rebuild"},
        build="/src",
    )
    (reaction,) = reactions(
        [
            Change(sync, "/src/app/a"),
            Change(sync, "/src/app/gone", is_gone=True),
            Change(restart, "/src/etc/b"),
            Change(execute, "/src/sql/c"),
            Change(execute, "/src/sql/d"),
        ]
    )
    assert reaction.put == (
        ("/src/app/a", "/app/a"),
        ("/src/etc/b", "/etc/web/b"),
        ("/src/sql/c", "/app/c"),
        ("/src/sql/d", "/app/d"),
    )
    assert reaction.removed == ("/app/gone",)
    assert reaction.hooks == ({"command": ["/load"]},)
    assert (reaction.restarts, reaction.rebuilds, reaction.count) == (True, False, 5)
    (rebuilt,) = reactions([Change(rebuild, "/src/go.mod")])
    assert (rebuilt.rebuilds, rebuilt.restarts, rebuilt.put) == (True, False, ())


def test_a_restart_alone_puts_nothing() -> None:
    (trigger,) = _triggers({"path": "/src/x", "action": "restart"})
    assert trigger.action is Action.RESTART
    (reaction,) = reactions([Change(trigger, "/src/x/y")])
    assert (reaction.put, reaction.restarts) == ((), True)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"path": "/a", "action": "rebuild"}, "services.web.develop.watch.0.action: service web: .* has no build"),
        ({"path": "/a", "action": "sync"}, r"watch\.0\.target: .*needs a target"),
        ({"path": "/a", "action": "sync+exec", "target": "/a"}, r"watch\.0\.exec: .*sync\+exec needs exec"),
        ({**SYNC, "ignore": ["a["]}, r"watch\.0\.ignore: .*bracket"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(entry: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        _triggers(entry)
