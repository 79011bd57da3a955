"""Everyday docker commands, as a person types them one after the other: what one leaves the next one finds."""

from __future__ import annotations

import re
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.integration.engines import APPLETS, Answer
from tests.integration.madeimage import entry, make_image
from whit.packer.image.spec import RunConfig

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.kept import Engine

IMAGE = "everyday"


@dataclass(frozen=True, slots=True)
class Step:
    """One command. ``differs`` says why the output may be another; ``whit`` are whit's words where they are others."""

    words: tuple[str, ...]
    differs: str = ""
    stdin: str | None = None
    whit: tuple[str, ...] = ()


def step(line: str, *last: str, differs: str = "", stdin: str | None = None, whit: str = "") -> Step:
    """A command as it is typed; what has blanks in it stands behind."""
    own = (*whit.split(), *last) if whit else ()
    return Step((*line.split(), *last), differs, stdin, own)


WORDS = "errors are in whit's own words"
LOOPBACK = "whit publishes at 127.0.0.1 unless told otherwise"
UNCONNECTED = "a container that isn't kept has no network unless one is asked for: docs/networks.md"
SERVER = "mkdir -p /tmp/w; echo served > /tmp/w/index.html; exec busybox httpd -f -p 80 -h /tmp/w"

STEPS: tuple[Step, ...] = (
    step(f"run --rm {IMAGE} echo hello"),
    step(f"run --rm {IMAGE} sh -c", "echo out; echo err >&2; exit 7"),
    step(f"run --rm {IMAGE} nonesuch", differs=WORDS),
    step(f"run --rm {IMAGE} /etc", differs=WORDS),
    step(f"run --rm -i {IMAGE} cat", stdin="typed\n"),
    step(f"run --rm -e A=b -e C {IMAGE} sh -c", "echo $A $C"),
    step(f"run --rm -w /etc {IMAGE} sh -c", "pwd"),
    step(f"run --rm -u 5:6 {IMAGE} id"),
    step(f"run --rm --hostname there {IMAGE} hostname"),
    step(f"run --rm --entrypoint id {IMAGE} -u"),
    step(f"run --rm --read-only {IMAGE} touch /new"),
    step(f"run --rm --tmpfs /scratch {IMAGE} sh -c", "echo kept > /scratch/x && cat /scratch/x"),
    step(f"run --rm --network none {IMAGE} ls /sys/class/net"),
    step(f"run --rm {IMAGE} ls /sys/class/net", differs=UNCONNECTED),
    step(f"run --rm {IMAGE} ls /sys/class/net", whit=f"run --rm --network bridge {IMAGE} ls /sys/class/net"),
    step(f"run --rm --add-host other:10.1.2.3 {IMAGE} grep -c 10.1.2.3 /etc/hosts"),
    step(f"run --rm --dns 10.9.8.7 {IMAGE} grep nameserver /etc/resolv.conf"),
    step(f"run --rm --ulimit nofile=64:64 {IMAGE} sh -c", "ulimit -n"),
    step(f"run -d --name web -p 0:80 {IMAGE} sh -c", SERVER),
    step(f"run -d --name web {IMAGE} true", differs=WORDS),
    step("ps --format {{.Names}}|{{.Image}}|{{.State}}"),
    step("ps -q --no-trunc"),
    step("ps --filter name=nobody -q"),
    step("ps --filter status=running --format {{.Names}}"),
    step("port web 80/tcp", differs=LOOPBACK),
    step("inspect --format {{.State.Status}}|{{.State.Running}}|{{.Name}} web"),
    step("inspect --format {{json", [".Config.Cmd}}", "web"][0], "web", differs="whit's Cmd is all that is executed"),
    step("inspect nobody", differs=WORDS),
    step("exec web echo inside"),
    step("exec -e A=b web sh -c", "echo $A; exit 3"),
    step("exec -w /tmp/w web cat index.html"),
    step("exec -i web cat", stdin="typed inside\n"),
    step("exec -u 7 web id -u"),
    step("exec web nonesuch", differs="127; this docker, of 2022, has 126 where today's has 127"),
    step("exec -d web touch /tmp/detached"),
    step("exec nobody true", differs=WORDS),
    step("logs web"),
    step("top web -o comm", differs="the column's name is ps's own"),
    step("stats --no-stream --format {{.Name}}|{{.PIDs}} web"),
    step("pause web"),
    step("ps --filter status=paused --format {{.Names}}"),
    step("pause web", differs=WORDS),
    step("unpause web"),
    step("rename web site"),
    step("ps --format {{.Names}}"),
    step("update --memory 64m --memory-swap 64m site"),
    step("update --restart on-failure:3 site"),
    step("inspect --format {{.HostConfig.Memory}}|{{.HostConfig.RestartPolicy.Name}} site"),
    step("restart -t 1 site"),
    step("inspect --format {{.State.Status}} site"),
    step("kill -s USR2 site", differs="whit ends what a signal would end anywhere else"),
    step("stop -t 1 site"),
    step("ps -a --format {{.Names}}|{{.State}}"),
    step("start site"),
    step("stop -t 1 site"),
    step("wait site", differs="143 where docker waits for the grace period and kills: 137"),
    step("rm site"),
    step("rm site", differs=WORDS),
    step("rm -f site", differs=WORDS),
    step(f"create --name made {IMAGE} sh -c", "echo made; exit 4"),
    step("ps -a --filter status=created --format {{.Names}}"),
    step("start -a made"),
    step("logs made"),
    step("inspect --format {{.State.ExitCode}} made"),
    step("wait made"),
    step("rm made"),
    step(f"run --name loud {IMAGE} sh -c", "for i in 1 2 3 4 5; do echo line $i; done"),
    step("logs -n 2 loud"),
    step("logs --tail 0 loud"),
    step("rm loud"),
    step("volume create data"),
    step("volume ls -q"),
    step(f"run --rm -v data:/data {IMAGE} sh -c", "echo kept > /data/file"),
    step(f"run --rm -v data:/data:ro {IMAGE} cat /data/file"),
    step("volume inspect --format {{.Name}}|{{.Driver}} data"),
    step("volume rm data"),
    step("volume rm data", differs=WORDS),
    step("network create inner"),
    step("network ls --format {{.Name}} --filter name=inner"),
    step(f"run -d --name peer --network inner {IMAGE} sh -c", SERVER),
    step(f"run --rm --network inner {IMAGE} sh -c", "for i in 1 2 3 4 5 6 7 8 9; do busybox wget -qO- http://peer/ && break; sleep 1; done"),
    step("network rm inner", differs=WORDS),
    step("rm -f peer"),
    step("network rm inner"),
    step(f"run --name fail --restart on-failure:2 {IMAGE} sh -c", "exit 6"),
    step("rm -f fail"),
    step(f"run -d --name greedy -m 32m --memory-swap 32m {IMAGE} tail /dev/zero"),
    step("wait greedy"),
    step("rm greedy"),
    step("ps -aq"),
)  # fmt: skip


def make_everyday_image(root: Path) -> None:
    """The image, in a store: busybox and its applets, and no more."""
    folders = {entry(name, tarfile.DIRTYPE): b"" for name in ("etc", "dev", "proc", "sys")}
    links = {entry(f"bin/{name}", tarfile.SYMTYPE, linkname="busybox"): b"" for name in APPLETS}
    make_image(root, IMAGE, {**folders, **links}, RunConfig())


def plain(text: str) -> str:
    """Without what is another one's each time."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "<id>", text)
    return re.sub(r"\b[0-9a-f]{12}\b", "<short>", text).replace("\r\n", "\n")


def by_whit(engine: Engine, one: Step) -> Answer:
    """What whit says to it."""
    done = engine.run(*(one.whit or one.words), stdin=one.stdin, timeout=120)
    return Answer(done.returncode, plain(done.stdout), plain(done.stderr))
