"""``whit build`` with contexts, archives and images that mean no good: nothing outside is read, written or left."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.builds import write_context
from tests.integration.kept import until
from whit.packer.buildfile.build.cache import StepCache
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from tests.integration.builds import Builder

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

NO_NETWORK = ("--network", "none")


def context(folder: Path, *lines: str, **files: str) -> Path:
    return write_context(folder, {"Dockerfile": "\n".join(lines), **files})


def test_links_of_the_context_end_at_its_root(builder: Builder, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("outside\n")
    folder = context(tmp_path / "context", "FROM scratch", "COPY out etc/secret up/secret /taken/", secret="inside\n")
    (folder / "out").symlink_to(secret)
    (folder / "etc").symlink_to(tmp_path)
    (folder / "up").symlink_to("..")
    done = builder(folder)
    assert done.returncode == 1
    assert "not found" in done.stderr
    context(folder, "FROM scratch", "COPY up/secret /taken")
    files = builder.files(folder)
    assert files["taken"][-1] == b"inside\n"
    context(folder, "FROM scratch", "COPY . /all")
    assert builder.files(folder)["all/out"][-2:] == (str(secret), b"")


def test_links_of_the_image_end_at_its_root(builder: Builder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = context(
        tmp_path / "context", "FROM base",
        f"RUN ln -s {outside} /abs; ln -s ../../../../../../..{outside} /rel; ln -s {outside}/file /data/one",
        "COPY a /abs/", "COPY a /rel/b", "COPY a /data/one", "WORKDIR /abs/made", "ADD t.tar /abs/", a="a\n",
    )  # fmt: skip
    with tarfile.open(folder / "t.tar", "w") as tar:
        link = tarfile.TarInfo("l")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        tar.addfile(link)
        through = tarfile.TarInfo("l/through")
        through.size = 2
        tar.addfile(through, io.BytesIO(b"t\n"))
    files = builder.files(folder, *NO_NETWORK)
    assert list(outside.iterdir()) == []
    inside = str(outside).strip("/")
    assert {f"{inside}/a", f"{inside}/b", f"{inside}/file", f"{inside}/made"} <= set(files)


@pytest.mark.parametrize("name", ["../evil", "/../evil", "a/../../evil"])
def test_archives_that_lead_out_are_refused(builder: Builder, tmp_path: Path, name: str) -> None:
    folder = context(tmp_path / "context", "FROM scratch", "ADD t.tar /x/")
    with tarfile.open(folder / "t.tar", "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = 2
        tar.addfile(member, io.BytesIO(b"t\n"))
    done = builder(folder)
    assert done.returncode == 1
    assert "leads out" in done.stderr
    assert "Dockerfile:2" in done.stderr


def test_what_is_neither_file_nor_folder_is_no_source(builder: Builder, tmp_path: Path) -> None:
    folder = context(tmp_path, "FROM scratch", "COPY pipe /x")
    os.mkfifo(folder / "pipe")
    done = builder(folder)
    assert (done.returncode, "neither a file nor a folder" in done.stderr) == (1, True)


def test_a_run_makes_no_device_and_sees_no_process_of_the_host_s(builder: Builder, tmp_path: Path) -> None:
    folder = context(
        tmp_path, "FROM base", "RUN ! mknod /disk b 8 0 && ! mknod /dev/disk b 254 0 && ! mount -t tmpfs none /tmp",
        'RUN ps > /ps; ls /proc/1/root/ > /root-of-1; ! (echo x > /proc/sys/kernel/hostname) && test -z "$(cat /proc/kcore)"',
    )  # fmt: skip
    files = builder.files(folder, *NO_NETWORK)
    processes = files["ps"][-1]
    assert isinstance(processes, bytes)
    assert len(processes.splitlines()) <= 4, processes
    assert b"data" in files["root-of-1"][-1]  # type: ignore[operator]


def test_a_program_that_stays_behind_ends_with_its_run(builder: Builder, tmp_path: Path) -> None:
    folder = context(tmp_path, "FROM base", "RUN (sleep 2000 </dev/null >/dev/null 2>&1 &) ; echo done > /x")
    builder.built(folder, *NO_NETWORK)
    assert not _running("sleep 2000")


def _running(words: str) -> list[str]:
    wanted, found = words.replace(" ", "\0").encode() + b"\0", []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes() == wanted:
                found.append(entry.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_a_build_that_is_interrupted_ends_with_all_its_programs(
    builder: Builder, tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    folder = context(
        tmp_path, "FROM base AS one", f"RUN touch /begun{sent}; sleep 300{sent}", "FROM base", f"RUN sleep 301{sent}",
        "COPY --from=one / /x",
    )  # fmt: skip
    process = subprocess.Popen(
        [builder.engine.program, "build", *NO_NETWORK, folder],
        env=builder.engine.environment,
        stderr=subprocess.DEVNULL,
    )
    snapshots = StepCache(Store(builder.engine.root)).snapshots
    until(lambda: bool(list(snapshots.glob(f".tmp-*/files/begun{sent}"))))
    process.send_signal(sent)
    assert process.wait(30) == code
    until(lambda: not _running(f"sleep 300{sent}") and not _running(f"sleep 301{sent}"))


def test_damaged_records_and_lost_snapshots_are_steps_to_be_done(builder: Builder, tmp_path: Path) -> None:
    folder = context(tmp_path, "FROM base", "RUN echo a > /a", "RUN echo b > /b")
    builder.built(folder, *NO_NETWORK)
    cache = StepCache(Store(builder.engine.root))
    for number, record in enumerate(tuple(cache.every())):
        if number % 2:
            (cache.records / record.key).write_bytes(b'{"schema": "whit-step/1", "snapshot": "../../x"}')
        else:
            cache.files(record).rename(cache.files(record).with_name("moved"))
    assert builder.files(folder, *NO_NETWORK)["b"][-1] == b"b\n"
    builder.engine("builder", "prune", "-f")
    assert list(cache.snapshots.iterdir()) == []


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore", "whit.yaml"])
def test_build_files_that_never_end_or_are_waited_for_are_refused_at_once(
    builder: Builder, tmp_path: Path, name: str
) -> None:
    folder = context(tmp_path / "context", "FROM scratch", "COPY a /a", a="a\n")
    for make in (os.mkfifo, lambda path: Path(path).symlink_to("/dev/zero")):
        (folder / name).unlink(missing_ok=True)
        make(folder / name)
        done = builder(folder)
        assert done.returncode not in (0, -signal.SIGKILL)
        assert f"{name} is no regular file" in done.stderr
        assert "Traceback" not in done.stderr
