"""``extends``: a service that begins with another one's configuration (compose-spec, 05-services.md, ``extends``). Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model.keys.top import ENTRIES
from whit.runtime.compose.model.kinds import near
from whit.runtime.compose.model.nodes import Node, kind_of
from whit.runtime.compose.model.older import promoted
from whit.runtime.compose.model.resets import taken_out, without
from whit.runtime.compose.model.session import Context
from whit.runtime.compose.model.shortforms import how_many_ports

if TYPE_CHECKING:
    from whit.runtime.compose.model.kinds import Kind
    from whit.runtime.compose.model.nodes import Path
    from whit.runtime.compose.model.resets import Resets

_LONGEST = 100


def extended(context: Context, document: Node, resets: Resets, file: str) -> Node:
    """A document whose services stand by themselves. Raises :class:`ComposeError`."""
    made = dict(document.pairs())
    for section in ("services", "jobs"):
        entries = made.get(section)
        if entries is None or not any("extends" in one.pairs() for one in entries.pairs().values()):
            continue
        source = _Source(context, file, section, entries.pairs(), resets)
        made[section] = entries.with_pairs({name: source.service(name, ()) for name in entries.pairs()})
    return document.with_pairs(made)


class _Source:
    """The services of one file, and which of them have been worked out."""

    __slots__ = ("context", "done", "entries", "file", "foreign", "others", "resets", "section")

    def __init__(
        self,
        context: Context,
        file: str,
        section: str,
        entries: dict[str, Node],
        resets: Resets,
        others: dict[str, _Source] | None = None,
    ) -> None:
        self.context = context
        self.file = file
        self.section = section
        self.entries = entries
        self.resets: dict[str | int, list[Path]] = {}
        """By service, what ``!reset`` and ``!override`` stand before."""
        for path in resets:
            if path[:1] == (section,) and len(path) > 2:  # noqa: PLR2004 - the section, the service, and what is in it
                self.resets.setdefault(path[1], []).append(path[2:])
        self.foreign = others is not None
        """Whether it is another file than the one that is being read: its services come in long forms, with absolute paths."""
        self.others: dict[str, _Source] = {} if others is None else others
        self.done: dict[str, Node] = {}

    def service(self, name: str, way: tuple[tuple[str, str], ...]) -> Node:
        """A service with what it extends. ``way``: those that led here."""
        if name not in self.done:
            self.done[name] = self._worked_out(name, way)
        return self.done[name]

    def _worked_out(self, name: str, way: tuple[tuple[str, str], ...]) -> Node:
        own = self._prepared(name) if self.foreign else self.entries[name]
        wish = own.get("extends")
        if wish is None:
            return own
        here = (self.file, name)
        if here in way:
            names = " → ".join(one for _, one in (*way[way.index(here) :], here))
            raise wish.wrong(f"services extend each other: {names}")
        if len(way) > _LONGEST:
            raise wish.wrong(f"services extend each other more than {_LONGEST} times")
        base = self._base(wish, (*way, here))
        if not isinstance(base.value, dict):
            return own
        own = own.with_pairs({key: item for key, item in own.pairs().items() if key != "extends"})
        base = without(base, tuple(self.resets.get(name, ())))
        made = self._kind.merge(base, own, (self.section, name))
        return made._replace(place=own.place, key_place=own.key_place)

    @property
    def _kind(self) -> Kind:
        return ENTRIES[self.section]

    def _prepared(self, name: str) -> Node:
        path = (self.section, name)
        self._kind.check(self.entries[name], path)
        self.context.session.add_ports(how_many_ports(self.entries[name]), self.entries[name])
        made = self._kind.long(self.entries[name], path)
        if self.context.session.resolve_paths:
            made = self._kind.located(made, self.context.session.folder(self.context.directory))
        return made._replace(key_place=self.entries[name].key_place)

    def _base(self, wish: Node, way: tuple[tuple[str, str], ...]) -> Node:
        file, service = _wished(wish)
        source = self._other(file) if file and file.value else self
        name = str(service.value)
        if name not in source.entries:
            where = "" if source is self else f" in {source.file}"
            raise service.wrong(f"there is no service '{name[:60]}' to extend{where}", near(name, source.entries))
        return source.service(name, way)

    def _other(self, named: Node) -> _Source:
        """The services of another file."""
        context, session = self.context, self.context.session
        path = session.folder(context.directory).absolute(str(named.value))
        if path in self.others:
            return self.others[path]
        inner = Context(session, path.rpartition("/")[0] or "/", context.environment, context.including)
        entries: dict[str, Node] = {}
        resets: Resets = ()
        for document in session.documents(path, named.place):
            resets, found = taken_out(inner.interpolated(document))
            services = promoted(found).get(self.section)
            entries.update(services.pairs() if services else {})
        if not entries:
            raise named.wrong(f"there are no {self.section} in {path}")
        self.others[path] = _Source(inner, path, self.section, entries, resets, self.others)
        return self.others[path]


def _wished(wish: Node) -> tuple[Node | None, Node]:
    """The file and the service that are extended."""
    if isinstance(wish.value, str):
        return None, wish
    if not isinstance(wish.value, dict):
        raise wish.wrong(f"extends must be a service's name or a mapping, and is {kind_of(wish.value)}")
    service, file = wish.get("service"), wish.get("file")
    if service is None or not isinstance(service.value, str):
        raise wish.wrong("extends needs 'service': the name of the one that it begins with")
    if file is not None and not isinstance(file.value, str):
        raise file.wrong("extends.file must be a text: the file that the service is in")
    return file, service
