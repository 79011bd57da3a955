"""A repository's address → its commit, and the commit's files in a folder.

    ROOT/build/git/KEY/     a bare repository with what has been fetched of one remote; KEY.lock is held while it is written

As BuildKit does it (source/git/source.go): branches before tags, one commit deep where a server allows it, submodules and
theirs, no ``.git`` unless it is asked for. What comes of it is the same wherever it is done: modes are 644 and 755, and
what is kept of ``.git`` holds nothing of this machine.
"""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.gitref import is_commit
from whit.packer.buildfile.remote.gitting import Git, GitError
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, NotFoundError, WhitError
from whit.packer.support.light import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from whit.packer.buildfile.dockerfile.gitref import GitRef

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_SYMREF = "ref: "
_BROKEN = (".lock'", "corrupt", "bad object", "unable to read", "not a git repository", "bad config")
"""What git says of a repository that a build has left half written which was killed: then it is fetched anew."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an address means now: ``name`` is the ref in full, empty for a commit by itself; ``object`` it or its tag."""

    name: str
    object: str
    commit: str

    def key(self, ref: GitRef) -> str:
        """All that the files depend on."""
        if ref.keeps_git_dir and not ref.subdir:
            return f"git {self.object} {self.name} {ref.shown} modules={ref.takes_submodules}"
        return f"git {self.commit} {ref.subdir} modules={ref.takes_submodules}"


@dataclass(frozen=True, slots=True)
class Repositories:
    """Bare repositories that are kept in a folder; ``agent`` gives the SSH agent that a build is given."""

    folder: Path
    secrets: Mapping[str, bytes]
    agent: Callable[[], str | None]

    def _git(self, ref: GitRef, scratch: Path) -> Git:
        agent = self.agent() if ref.is_ssh else None
        if ref.is_ssh and agent is None:
            raise NotFoundError(
                f"{ref.shown}: there is no SSH agent for it", hint="--ssh default gives the build yours"
            )
        return Git(ref, self.secrets, agent, scratch)

    def find(self, ref: GitRef, scratch: Path) -> Found:
        """What it means at its server now. Raises :class:`WhitError`."""
        if is_commit(ref.ref):
            _check(ref, ref.ref)
            return Found("", ref.ref, ref.ref)
        if ref.fetches_commit:
            if not is_commit(ref.checksum):
                raise InvalidFileError(f"{ref.shown}: fetch-by-commit takes a whole commit", hint="checksum=COMMIT")
            return Found("", ref.checksum, ref.checksum)
        git = self._git(ref, scratch)
        wanted = ref.ref or _default(git.run("ls-remote", "--symref", "--", ref.remote, "HEAD"), ref)
        there = _refs(git.run("ls-remote", "--", ref.remote, wanted, f"{wanted}^{{}}"))
        partial = f"refs/{wanted.removeprefix('refs/')}"
        head, tag = f"refs/heads/{wanted.removeprefix('refs/heads/')}", f"refs/tags/{wanted.removeprefix('refs/tags/')}"
        name = next((one for one in (partial, head, tag) if one in there), None)
        if name is None:
            raise NotFoundError(f"{ref.shown}: there is no branch and no tag {wanted}", hint="git ls-remote lists them")
        found = Found(name, there[name], there.get(f"{name}^{{}}", there[name]))
        _check(ref, found.object, found.commit)
        return found

    def checkout(self, ref: GitRef, found: Found, target: Path) -> Path:
        """Put the files into a new folder ``target``; the folder that is meant, which may be one in it.

        Raises :class:`WhitError`.
        """
        durable.private_folder(self.folder)
        target.mkdir(mode=0o700)
        work, own = target / "work", target / "git"
        work.mkdir(mode=0o755)
        work.chmod(0o755)
        key = sha256(ref.remote.encode()).hexdigest()[:32]
        with durable.locked(self.folder / f"{key}.lock", exclusive=True):
            git, bare = self._git(ref, target), self.folder / key
            try:
                self._fetch(git, bare, found)
            except GitError as error:
                if not bare.exists() or not any(word in error.said for word in _BROKEN):
                    raise
                durable.remove_tree(bare)
                self._fetch(git, bare, found)
            keeps = bool(ref.keeps_git_dir) and not ref.subdir
            own = work / ".git" if keeps else own
            self._begin(git, own, bare, keeps=keeps)
            _take(git, bare, own, found) if keeps else None
        git.run("--git-dir", own, "--work-tree", work, "read-tree", found.object, cwd=work)
        git.run("--git-dir", own, "--work-tree", work, "checkout-index", "--all", "--force", cwd=work)
        if ref.takes_submodules and (work / ".gitmodules").is_file():
            words = ("submodule", "update", "--init", "--recursive", "--depth=1")
            git.run("--git-dir", own, "--work-tree", work, *words, cwd=work)
        _tidy(git, own, work, found) if keeps else _without_git(work)
        return _inside(work, ref)

    def _fetch(self, git: Git, bare: Path, found: Found) -> None:
        """Have an object in the bare repository; one commit deep where that can be."""
        if not (bare / "HEAD").exists():
            form = ("--object-format=sha256",) if len(found.object) == 64 else ()  # noqa: PLR2004 - SHA-256 in hex
            made = durable.temporary_beside(bare)
            git.run("init", "--quiet", "--bare", "--template=", *form, made)
            durable.remove_tree(bare)
            made.rename(bare)
        os.utime(bare)
        where = ("--git-dir", bare)
        mark = f"refs/whit/{found.object}"
        if _has(git, bare, found.object):
            git.run(*where, "update-ref", mark, found.object)
            return
        source = found.name or found.object
        tries = (
            ("--depth=1", "--no-tags", "--", git.ref.remote, f"+{source}:{mark}"),
            ("--no-tags", "--", git.ref.remote, f"+{source}:{mark}"),
            ("--tags", "--", git.ref.remote, "+refs/heads/*:refs/whit-heads/*"),
        )
        first: GitError | None = None
        for words in tries:
            unshallow = ("--unshallow",) if "--depth=1" not in words and (bare / "shallow").exists() else ()
            try:
                git.run(*where, "fetch", "--quiet", "--force", *unshallow, *words)
            except GitError as error:
                first = first or error
                continue
            if _has(git, bare, found.object):
                git.run(*where, "update-ref", mark, found.object)
                return
        raise first or NotFoundError(
            f"{git.ref.shown}: there is no commit {found.object}", hint="it may have gone meanwhile"
        )

    def _begin(self, git: Git, own: Path, bare: Path, *, keeps: bool) -> None:
        """An empty repository, whose files may be another's: so that nothing of an earlier build's is in it."""
        form = ("--object-format=sha256",) if (bare / "config").read_text().find("sha256") >= 0 else ()
        git.run("init", "--quiet", "--template=", *form, *(() if keeps else ("--bare",)), own.parent if keeps else own)
        git.run("--git-dir", own, "config", "remote.origin.url", git.ref.remote)
        if not keeps:
            (own / "objects" / "info").mkdir(exist_ok=True)
            (own / "objects" / "info" / "alternates").write_text(f"{bare / 'objects'}\n")


def _default(told: str, ref: GitRef) -> str:
    for line in told.splitlines():
        if line.startswith(_SYMREF):
            return line.removeprefix(_SYMREF).partition("\t")[0]
    raise NotFoundError(f"{ref.shown} has no branch of its own", hint="name one: #main")


def _refs(told: str) -> dict[str, str]:
    return {
        name: digest for digest, _, name in (line.partition("\t") for line in told.splitlines()) if is_commit(digest)
    }


def _check(ref: GitRef, *commits: str) -> None:
    if ref.checksum and not any(commit.startswith(ref.checksum.lower()) for commit in commits):
        shown = " or ".join(dict.fromkeys(commits))
        raise InvalidFileError(
            f"{ref.shown}: expected checksum to match {ref.checksum}, got {shown}", hint="the branch or tag has moved"
        )


def _has(git: Git, bare: Path, name: str) -> bool:
    try:
        git.run("--git-dir", bare, "cat-file", "-e", f"{name}^{{commit}}")
    except GitError:
        return False
    return True


def _take(git: Git, bare: Path, own: Path, found: Found) -> None:
    """Fetch the one commit into a repository that is kept, by the file protocol: what is in it is its own."""
    here = replace(git, settings={"protocol.file.allow": "always"})
    target = f":{found.name}" if found.name else ""
    here.run(
        "--git-dir", own, "fetch", "--quiet", "--update-head-ok", "--depth=1", "--no-tags",
        f"file://{bare}", f"refs/whit/{found.object}{target}",
    )  # fmt: skip
    git.run("--git-dir", own, "update-ref", "--no-deref", "HEAD", f"{found.object}^{{commit}}")


def _tidy(git: Git, own: Path, work: Path, found: Found) -> None:
    """Take out of a repository what is this machine's or this moment's."""
    git.run("--git-dir", own, "config", "remote.origin.url", git.ref.shown)
    (own / "index").unlink()
    git.run("--git-dir", own, "--work-tree", work, "read-tree", found.object, cwd=work)
    (own / "FETCH_HEAD").unlink(missing_ok=True)
    durable.remove_tree(own / "logs")


def _without_git(work: Path) -> None:
    """Submodules' folders point to where their repositories are."""
    for folder, folders, files in os.walk(work):
        if ".git" in files:
            os.unlink(os.path.join(folder, ".git"))  # noqa: PTH108, PTH118 - os.walk's strings
        folders[:] = [name for name in folders if name != ".git"]


def _inside(work: Path, ref: GitRef) -> Path:
    """A folder of the repository; none of the way to it is a link. Raises :class:`WhitError`."""
    descriptor = os.open(work, _FOLDER)
    try:
        for part in filter(None, ref.subdir.split("/")):
            try:
                inner = os.open(part, _FOLDER, dir_fd=descriptor)
            except OSError:
                raise WhitError(f"{ref.shown} has no folder {ref.subdir}", hint="is it spelt right?") from None
            os.close(descriptor)
            descriptor = inner
    finally:
        os.close(descriptor)
    return work / ref.subdir
