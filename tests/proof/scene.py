"""Where programs work: network and mount namespaces that nobody else sees, with servers on loopback that know every name.

It takes root, and changes nothing of the machine.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.corpus import peers, work
from tests.corpus.stage import certify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.proof.model import Work

INSIDE = "WHIT_PROOF_SCENE"
_SHOWN = {"/etc/resolv.conf": "nameserver 127.0.0.1\n", "/etc/hosts": "127.0.0.1\tlocalhost example.org\n"}


@dataclass(frozen=True, slots=True)
class Scene:
    """``folder`` has the authority's certificate, and is where programs get their folders."""

    folder: Path

    def lay(self, work_: Work) -> Path:
        """A new folder with the files that a program works on; anybody may write to it."""
        place = Path(tempfile.mkdtemp(dir=self.folder)) / "work"
        place.parent.chmod(0o755)
        place.mkdir()
        work.lay(place)
        for name in ("root.pem", "leaf.pem", "leaf.key"):
            shutil.copy(self.folder / name, place / name)
        for name, text in work_.files:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)
        for path in (place, *place.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        return place


def enter(module: str, arguments: list[str], fetch: Callable[[], dict[str, str]]) -> dict[str, str]:
    """Start again in namespaces of its own, if it isn't there yet. Says so and ends where that can't be done.

    There is no way out of them, so ``fetch`` is called before: what it gives is what this gives inside.
    """
    if INSIDE in os.environ:
        given: dict[str, str] = json.loads(os.environ[INSIDE])
        return given
    if os.geteuid() or not shutil.which("unshare"):
        sys.exit("needs to be root, and unshare: it makes namespaces of its own")
    os.environ[INSIDE] = json.dumps(fetch())
    words = ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, "-m", module, *arguments]
    raise SystemExit(subprocess.run(words, check=False).returncode)


@contextmanager
def scene() -> Iterator[Scene]:
    """The place, with its servers running."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory(prefix="whit-proof-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for place, text in _SHOWN.items():
            if Path(place).exists():
                shown = folder / Path(place).name
                shown.write_text(text)
                subprocess.run(["mount", "--bind", shown, place], check=True)
        os.environ["WHIT_ROOT"] = str(folder / "whit")
        peers.start(*certify(folder))
        try:
            yield Scene(folder)
        finally:
            for place in _SHOWN:
                subprocess.run(["umount", place], check=False, stderr=subprocess.DEVNULL)
