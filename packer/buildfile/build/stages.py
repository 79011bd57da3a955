"""One stage, step by step: each is found in the cache, or done and kept there."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.buildfile.build.assembling import layer_of
from whit.packer.buildfile.build.cache import Record, new_snapshot, step_key
from whit.packer.buildfile.build.chain import chain_on, empty_chain
from whit.packer.buildfile.build.origins import Files
from whit.packer.buildfile.build.owners import accounts_in, parse_owner
from whit.packer.buildfile.build.pieces import change_of, pieces_of, require_some
from whit.packer.buildfile.build.placing import make_folders, place, settle_times
from whit.packer.buildfile.build.portable import EMPTY, after, key_by_content, key_by_origins, of_base
from whit.packer.buildfile.build.running import SEES_RECORDED, Supplies, key_of, order_of, sees_recorded
from whit.packer.buildfile.build.steps import Layers
from whit.packer.buildfile.dockerfile.plan import FileStep, OriginKind, RunStep, WorkdirStep
from whit.packer.buildfile.dockerfile.problems import DockerfileError, at
from whit.packer.support.errors import InvalidFileError, WhitError, as_whit_error
from whit.packer.support.light import replace
from whit.packer.support.userns import FEW_USERS, is_alone, read_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from whit.packer.image.accounts import Accounts
    from whit.packer.buildfile.build.agents import Agents
    from whit.packer.buildfile.build.cache import StepCache, Workplace
    from whit.packer.buildfile.build.chain import Chain
    from whit.packer.buildfile.build.owners import Owner
    from whit.packer.buildfile.build.sharing import Shared
    from whit.packer.buildfile.build.progress import Progress, Telling
    from whit.packer.buildfile.build.steps import StepRunner
    from whit.packer.buildfile.dockerfile.ignorefile import IgnoreRules
    from whit.packer.buildfile.dockerfile.plan import Origin, StagePlan, Step
    from whit.packer.buildfile.dockerfile.problems import Place
    from whit.packer.buildfile.remote.sources import Sources
    from whit.packer.image.platform import Platform
    from whit.packer.store.store import StoredImage


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for all steps. ``epoch`` is SOURCE_DATE_EPOCH, None where it isn't set; ``context`` a folder's descriptor.

    ``anew`` are names of stages, in small letters, of which no step is taken from the cache.
    """

    context: int
    ignore: IgnoreRules
    remote: Sources
    agents: Agents
    epoch: int | None = None
    uses_cache: bool = True
    network: str = "default"
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    anew: frozenset[str] = frozenset()
    contexts: Mapping[str, Files] = field(default_factory=dict)

    @property
    def seconds(self) -> int:
        """The time of all that COPY and ADD bring."""
        return self.epoch or 0


@dataclass(slots=True)
class Fresh:
    """The keys of steps that this very build has done, or does: for another platform they aren't done again."""

    keys: set[str] = field(default_factory=set)
    _alone: dict[str, threading.Lock] = field(default_factory=dict)
    _own: threading.Lock = field(default_factory=threading.Lock)

    def alone(self, key: str) -> threading.Lock:
        """To be held by who does a step: whoever wants the same then finds it done."""
        with self._own:
            return self._alone.setdefault(key, threading.Lock())


@dataclass(frozen=True, slots=True)
class StageBuilder:
    """Builds stages; ``chains`` are those that are done, by their index; base images' files are ``held`` for all of them."""

    cache: StepCache
    runner: StepRunner
    progress: Progress
    settings: Settings
    image: Callable[[str, Platform | None], StoredImage]
    chains: dict[int, Chain]
    held: contextlib.ExitStack
    fresh: Fresh
    shared: Shared

    def build(self, stage: StagePlan, label: str) -> Chain:
        """All steps of a stage; ``label`` is its name for people, empty where there is only one."""
        if stage.name.lower() in self.settings.anew:
            return replace(self, settings=replace(self.settings, uses_cache=False, anew=frozenset())).build(stage, label)
        chain = self.chain(stage.base)
        prefix = f"{label} " if label else ""
        for number, step in enumerate(stage.steps, 2):
            title = f"[{prefix}{number}/{len(stage.steps) + 1}] {step.title}"
            telling = self.progress.begin(title)
            try:
                with _located(step.source.place):
                    chain = self._done(chain, step, telling, title)
            except WhitError as error:
                telling.failed(error.message)
                raise
        return chain

    def chain(self, origin: Origin) -> Chain:
        """What stands in an origin: a stage that is done, an image, nothing."""
        if origin.kind is OriginKind.STAGE:
            return self.chains[origin.stage]
        if origin.kind is OriginKind.IMAGE:
            image = self.image(origin.image, origin.platform)
            return replace(chain_on(self.cache.store, image, self.held), portable=of_base(image.config.diff_ids))
        return replace(empty_chain(self.cache), portable=EMPTY)

    def whole(self, origin: Origin) -> Chain:
        """The same with all its files, also those of steps that were done elsewhere."""
        return self.with_files(self.chain(origin))

    def with_files(self, chain: Chain) -> Chain:
        """A chain with all its files."""
        return chain.whole(self.shared.whole, self.cache)

    @contextlib.contextmanager
    def files(self, origin: Origin) -> Iterator[Files]:
        """An origin's files, open."""
        if origin.kind is OriginKind.CONTEXT:
            yield Files(self.settings.context, is_context=True, ignore=self.settings.ignore)
            return
        if origin.kind is OriginKind.NAMED:
            yield self.settings.contexts[origin.image]
            return
        with self.runner.root(self.whole(origin).layers) as root:
            yield Files(root)

    def _done(self, chain: Chain, step: Step, telling: Telling, title: str) -> Chain:
        key = key_by_origins(chain, step, self._supplies(), self.settings) if self.shared.is_used else None
        found = self.shared.find(key, chain.base_digest) if key and self.settings.uses_cache else None
        if key and found and found.layer and chain.portable:
            telling.cached()
            return chain.found(found, (key,), after(chain.portable, found.layer.diff_id))
        chain, more = self.with_files(chain), None
        if isinstance(step, RunStep):
            record = self._run(chain, step, telling, title)
        elif isinstance(step, FileStep):
            record, more = self._copy(chain, step, telling, title)
        elif isinstance(step, WorkdirStep):
            record = self._workdir(chain, step, telling, title)
        else:
            raise InvalidFileError(f"{step.source.place}: {step.source.word} is no step")
        return self._after(chain, record, tuple(filter(None, (key, more))))

    def _after(self, chain: Chain, record: Record, keys: tuple[str, ...]) -> Chain:
        """With a step's layer, where others are to be told of it."""
        if self.shared.exports:
            with self.cache.store.adding() as layout:
                record = replace(record, layer=layer_of(self.cache, layout, record))
        known = after(chain.portable, record.layer.diff_id) if chain.portable and record.layer else None
        return chain.after(record, self.cache, keys, known)

    def _supplies(self) -> Supplies:
        settings = self.settings
        return Supplies(
            self.cache, self.files, self.chain, self.whole, settings.secrets, settings.agents, settings.network
        )

    def _kept(
        self,
        key: str,
        chain: Chain,
        telling: Telling,
        title: str,
        make: Callable[[Workplace], int | None],
        portable: str | None = None,
    ) -> Record:
        """The step's record: from the cache, or made now; ``make`` returns what no time of its files is later than."""
        with self.fresh.alone(key):
            return self._kept_alone(key, chain, telling, title, make, portable)

    def _kept_alone(
        self,
        key: str,
        chain: Chain,
        telling: Telling,
        title: str,
        make: Callable[[Workplace], int | None],
        portable: str | None,
    ) -> Record:
        uses_cache = self.settings.uses_cache or key in self.fresh.keys
        found = self.cache.find(key) if uses_cache else None
        if found is None and portable and uses_cache:
            there = self.shared.find(portable, chain.base_digest)
            found = self.shared.whole(there) if there else None
        if found:
            telling.cached()
            return found
        with self.cache.workplace() as where:
            latest = make(where)
            if latest is not None:
                settle_times(where.upper, latest)
            made = Record(key, new_snapshot(), chain.base_digest, title, latest)
            record = self.cache.keep(made, where, replacing=not uses_cache)
        self.fresh.keys.add(key)
        telling.done()
        return record

    def _run(self, chain: Chain, step: RunStep, telling: Telling, title: str) -> Record:
        settings = self.settings
        supplies = self._supplies()
        key = key_of(step, chain.id, supplies, settings.epoch)
        if sees_recorded(step, chain, supplies):
            self.progress.warn(SEES_RECORDED)

        def make(where: Workplace) -> int | None:
            (where.folder / "run").mkdir()
            with order_of(step, chain, supplies, where) as order:
                code = self.runner.run(order, telling.output)
            telling.flush()
            if code:
                shown = " ".join(step.words)
                raise DockerfileError(
                    step.source.place,
                    f'process "{shown}" did not complete successfully: exit code: {code}',
                    FEW_USERS if is_alone(read_ids()) else None,
                )
            return settings.epoch

        return self._kept(key, chain, telling, title, make)

    def _copy(self, chain: Chain, step: FileStep, telling: Telling, title: str) -> tuple[Record, str | None]:
        """The record, and the key by which others find it who have the files."""
        below = empty_chain(self.cache) if step.is_linked else chain
        owner = parse_owner(step.owner, lambda: self._accounts(below)) if step.owner else None
        with self.files(step.origin) as files, at(step.source.place):
            change = change_of(step, owner, self.settings.seconds, is_context=files.is_context)
            pieces = [(piece, piece.digest()) for piece in pieces_of(step, files, change, self.settings.remote)]
            require_some(step, [piece for piece, _ in pieces])
            parts = [[piece.kind, piece.name, piece.below, digest] for piece, digest in pieces]
            key = step_key("files", below.id, step.target, parts, owner, step.mode, self.settings.seconds)

            def make(where: Workplace) -> int:
                with self.runner.root(_writable(below, where)) as root, at(step.source.place):
                    place(root, step.target, pieces, change)
                return max(self.settings.seconds, *(piece.latest() for piece, _ in pieces if piece.latest), 0)

            linked = replace(chain, base=None) if step.is_linked else chain
            known = key_by_content(chain, step, parts, self.settings) if self.shared.is_used else None
            return self._kept(key, linked, telling, title, make, known), known

    def _workdir(self, chain: Chain, step: WorkdirStep, telling: Telling, title: str) -> Record:
        owner: Owner | None = None
        if step.user:
            owner = parse_owner(step.user, lambda: self._accounts(chain))
        key = step_key("folder", chain.id, step.path, owner, self.settings.seconds)

        def make(where: Workplace) -> int:
            with self.runner.root(_writable(chain, where)) as root, at(step.source.place):
                os.close(make_folders(root, step.path, owner))
            return self.settings.seconds

        return self._kept(key, chain, telling, title, make)

    def _accounts(self, chain: Chain) -> Accounts:
        with self.runner.root(chain.layers) as root:
            return accounts_in(root)


def _writable(chain: Chain, where: Workplace) -> Layers:
    return Layers(chain.lowers, str(where.upper), str(where.work))


@contextlib.contextmanager
def _located(place: Place) -> Iterator[None]:
    """What goes wrong is told with its line."""
    try:
        yield
    except DockerfileError:
        raise
    except (WhitError, OSError) as error:
        known = as_whit_error(error)
        if not known.message.startswith(f"{place}:"):
            known.message = f"{place}: {known.message}"
        raise known from error
