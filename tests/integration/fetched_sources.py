"""Sources of others for tests: from crates.io and from Debian by their own clients, kept in build/peers/sources, each with its digest.

The digests say that what is tested is what was tested before; where a registry gives something else, the test is lacking.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.conftest import lacking
from tests.peers import BUILD, find_peer
from whit.toolchains.tools import locate

KEPT = BUILD / "peers" / "sources"


@dataclass(frozen=True, slots=True)
class Crate:
    """A package of crates.io."""

    name: str
    version: str
    digest: str

    @property
    def file(self) -> str:
        """The archive's name."""
        return f"{self.name}-{self.version}.crate"


@dataclass(frozen=True, slots=True)
class DebianSource:
    """What Debian's package is made of, as its authors published it: the file ``NAME_VERSION.orig.tar.…``."""

    name: str
    version: str
    digest: str


def unpacked(source: Crate | DebianSource, folder: Path, *below: str) -> Path:
    """The sources in a folder of their own; with ``below`` only these folders of them, or one alone in that one's place."""
    archive = _crate(source) if isinstance(source, Crate) else _debian_source(source)
    target, place = folder / "unpacked", folder / source.name
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
        top = members[0].name.partition("/")[0]
        wanted = tuple(f"{top}/{name}/" for name in below) or (f"{top}/",)
        tar.extractall(target, [one for one in members if f"{one.name}/".startswith(wanted)], filter="data")
    (target / top / below[0] if len(below) == 1 else target / top).rename(place)
    return place


def zig_s_own(folder: Path, name: str, *others: str) -> Path:
    """A program of the Zig distribution's, which brings the sources of its tools: as main.zig, with folders that it imports."""
    zig = locate("zig")
    sources = Path(os.path.realpath(zig)).parent / "lib" / "compiler" if zig else None
    if sources is None or not (sources / f"{name}.zig").exists():
        lacking("PyPI's ziglang isn't installed; tests/setup.sh peers installs it")
    place = folder / name
    place.mkdir()
    shutil.copy(sources / f"{name}.zig", place / "main.zig")
    for other in others:
        shutil.copytree(sources / other, place / other)
    return place


def _checked(path: Path, digest: str) -> Path:
    found = sha256(path.read_bytes()).hexdigest()
    if found != digest:
        lacking(f"{path.name} has the digest {found}, not {digest}")
    return path


def _crate(crate: Crate) -> Path:
    kept = KEPT / crate.file
    if kept.exists():
        return _checked(kept, crate.digest)
    cargo = find_peer("cargo")
    if cargo is None:
        lacking("cargo isn't installed; tests/setup.sh peers installs it")
    work = KEPT / f".{crate.name}-{os.getpid()}"
    (work / "src").mkdir(parents=True)
    (work / "src" / "lib.rs").touch()
    dependency = f'[dependencies]\n{crate.name} = "={crate.version}"\n'
    (work / "Cargo.toml").write_text(f'[package]\nname = "wanting"\nversion = "0.1.0"\nedition = "2021"\n{dependency}')
    words: list[str | Path] = [cargo, "fetch", "--quiet"]
    done = subprocess.run(words, cwd=work, capture_output=True, text=True, check=False, timeout=300)
    shutil.rmtree(work)
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    found = next(home.glob(f"registry/cache/*/{crate.file}"), None)
    if done.returncode or found is None:
        lacking(f"crates.io didn't give {crate.name} {crate.version}: {done.stderr.strip()[-200:]}")
    return _kept(found, kept, crate.digest)


def _debian_source(source: DebianSource) -> Path:
    found = next(KEPT.glob(f"{source.name}_{source.version}.orig.tar.[gx]z"), None)
    if found:
        return _checked(found, source.digest)
    apt = shutil.which("apt-get")
    if apt is None:
        lacking("this machine has no apt-get, which brings Debian's sources")
    work = KEPT / f".{source.name}-{os.getpid()}"
    work.mkdir(parents=True)
    options = apt_sources(KEPT / "apt")
    for words in (["update"], ["source", "--tar-only", "--download-only", f"{source.name}"]):
        subprocess.run([apt, *options, "-qq", *words], cwd=work, capture_output=True, check=False, timeout=300)
    fetched = next(work.glob(f"{source.name}_{source.version}.orig.tar.[gx]z"), None)
    if fetched is None:
        shutil.rmtree(work)
        lacking(f"Debian's archive didn't give the source of {source.name} {source.version}")
    path = _kept(fetched, KEPT / fetched.name, source.digest)
    shutil.rmtree(work)
    return path


def apt_sources(folder: Path) -> list[str]:
    """apt with lists of its own: this machine's sources, of which it wants no programs."""
    parts = folder / "parts"
    for place in ("parts", "lists/partial", "cache/archives/partial"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    for path in (Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")):
        if path.is_file() and path.suffix in {".list", ".sources"}:
            text = re.sub(r"^deb(?=\s)", "deb-src", path.read_text(), flags=re.MULTILINE)
            (parts / path.name).write_text(re.sub(r"^Types:.*", "Types: deb-src", text, flags=re.MULTILINE))
    settings = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": parts,
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _kept(found: Path, target: Path, digest: str) -> Path:
    _checked(found, digest)
    shutil.copy(found, target.with_suffix(f".{os.getpid()}"))
    return target.with_suffix(f".{os.getpid()}").replace(target)
