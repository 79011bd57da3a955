"""``whit build`` with a Dockerfile: the cache, mounts, failures; what docker makes of the same is in test_build_docker.py."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.builds import write_context
from tests.integration.kept import until
from whit.packer.buildfile.build.cache import StepCache
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from tests.integration.builds import Builder
    from tests.integration.conftest import User

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

NO_NETWORK = ("--network", "none")
CGROUPS = Path("/sys/fs/cgroup")


def context(folder: Path, *lines: str, **files: str) -> Path:
    return write_context(folder, {"Dockerfile": "\n".join(lines), **files})


def count(text: str, word: str) -> int:
    return sum(line.endswith(word) for line in text.splitlines())


def test_what_has_not_changed_is_cached_and_what_comes_after_a_change_is_not(builder: Builder, tmp_path: Path) -> None:
    lines = ("FROM base", "RUN echo first > /first", "COPY a b /in/", "RUN cat /in/a > /last", "WORKDIR /w")
    folder = context(tmp_path, *lines, a="1\n", b="2\n")
    assert count(builder.built(folder, *NO_NETWORK, "-t", "cached"), "CACHED") == 0
    first = Store(builder.engine.root).resolve("cached").digest

    os.utime(folder / "a", (1, 1))
    assert count(builder.built(folder, *NO_NETWORK, "-t", "cached"), "CACHED") == 4, "times are no part of it"
    assert Store(builder.engine.root).resolve("cached").digest == first

    (folder / "a").write_text("3\n")
    assert count(builder.built(folder, *NO_NETWORK, "-t", "cached"), "CACHED") == 1
    files = builder.files(folder, *NO_NETWORK)
    assert (files["last"][-1], files["in/b"][-1]) == (b"3\n", b"2\n")

    (folder / "b").chmod(0o600)
    assert count(builder.built(folder, *NO_NETWORK), "CACHED") == 1
    assert count(builder.built(folder, *NO_NETWORK, "--no-cache"), "CACHED") == 0
    assert count(builder.built(folder, *NO_NETWORK), "CACHED") == 4, "of the steps that were done anew"


def test_copied_files_make_the_same_image_whenever_and_wherever(builder: Builder, tmp_path: Path) -> None:
    digests = set()
    for number, time_s in enumerate((1_000_000_000, 1_500_000_000)):
        folder = context(
            tmp_path / str(number), "FROM base", "COPY . /all/", "WORKDIR /data/new", "ADD a /lib/", a="a\n"
        )
        os.utime(folder / "a", (time_s, time_s))
        builder.built(folder, "--no-cache", "-t", "same")
        digests.add(Store(builder.engine.root).resolve("same").digest)
    assert len(digests) == 1


def test_only_needed_stages_are_built_and_independent_ones_side_by_side(builder: Builder, tmp_path: Path) -> None:
    """Two stages wait for each other, by way of a cache that both have."""
    meet = "RUN --mount=type=cache,target=/c,id=meet touch /c/{0}; while ! test -e /c/{1}; do sleep 0.1; done; echo {0} > /{0}"
    folder = context(
        tmp_path, "FROM base AS one", meet.format("1", "2"), "FROM base AS two", meet.format("2", "1"),
        "FROM base AS unneeded", "RUN false",
        "FROM scratch", "COPY --from=one /1 /", "COPY --from=two /2 /",
    )  # fmt: skip
    assert sorted(builder.files(folder, *NO_NETWORK)) == ["1", "2"]
    assert "1" in builder.files(folder, *NO_NETWORK, "--target", "one")


def test_a_run_that_fails_is_told_with_its_line_and_code_and_leaves_nothing(builder: Builder, tmp_path: Path) -> None:
    folder = context(tmp_path, "FROM base", "", "RUN echo before; exit 3", "RUN touch /never")
    done = builder(folder, *NO_NETWORK, "-t", "failed")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f'whit: {folder}/Dockerfile:3: process "/bin/sh -c echo before; exit 3" did not complete successfully: exit code: 3'
    )
    assert any(line.startswith("#") and line.endswith(" before") for line in done.stderr.splitlines())
    assert "\nbefore\nwhit: " in f"\n{builder(folder, *NO_NETWORK, '-q').stderr}"
    assert "failed" not in builder.engine("images")
    assert not list(StepCache(Store(builder.engine.root)).snapshots.glob(".tmp-*"))
    assert str(builder.engine.root) not in Path("/proc/self/mountinfo").read_text()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("COPY missing /", '"/missing": not found'),
        ("COPY ../../etc/hostname /", '"/etc/hostname": not found'),
        ("COPY --chown=nobody a /", "the image has no user 'nobody'"),
        ("COPY a /data/file/below", "/data/file is not a folder in the image"),
        ('RUN ["/no/such"]', "/no/such"),
        ("RUN --security=insecure true", "security.insecure is not allowed"),
        ("RUN --mount=type=secret,id=s,required=true true", "secret s: not found"),
        ("RUN --mount=type=ssh,required=true true", "there is no SSH agent default"),
        ("USER ghost\nRUN true", "the image has no user 'ghost'"),
    ],
)
def test_what_can_not_be_done_is_told_with_its_line(builder: Builder, tmp_path: Path, line: str, told: str) -> None:
    done = builder(context(tmp_path, "FROM base", line, a="a"), *NO_NETWORK)
    assert done.returncode != 0
    assert told in done.stderr
    assert f"Dockerfile:{1 + len(line.splitlines())}: " in done.stderr
    assert "Traceback" not in done.stderr


def test_mounts_are_seen_and_are_no_part_of_the_image(builder: Builder, tmp_path: Path) -> None:
    folder = context(
        tmp_path, "FROM base AS other", "RUN echo other > /o",
        "FROM base",
        "RUN --mount=type=bind,source=dir,target=/from/context cat /from/context/f > /1 && ! touch /from/context/new",
        "RUN --mount=type=bind,from=other,source=/o,target=/from/stage cat /from/stage > /2",
        "RUN --mount=type=bind,from=other,target=/rw,rw echo x > /rw/o && cat /rw/o > /3",
        "RUN --mount=type=cache,target=/cache,id=test echo kept >> /cache/f",
        "RUN --mount=type=cache,target=/cache,id=test,sharing=locked cat /cache/f > /4",
        "RUN --mount=type=tmpfs,target=/mem,size=64k stat -f /mem >/dev/null; echo x > /mem/x",
        "RUN --mount=type=secret,id=token cat /run/secrets/token > /5; stat -c '%a %u' /run/secrets/token > /6",
        "RUN --mount=type=secret,id=token,env=TOKEN echo $TOKEN > /7",
        **{"dir/f": "context\n", "token": "s3cret\n"},
    )  # fmt: skip
    files = builder.files(folder, *NO_NETWORK, "--secret", f"id=token,src={folder}/token")
    told = {name: files[name][-1] for name in "1234567"}
    assert told == {
        "1": b"context\n", "2": b"other\n", "3": b"x\n", "4": b"kept\n", "5": b"s3cret\n", "6": b"400 0\n", "7": b"s3cret\n",
    }  # fmt: skip
    assert not [name for name in files if name.startswith(("from", "rw", "cache", "mem", "run"))]
    for path in builder.engine.root.rglob("*"):
        if path.is_file() and "snapshots" not in path.parts:
            assert b"s3cret" not in path.read_bytes(), path


def test_here_documents_flags_of_copy_and_scripts(builder: Builder, tmp_path: Path) -> None:
    folder = context(
        tmp_path, "FROM base", "ARG WHO=me", "COPY <<one <<'two' /in/", "for $WHO", "one", "for $WHO", "two",
        "RUN <<EOF", "echo a > /a", "echo $WHO > /b", "EOF",
        "RUN <<EOF", "#!/bin/sh -e", "echo $0 > /c", "EOF",
        "COPY --parents ./p/q/*.txt /kept/", "COPY --exclude=**/*.md p /most/", "COPY --chmod=u=rwX,go= --chown=7 p /mode/",
        "COPY --link p/q/x.txt /lib/x", "COPY nothing*.here /",
        **{"p/q/x.txt": "x\n", "p/q/y.md": "y\n"},
    )  # fmt: skip
    files = builder.files(folder, *NO_NETWORK)
    assert (files["in/one"][-1], files["in/two"][-1]) == (b"for me\n", b"for $WHO\n")
    assert (files["a"][-1], files["b"][-1], files["c"][-1]) == (b"a\n", b"me\n", b"/dev/pipes/EOF\n")
    assert "kept/p/q/x.txt" in files
    assert "kept/p/q/y.md" not in files
    assert sorted(name for name in files if name.startswith("most/")) == ["most/q", "most/q/x.txt"]
    assert files["mode/q"][:4] == (b"5", "0o700", 7, 7)
    assert files["mode/q/x.txt"][:4] == (b"0", "0o600", 7, 7)
    assert files["lib/x"][-1] == b"x\n"


def test_a_build_that_is_killed_leaves_no_process_no_mount_and_no_half_step(builder: Builder, tmp_path: Path) -> None:
    folder = context(tmp_path, "FROM base", "RUN touch /begun; sleep 1000")
    words: list[str | Path] = [builder.engine.program, "build", *NO_NETWORK, folder]
    process = subprocess.Popen(
        words, env=builder.engine.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    snapshots = StepCache(Store(builder.engine.root)).snapshots
    until(lambda: bool(list(snapshots.glob(".tmp-*/files/begun"))))
    process.send_signal(signal.SIGKILL)
    process.wait()
    until(lambda: not _sleeping())
    builder.built(context(tmp_path / "next", "FROM base", "RUN true"), *NO_NETWORK)
    until(lambda: not list(snapshots.glob(".tmp-*")))
    left = [
        path.name for root in (CGROUPS, *CGROUPS.iterdir()) for path in (root / "whit").glob(f"build-{process.pid}-*")
    ]
    assert left == []


def _sleeping() -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes() == b"sleep\x001000\x00":
                found.append(entry.name)
        except OSError:
            continue
    return found


def test_builds_at_once_share_the_cache(builder: Builder, tmp_path: Path) -> None:
    folder = context(
        tmp_path, "FROM base", "RUN date_=$(cat /proc/uptime); echo $date_ > /when; sleep 0.2", "COPY a /", a="a"
    )
    words: list[str | Path] = [builder.engine.program, "build", *NO_NETWORK, "-q", folder]
    running = [
        subprocess.Popen(
            words, env=builder.engine.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    ids = {process.communicate(timeout=60)[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(ids) == 1


def test_the_cache_outlives_the_image_and_goes_by_prune(builder: Builder, tmp_path: Path) -> None:
    folder = context(tmp_path, "FROM base", "RUN echo x > /pruned")
    builder.built(folder, *NO_NETWORK, "-t", "pruned")
    builder.engine("rmi", "pruned")
    assert count(builder.built(folder, *NO_NETWORK), "CACHED") == 1
    builder.engine("builder", "prune", "-f")
    cache = StepCache(Store(builder.engine.root))
    assert (list(cache.snapshots.iterdir()), list(cache.every())) == ([], [])
    assert count(builder.built(folder, *NO_NETWORK), "CACHED") == 0


def test_outputs_and_what_is_told_to_programs(builder: Builder, tmp_path: Path) -> None:
    folder = context(tmp_path, "FROM scratch", "maintainer me", "COPY a /", a="a")
    builder.built(folder, "-q", "-o", f"type=local,dest={tmp_path}/out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]
    document = json.loads(builder(folder, "--json", "-t", "told", "-o", tmp_path / "image.tar").stdout)
    assert (document["schema"], document["names"]) == ("whit-build/1", ["told:latest"])
    assert [warning["rule"] for warning in document["warnings"]] == [
        "MaintainerDeprecated",
        "ConsistentInstructionCasing",
    ]
    assert (tmp_path / "image.tar").exists()
    checked = builder(folder, "--check")
    assert checked.returncode == 1
    assert "WARNING: MaintainerDeprecated" in checked.stdout
    shown = builder(folder, "-q", "--iidfile", tmp_path / "id").stdout
    assert (tmp_path / "id").read_text() == shown.strip()


def test_a_layer_of_copy_with_link_is_found_whatever_is_below_it(builder: Builder, tmp_path: Path) -> None:
    folder = context(tmp_path, "FROM base", "RUN echo 1 > /1", "COPY --link a /to/a", a="a")
    builder.built(folder, *NO_NETWORK)
    context(tmp_path, "FROM base", "RUN echo 2 > /2", "COPY --link a /to/a")
    assert count(builder.built(folder, *NO_NETWORK), "CACHED") == 1


def test_who_is_not_root_may_build_and_look_at_the_dockerfile(user: User) -> None:
    folder = context(user.home / "context", "FROM scratch", "COPY a /", a="a")
    assert user.run("build", "-q", folder).returncode == 0
    assert user.run("build", "--check", folder).stdout == "Check complete, no warnings found.\n"


def test_time_passes_as_source_date_epoch_says(builder: Builder, tmp_path: Path) -> None:
    folder = context(tmp_path, "FROM base", "RUN echo x > /made", "COPY a /", a="a")
    environment = {**builder.engine.environment, "SOURCE_DATE_EPOCH": "1000000000"}
    words: list[str | Path] = [builder.engine.program, "build", *NO_NETWORK, "--no-cache", "-q", folder]
    ids = {subprocess.run(words, env=environment, capture_output=True, check=True).stdout for _ in range(2)}
    assert len(ids) == 1
