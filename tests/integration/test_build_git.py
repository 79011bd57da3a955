"""ADD of git repositories, and contexts that are some: by HTTP, HTTPS and SSH, from servers of our own."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.builds import make_builder, write_context
from tests.peers.certificates import make_certificates
from tests.peers.web import BACKEND, repository, ssh_agent, ssh_server, web_server
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.builds import Builder
    from tests.peers.web import Web

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static"), pytest.mark.peer("git")]

FIRST = {"a": "1\n", "run.sh@x": "#!/bin/sh\n", "docs/b": "b\n", "Dockerfile": "FROM scratch\nCOPY . /all/\n"}


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    if not Path(BACKEND).exists():
        lacking("git has no server for HTTP here")
    with web_server() as server:
        server.repositories = tmp_path
        yield server


def git(bare: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "--git-dir", str(bare), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def context(folder: Path, *lines: str) -> Path:
    return write_context(folder, {"Dockerfile": "\n".join(("FROM scratch", *lines))})


def test_branches_tags_commits_and_folders(builder: Builder, web: Web, tmp_path: Path) -> None:
    bare, commits = repository(tmp_path, FIRST, {"a": "2\n", "docs/b": None})
    git(bare, "tag", "light", commits[0])
    git(bare, "tag", "-a", "-m", "x", "annotated", commits[0])
    git(bare, "branch", "side", commits[0])
    url = f"{web.address}/git/r.git"
    lines = (
        f"ADD {url} /main", f"ADD {url}#light:docs /light", f"ADD {url}#annotated /annotated", f"ADD {url}#side /side",
        f"ADD {url}#{commits[0]} /commit", f"ADD {url}?branch=side&subdir=docs /query", f"ADD {url}?tag=light&commit={commits[0][:9]} /t",
        f"ADD --checksum={commits[1]} --chown=3:4 {url}#main /sum/in",
    )  # fmt: skip
    files = builder.files(context(tmp_path / "c", *lines))
    assert files["main/a"][-1] == b"2\n"
    assert "main/docs" not in files
    assert {name for name in files if ".git" in name} == set()
    assert {files[f"{name}/a"][-1] for name in ("annotated", "side", "commit", "t")} == {b"1\n"}
    assert (files["light/b"][-1], files["query/b"][-1]) == (b"b\n", b"b\n")
    assert (files["main/a"][1:4], files["main/run.sh"][1]) == (("0o644", 0, 0), "0o755")
    assert files["sum/in/a"][2:4] == (3, 4)


def test_a_branch_that_has_moved_is_fetched_and_one_that_has_not_is_cached(
    builder: Builder, web: Web, tmp_path: Path
) -> None:
    bare, commits = repository(tmp_path, FIRST, {"a": "2\n"})
    git(bare, "update-ref", "refs/heads/main", commits[0])
    folder = context(tmp_path / "c", f"ADD {web.address}/git/r.git /r")
    assert builder.files(folder)["r/a"][-1] == b"1\n"
    web.asked.clear()
    assert "CACHED" in builder.built(folder)
    assert not any(
        asked.endswith("git-upload-pack") and asked.startswith("POST") and "pack" not in asked for asked in web.asked
    )
    git(bare, "update-ref", "refs/heads/main", commits[1])
    assert builder.files(folder)["r/a"][-1] == b"2\n"
    fixed = context(tmp_path / "d", f"ADD {web.address}/git/r.git#{commits[0]} /r")
    builder.built(fixed)
    web.asked.clear()
    assert "CACHED" in builder.built(fixed)
    assert web.asked == [], "a whole commit is what it is"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("#nosuch", "there is no branch and no tag nosuch"),
        ("#main:nosuch", "has no folder nosuch"),
        ("#main:link", "has no folder link"),
        ("?commit=abc123", "expected checksum to match abc123, got "),
        ("?branch=a&tag=b", "branch conflicts with tag"),
        ("?what=x", 'unexpected query "what"'),
        ("#-u", "is no git ref"),
        ("#" + "0" * 40, "r.git: "),
    ],
)
def test_what_is_not_there_is_told_with_its_line(
    builder: Builder, web: Web, tmp_path: Path, source: str, words: str
) -> None:
    bare, _ = repository(tmp_path, FIRST)
    work = bare.with_name("r.git.work")
    (work / "link").symlink_to("docs")
    done = builder(context(tmp_path / "c", f"ADD {web.address}/git/r.git{source} /r"))
    assert done.returncode == 1
    assert "Dockerfile:2: " in done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_git_dirs_are_kept_where_that_is_asked_for_and_hold_nothing_of_the_machine(
    whit: Path, web: Web, tmp_path: Path
) -> None:
    bare, commits = repository(tmp_path, FIRST, {"a": "2\n"})
    git(bare, "tag", "-a", "-m", "x", "v1", commits[1])
    url = f"{web.address}/git/r.git"
    folder = context(tmp_path / "c", f"ADD --keep-git-dir {url}#v1 /r", f"ADD {url}?keep-git-dir=true&branch=main /m")
    digests = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        builder = make_builder(whit, tmp_path / name)
        out = tmp_path / f"out-{name}"
        builder.built(folder, "-t", "kept")
        builder.built(folder, "-o", f"type=local,dest={out}")
        digests.add(Store(builder.engine.root).resolve("kept").digest)
        words = ["git", "-c", "safe.directory=*", "-C", str(out / "r")]
        assert subprocess.run([*words, "status", "--short"], capture_output=True, text=True, check=True).stdout == ""
        assert (
            subprocess.run([*words, "describe", "--exact-match"], capture_output=True, text=True, check=True).stdout
            == "v1\n"
        )
        assert (
            subprocess.run([*words, "remote", "get-url", "origin"], capture_output=True, text=True, check=True).stdout
            == f"{url}\n"
        )
        assert subprocess.run(
            [*words, "log", "--format=%H"], capture_output=True, text=True, check=True
        ).stdout.split() == [commits[1]]
    assert len(digests) == 1
    refused = builder(context(tmp_path / "d", f"ADD --keep-git-dir=false {url}?keep-git-dir=true /r"))
    assert "don't agree" in refused.stderr


def test_submodules_come_along_but_not_those_of_the_file_system(builder: Builder, web: Web, tmp_path: Path) -> None:
    repository(tmp_path, {"inner": "i\n"}, name="sub.git")
    bare, _ = repository(tmp_path, FIRST)
    work = tmp_path / "r.git.work"
    url = f"{web.address}/git/sub.git"
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(work)]
    for words in (
        ["submodule", "add", "-q", url, "mod"],
        ["commit", "-q", "-m", "sub"],
        ["push", "-q", str(bare), "HEAD:main"],
    ):
        subprocess.run([*command, *words], check=True, capture_output=True)
    files = builder.files(
        context(tmp_path / "c", f"ADD {web.address}/git/r.git /r", f"ADD {web.address}/git/r.git?submodules=false /s")
    )
    assert files["r/mod/inner"][-1] == b"i\n"
    assert "r/mod/.git" not in files
    assert "s/mod/inner" not in files
    text = (work / ".gitmodules").read_text().replace(url, str(tmp_path / "sub.git"))
    (work / ".gitmodules").write_text(text)
    for words in (["commit", "-q", "-a", "-m", "sub"], ["push", "-q", str(bare), "HEAD:main"]):
        subprocess.run([*command, *words], check=True, capture_output=True)
    refused = builder(context(tmp_path / "d", f"ADD {web.address}/git/r.git /r"))
    assert refused.returncode == 1
    assert "transport 'file' not allowed" in refused.stderr


def test_tokens_are_secrets_of_the_build_and_private_authorities_are_known(
    builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(tmp_path, FIRST)
    made = make_certificates(tmp_path)
    with web_server((made.server, made.server_key)) as server:
        server.repositories, server.token = tmp_path, "basic eC1hY2Nlc3MtdG9rZW46dDA="
        folder = context(tmp_path / "c", f"ADD {server.address}/git/r.git /r")
        refused = builder(folder)
        assert "certificate" in refused.stderr
        place = tmp_path / "config" / "containers" / "certs.d" / server.address.removeprefix("https://")
        place.mkdir(parents=True)
        (place / "ca.crt").write_bytes(made.authority.read_bytes())
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        refused = builder(folder)
        assert "could not read Username" in refused.stderr
        assert "GIT_AUTH_TOKEN" in refused.stderr
        monkeypatch.setenv("TOKEN", "t0")
        files = builder.files(folder, "--secret", "id=GIT_AUTH_TOKEN,env=TOKEN")
        assert files["r/a"][-1] == b"1\n"


def test_what_a_killed_build_has_left_of_a_repository_is_fetched_anew(
    builder: Builder, web: Web, tmp_path: Path
) -> None:
    bare, commits = repository(tmp_path, FIRST, {"a": "2\n"}, {"a": "3\n"}, {"a": "4\n"})
    folder = context(tmp_path / "c", f"ADD {web.address}/git/r.git /r")
    seen = set()
    for number, commit in enumerate(commits):
        git(bare, "update-ref", "refs/heads/main", commit)
        for kept in (builder.engine.root / "build" / "git").iterdir():
            if kept.is_dir() and number == 1:
                (kept / "shallow.lock").touch()
            elif kept.is_dir() and number == 2:
                for part in kept.rglob("objects/*/*"):
                    part.chmod(0o600)
                    part.write_bytes(b"")
            elif kept.is_dir():
                (kept / "HEAD").write_bytes(b"")
        seen.add(builder.files(folder)["r/a"][-1])
    assert seen == {b"1\n", b"2\n", b"3\n", b"4\n"}


def test_contexts_are_repositories_with_their_own_dockerfiles(builder: Builder, web: Web, tmp_path: Path) -> None:
    inner = {
        "docs/Dockerfile": "FROM scratch\nCOPY b /inner\n",
        "other.df": "FROM scratch\nCOPY a /other\n",
        ".dockerignore": "a\n",
    }
    repository(tmp_path, {**FIRST, **inner})
    url = f"{web.address}/git/r.git"
    found = {}
    for name, words in {
        "all": (url,), "sub": (f"{url}#main:docs",), "file": ("-f", "other.df", url),
        "kept": ("--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", url),
    }.items():  # fmt: skip
        out = tmp_path / name
        builder.engine("build", "-o", f"type=local,dest={out}", *words)
        found[name] = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert found["all"] >= {"all/a", "all/.dockerignore"}
    assert (found["sub"], found["file"]) == ({"inner"}, {"other"})
    assert "all/.git/HEAD" in found["kept"]
    assert "all/.git/HEAD" not in found["all"]
    refused = builder.engine.run("build", "-f", "nosuch", url)
    assert f"there is no nosuch in {url}" in refused.stderr


@pytest.mark.peer("sshd")
def test_ssh_takes_the_agent_that_the_build_is_given(
    builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare, _ = repository(tmp_path, FIRST)
    with ssh_server(tmp_path / "ssh") as server, ssh_agent(server.key) as agent, ssh_agent() as empty:
        url = f"ssh://{server.user}@localhost:{server.port}{bare}"
        folder = context(tmp_path / "c", f"ADD {url} /r")
        refused = builder(folder)
        assert "Dockerfile:2: " in refused.stderr
        assert "--ssh default" in refused.stderr
        monkeypatch.setenv("SSH_AUTH_SOCK", empty)
        assert "Permission denied" in builder(folder, "--ssh", "default").stderr
        monkeypatch.setenv("SSH_AUTH_SOCK", agent)
        assert builder.files(folder, "--ssh", "default")["r/a"][-1] == b"1\n"
        out = tmp_path / "out"
        builder.engine("build", "-o", f"type=local,dest={out}", url)
        assert (out / "all" / "a").read_text() == "1\n", "a context's own agent needs no word"
