"""``whit build`` with sources where something goes wrong: ended in the middle, two at once, no room, odd trees."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import until
from tests.integration.sources import HELLO, done, module, write
from whit.packer.store.garbage import collect, verify
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import RunWhit
    from tests.integration.conftest import User

pytestmark = pytest.mark.peer("go")


def begun(whit: Path, project: Path, root: Path, cache: Path) -> subprocess.Popen[str]:
    """A build that takes a while: Go has compiled nothing yet. It is waited for until compilers run."""
    process = subprocess.Popen(
        [whit, "build", project], env={**os.environ, "WHIT_ROOT": str(root), "GOCACHE": str(cache)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: len(compilers(cache)) > 1 or process.poll() is not None, "compilers run")
    assert process.poll() is None, process.communicate()
    return process


def compilers(cache: Path) -> list[str]:
    """Processes that compile into a cache."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_ours = f"GOCACHE={cache}\0".encode() in (folder / "environ").read_bytes()
            name = (folder / "comm").read_text().strip()
        except OSError:
            continue
        if is_ours and name not in {"whit", "python", "python3"}:
            found.append(name)
    return found


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_whoever_ends_a_build_ends_its_compilers_and_nothing_is_left(
    whit: Path, whit_root: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    project, cache = module(tmp_path / "svc", root="svc"), tmp_path / "go-cache"
    process = begun(whit, project, whit_root, cache)
    process.send_signal(number)
    _, told = process.communicate(timeout=30)
    assert process.returncode == code
    assert told.splitlines()[-1].startswith("whit: ")
    until(lambda: not compilers(cache), "its compilers are gone")
    assert [path.name for path in (whit_root / "build" / "caches").iterdir() if not path.name.endswith(".lock")] == []


def test_a_build_that_is_killed_leaves_nothing_that_matters(
    whit: Path, whit_root: Path, run_whit: RunWhit, tmp_path: Path
) -> None:
    project = module(tmp_path / "svc", root="svc")
    process = begun(whit, project, whit_root, tmp_path / "go-cache")
    process.kill()
    process.communicate()
    until(lambda: not compilers(tmp_path / "go-cache"), "its compilers are gone")
    done(run_whit, "build", project)
    assert done(run_whit, "run", "svc").strip() == "hello from svc"
    assert collect(Store(whit_root), wait=True)
    assert verify(Store(whit_root)) == ()
    assert [path for path in (whit_root / "build" / "caches").iterdir() if path.name.startswith(".tmp-")] == []


def test_two_at_once_build_it_once(whit: Path, whit_root: Path, tmp_path: Path) -> None:
    project = module(tmp_path / "svc", root="svc")
    words = [str(whit), "build", "--json", str(project)]
    environment = {**os.environ, "WHIT_ROOT": str(whit_root)}
    both = [subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    documents = [json.loads(process.communicate(timeout=300)[0]) for process in both]
    assert sorted(document["source"]["built"][0] for document in documents) == [False, True]
    assert documents[0]["digest"] == documents[1]["digest"]


@pytest.mark.root
def test_a_full_disk_is_told_and_nothing_is_named(whit: Path, tmp_path: Path) -> None:
    project = module(tmp_path / "svc", root="svc")
    root = tmp_path / "small"
    root.mkdir(mode=0o700)
    line = f"mount -t tmpfs -o size=1m,mode=700 none {root} && WHIT_ROOT={root} {whit} build {project}; code=$?; WHIT_ROOT={root} {whit} images -q; exit $code"
    result = subprocess.run(
        ["unshare", "-m", "sh", "-c", line], capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == 1
    assert "no space left on device" in result.stderr
    assert [text for text in result.stderr.splitlines() if text.startswith("whit: ")][-1].startswith("whit: ")
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


@pytest.mark.root
def test_a_tree_that_can_t_be_read_is_told(user: User) -> None:
    project = module(user.home / "svc", root="svc")
    (project / "secret").mkdir(mode=0o700)
    result = user.run("build", project)
    assert result.returncode == 1
    assert result.stderr == f"whit: {project}/secret can't be read: permission denied\n"


def test_links_out_of_the_tree_are_no_way_past_what_has_changed(run_whit: RunWhit, tmp_path: Path) -> None:
    # given a source that is a link to a file outside
    project = module(tmp_path / "svc")
    outside = tmp_path / "outside.go"
    outside.write_text(HELLO % "one")
    (project / "main.go").symlink_to(outside)
    done(run_whit, "build", project)
    # when what it leads to changes
    outside.write_text(HELLO % "two")
    done(run_whit, "build", project)
    # then so does the program
    assert done(run_whit, "run", "svc").strip() == "hello from two"
    # and with a link to a folder outside it is built each time
    (project / "everything").symlink_to("/")
    for _ in range(2):
        assert json.loads(done(run_whit, "build", "--json", project))["source"]["built"] == [True]


def test_a_lone_file_is_built_anew_only_when_it_or_what_it_names_changes(
    run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    """Given a file among others, the store among them, when one of these changes, then it is nothing to it."""
    folder = write(
        tmp_path,
        {
            "say.go": 'package main\n\nimport _ "embed"\n\n//go:embed said.txt\nvar said string\n\nfunc main() { println(said) }\n',
            "said.txt": "one",
            "other.go": "package nothing\n",
        },
    )
    assert whit_root.is_relative_to(folder)
    first = done(run_whit, "build", folder / "say.go")
    assert f"{folder}/say.go and 1 beside it that it names" in " ".join(first.split())
    write(folder, {"other.go": "package other\n"})
    assert json.loads(done(run_whit, "build", "--json", folder / "say.go"))["source"]["built"] == [False]
    write(folder, {"said.txt": "two"})
    assert json.loads(done(run_whit, "build", "--json", folder / "say.go"))["source"]["built"] == [True]
    assert run_whit("run", "say").stderr.strip() == "two"


def test_a_module_beside_the_tree_counts(run_whit: RunWhit, tmp_path: Path) -> None:
    project = write(
        tmp_path / "svc",
        {
            "go.mod": "module m\n\ngo 1.21\n\nrequire example.com/word v0.0.0\nreplace example.com/word => ../word\n",
            "main.go": 'package main\n\nimport "example.com/word"\n\nfunc main() { println(word.Word) }\n',
        },
    )
    word = write(
        tmp_path / "word", {"go.mod": "module example.com/word\n", "w.go": 'package word\n\nconst Word = "one"\n'}
    )
    done(run_whit, "build", project)
    (word / "w.go").write_text('package word\n\nconst Word = "two"\n')
    done(run_whit, "build", project)
    assert run_whit("run", "svc").stderr.strip() == "two"


def test_damaged_records_are_none(run_whit: RunWhit, whit_root: Path, tmp_path: Path) -> None:
    project = module(tmp_path / "svc", root="svc")
    first = json.loads(done(run_whit, "build", "--json", project))
    (record,) = (whit_root / "build" / "caches").glob("source-*/record.json")
    (index,) = (whit_root / "cache" / "trees").iterdir()
    for damage in (b"", b"{}", b"[1]", b'{"schema": "whit-source/1", "programs": 3}'):
        record.write_bytes(damage)
        index.write_bytes(damage)
        again = json.loads(done(run_whit, "build", "--json", project))
        assert (again["digest"], again["source"]["built"]) == (first["digest"], [True])


def test_a_kept_program_that_isn_t_what_was_built_is_built_again(
    run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    project = module(tmp_path / "svc", root="svc")
    first = json.loads(done(run_whit, "build", "--json", project))
    (program,) = (whit_root / "build" / "caches").glob("source-*/project")
    for damage in ("cut short", "a link", "gone"):
        program.unlink()
        if damage == "cut short":
            program.write_bytes(b"\x7fELF")
        elif damage == "a link":
            program.symlink_to("/bin/true")
        again = json.loads(done(run_whit, "build", "--json", project))
        assert (again["digest"], again["source"]["built"]) == (first["digest"], [True])


def test_modules_that_are_none_aren_t_read_through(run_whit: RunWhit, tmp_path: Path) -> None:
    """Given a replace of /etc, when it is built, then Go says what is wrong with it, and nothing of it was read."""
    project = module(tmp_path / "svc", root="svc")
    with (project / "go.mod").open("a") as file:
        file.write("require x v0.0.0\nreplace x => /etc\n")
    (project / "main.go").write_text('package main\n\nimport _ "x"\n\nfunc main() {}\n')
    result = run_whit("build", project, timeout=300)
    assert result.returncode == 1
    assert "/etc/go.mod" in result.stderr


def test_builder_prune_removes_what_was_built(run_whit: RunWhit, whit_root: Path, tmp_path: Path) -> None:
    project = module(tmp_path / "svc", root="svc")
    done(run_whit, "build", project)
    done(run_whit, "builder", "prune", "-f")
    assert list((whit_root / "build" / "caches").glob("source-*/record.json")) == []
    assert json.loads(done(run_whit, "build", "--json", project))["source"]["built"] == [True]
