"""What tests of whole applications share: the project of an example, its real clients, and the search for what is left of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.measure import pss
from tests.conftest import lacking
from tests.integration.fetched_sources import DebianSource, unpacked
from tests.integration.kept import Engine, cgroups_of, processes_of
from tests.peers import PROJECT, find_peer
from tests.programs.registries import CACHE, ProgramMissingError, fetched, from_go
from whit.runtime.engine.networks.netlink import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.composed import Composed

EXAMPLES = PROJECT / "examples"
VEGETA = ("github.com/tsenart/vegeta/v12", "v12.13.0")
REDIS = DebianSource("redis", "7.0.15", "4b1dc4ee6d622a09fff9c6777191209750fb5e5a725ef78ea012d6eef4c22982")
BUILD_SECONDS = 900
PATIENCE_S = 30.0


def fetch(example: str, engine: Engine, registry: str = "") -> None:
    """The images of others' programs, by the example's own script."""
    words = [EXAMPLES / example / "fetch.sh", CACHE / example]
    environment = {**engine.environment, "WHIT": str(engine.program), "REGISTRY": registry}
    made = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=BUILD_SECONDS)
    if made.returncode:
        lacking(f"the Go proxy didn't give all programs: {made.stderr.strip()[-300:]}")


def fetch_redis(engine: Engine, registry: str = "") -> None:
    """The image of Redis, which whit builds of Debian's source."""
    if find_peer("make") is None:
        lacking("make isn't installed; tests/setup.sh peers installs it")

    def build(folder: Path) -> Path:
        apart = Engine(engine.program, folder / "root")
        words = ("build", "--bin", "redis-server", "--build-arg", "OPTIONS=MALLOC=libc redis-server", "-t", "redis")
        made = apart.run(*words, unpacked(REDIS, folder), timeout=BUILD_SECONDS)
        assert made.returncode == 0, made.stderr
        (program,) = (folder / "root" / "build" / "caches").glob("source-*/redis-server")
        return program

    engine("pack", fetched(f"redis-{REDIS.version}", "redis-server", build), "-t", f"{registry}shop/redis-server")


def load_generator() -> Path:
    """vegeta."""
    try:
        return from_go(*VEGETA)
    except ProgramMissingError as error:
        lacking(str(error))


@dataclass(slots=True)
class Load:
    """What a load generator saw: filled when it has ended."""

    asked: int = 0
    lost: int = 0
    errors: tuple[str, ...] = ()
    slowest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Application:
    """An example's project, and a person who uses it from the host."""

    shop: Composed
    seen: set[str] = field(default_factory=set)
    """The IDs of all containers that there ever were, as far as they were looked at."""

    @classmethod
    def of(cls, example: str, shop: Composed) -> Application:
        """With the example's files in the project's folder."""
        shutil.copytree(EXAMPLES / example, shop.folder, dirs_exist_ok=True)
        return cls(shop)

    def ids(self) -> dict[str, str]:
        """The containers' whole IDs by their names."""
        names = self.shop.ids()
        whole = self.shop.engine("ps", "-aq", "--no-trunc").split()
        self.seen.update(whole)
        return {name: next(one for one in whole if one.startswith(short)) for name, short in names.items()}

    def get(self, path: str, body: object = None, port: int = 8080) -> Any:
        """The answer, which is JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data)

        def ask() -> bytes:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                text: bytes = answer.read()
            return text

        namespace = os.open(self.shop.engine.before[1].removeprefix("--net="), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return json.loads(inside(namespace, ask))
        finally:
            os.close(namespace)

    @contextlib.contextmanager
    def load(self, folder: Path, path: str = "/", rate: int = 50, port: int = 8080) -> Iterator[Load]:
        """Asked so many times a second as long as the block lasts, and 5 s beyond; never longer than 90 s."""
        vegeta, log = load_generator(), folder / f"load-{time.monotonic_ns()}"
        words = [*self.shop.engine.before, str(vegeta), "attack", f"-rate={rate}", "-duration=90s", "-timeout=30s"]
        found = Load()
        with (
            log.open("wb") as output,
            subprocess.Popen(words, stdin=subprocess.PIPE, stdout=output, text=True) as attack,
        ):
            assert attack.stdin is not None
            attack.stdin.write(f"GET http://127.0.0.1:{port}{path}\n")
            attack.stdin.close()
            time.sleep(1)
            yield found
            time.sleep(5)
            attack.terminate()
            attack.wait(60)
        report = subprocess.run([vegeta, "report", "-type=json", log], capture_output=True, check=True, timeout=60)
        told = json.loads(report.stdout)
        found.asked, found.errors = told["requests"], tuple(told["errors"] or ())
        found.lost = round(found.asked * (1 - told["success"]))
        found.slowest_s = told["latencies"]["max"] / 1e9

    def memory(self) -> tuple[int, int]:
        """Bytes (PSS) of the application's programs, and of whit's processes beside them."""
        programs = {pid for one in self.ids().values() for pid in processes_of(one)}
        beside = {pid for pid in self.processes() if "whit" in Path(f"/proc/{pid}/comm").read_text()}
        return sum(map(pss, programs - beside)), sum(map(pss, beside))

    def processes(self) -> list[int]:
        """All whose command line or cgroup is of this store's containers."""
        found = {pid for one in self.seen for pid in processes_of(one)}
        root = os.fsencode(self.shop.engine.root)
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if root in path.read_bytes() and int(path.parent.name) != os.getpid():
                    found.add(int(path.parent.name))
        return sorted(found)

    def left(self) -> dict[str, list[str]]:
        """What is there of it, by kind; nothing of it is said where there is none."""
        engine = self.shop.engine
        links = [line.split()[0] for line in engine.on_host("ip", "-br", "link").splitlines()]
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        root = engine.root
        folders = [place for name in ("containers", "oci", "volumes", "networks") for place in (root / name).glob("*")]
        kinds = {
            "processes": [str(pid) for pid in self.processes()],
            "containers": engine("ps", "-aq").split(),
            "cgroups": [str(place) for one in self.seen for place in cgroups_of(one)],
            "mounts": [place for place in mounts if place.startswith(str(root))],
            "links": [name for name in links if name != "lo"],
            "rules": engine.on_host("nft", "list", "tables").split("\n")[:-1],
            "volumes": engine("volume", "ls", "-q").split(),
            "files": [str(place) for place in folders if place.name not in {"names", "lock", ".lock", "@plans"}],
        }
        return {kind: found for kind, found in kinds.items() if found}
