"""A full system for programs to run on: users, names, certificates, a time zone and a system log that are known, and peers.

It is this machine with some of its files replaced, in network and mount namespaces that nobody else sees. Jobs run in
it one after the other, directly or by whit, and their outcomes can be compared. It takes root.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

from tests.corpus import peers
from tests.peers import PROJECT

NONROOT = 65532
_REPLACED = ("/etc", "/usr", "/dev")
_PASSWD = f"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\nnonroot:x:{NONROOT}:{NONROOT}:nonroot:/home/nonroot:/bin/false\n"
_ZONE = files("tzdata") / "zoneinfo" / "Asia" / "Tokyo"
_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Job:
    """A command, and what a client asks of it: a name of :data:`peers.CLIENTS`, port and path.

    It runs as NONROOT if it is ``direct``. A server that doesn't end by itself gets SIGTERM when it has answered.
    """

    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    direct: bool
    ask: tuple[str, int, str] | None = None


@dataclass(frozen=True)
class Outcome:
    """What can be seen of a job from outside; ``status`` as shells have it, ``log`` is the system log."""

    output: str
    errors: str
    status: int
    answer: str
    log: tuple[str, ...]


def play(jobs: list[Job], given: tuple[tuple[str, str], ...]) -> list[Outcome]:
    """Run jobs on the stage, which has copies of files of this machine at other places: (here, there).

    Raises CalledProcessError if there is no stage, with its traceback on standard error.
    """
    document = {"jobs": [asdict(job) for job in jobs], "given": given}
    with tempfile.TemporaryDirectory() as folder:
        line = [
            "unshare",
            "--net",
            "--mount",
            "--propagation",
            "private",
            sys.executable,
            "-m",
            "tests.corpus.stage",
            folder,
        ]
        done = subprocess.run(
            line, cwd=PROJECT, input=json.dumps(document).encode(), stdout=subprocess.PIPE, check=True
        )
    return [Outcome(**{**doc, "log": tuple(doc["log"])}) for doc in json.loads(done.stdout)]


def _run(*words: str | Path) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _mount_over(scratch: Path) -> None:
    """Make folders of this machine writable without a trace."""
    _run("mount", "-t", "tmpfs", "stage", scratch)
    for folder in _REPLACED:
        upper, work = scratch / f"upper{folder}", scratch / f"work{folder}"
        upper.mkdir(parents=True)
        work.mkdir(parents=True)
        _run("mount", "-t", "overlay", "-o", f"lowerdir={folder},upperdir={upper},workdir={work}", "overlay", folder)
    for place, options in (("/dev/shm", "mode=1777"), ("/dev/pts", "mode=755")):
        Path(place).mkdir(exist_ok=True)
        kind = "devpts" if place == "/dev/pts" else "tmpfs"
        _run("mount", "-t", kind, "-o", options if kind == "tmpfs" else "newinstance,ptmxmode=0666", kind, place)


def certify(scratch: Path) -> tuple[Path, Path]:
    """A certificate for the peers and its key; the authority that has signed it is ``scratch/root.pem``."""
    root, key, leaf = scratch / "root", scratch / "leaf.key", scratch / "leaf.pem"
    request, names = scratch / "leaf.csr", scratch / "names"
    names.write_text("subjectAltName=DNS:example.org,DNS:x\n")
    _run("openssl", "req", "-x509", *_CURVE, "-keyout", f"{root}.key", "-out", f"{root}.pem", "-subj", "/CN=stage root")
    _run("openssl", "req", *_CURVE, "-keyout", key, "-out", request, "-subj", "/CN=example.org")
    signed = ("-CA", f"{root}.pem", "-CAkey", f"{root}.key", "-CAcreateserial", "-extfile", str(names))
    _run("openssl", "x509", "-req", "-in", request, *signed, "-out", leaf)
    return leaf, key


def _furnish(scratch: Path, given: list[tuple[str, str]]) -> tuple[Path, Path]:
    """The files; certificate and key."""
    etc = Path("/etc")
    (etc / "localtime").unlink(missing_ok=True)
    (etc / "localtime").write_bytes(_ZONE.read_bytes())
    for name, text in {
        "passwd": _PASSWD,
        "group": f"root:x:0:\nnogroup:x:65534:\nnonroot:x:{NONROOT}:\n",
        "hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost\n",
        "resolv.conf": "nameserver 127.0.0.1\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nservices: files\nhosts: files dns\n",
        "stage/site/paper.odt": "a paper\n",
    }.items():
        (etc / name).parent.mkdir(parents=True, exist_ok=True)
        (etc / name).unlink(missing_ok=True)
        (etc / name).write_text(text)
    certificate, key = certify(scratch)
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    bundle.write_bytes(bundle.read_bytes() + (scratch / "root.pem").read_bytes())
    _run("openssl", "x509", "-in", certificate, "-outform", "DER", "-out", etc / "stage" / "leaf.der")
    (etc / "stage" / "leaf.der").chmod(0o644)
    for source, target in given:
        if source != target:
            Path(target).unlink(missing_ok=True)
            shutil.copy(source, target)
    return certificate, key


def _outcome(job: Job, log: peers.SystemLog) -> Outcome:
    user = NONROOT if job.direct else None
    with subprocess.Popen(
        job.command,
        env=dict(job.environment),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        user=user,
        group=user,
        extra_groups=[] if user else None,
    ) as process:
        try:
            answer = _asked(job.ask, process) if job.ask else ""
            output, errors = process.communicate(timeout=peers.SECONDS)
        finally:
            process.kill()
    status = process.returncode if process.returncode >= 0 else 128 - process.returncode
    return Outcome(output.decode(errors="replace"), errors.decode(errors="replace"), status, answer, log.said())


def _asked(ask: tuple[str, int, str], process: subprocess.Popen[bytes]) -> str:
    name, port, path = ask
    try:
        answer = peers.CLIENTS[name](peers.connect(port, lambda: process.poll() is None), path)
    except OSError as error:
        answer = f"no answer: {error}"
    if name != "tls":
        process.terminate()
    return answer


def main() -> int:
    """What runs in the namespaces: the scratch folder is the one argument."""
    scratch = Path(sys.argv[1])
    document = json.load(sys.stdin)
    _run("ip", "link", "set", "lo", "up")
    os.umask(0o022)
    _mount_over(scratch)
    peers.start(*_furnish(scratch, document["given"]))
    log = peers.SystemLog(Path("/dev/log"))
    outcomes = [_outcome(Job(**job), log) for job in document["jobs"]]
    json.dump([asdict(outcome) for outcome in outcomes], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
