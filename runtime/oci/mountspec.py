"""``mounts`` of config.json: option words → attributes, propagation and the file system's own options. Pure.

Source: OCI runtime-spec, config, "Mounts" and "Linux mount options"; mount_setattr(2) for the numbers. Words that
contradict each other count as mount(8) counts them: the last one wins.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.oci.fields import U32, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.oci.fields import Fields

RDONLY, NOSUID, NODEV, NOEXEC, NOATIME, STRICTATIME, NODIRATIME, NOSYMFOLLOW = (
    0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x80, 0x20_0000,
)  # fmt: skip
ATIME_MASK = 0x70
"""Access times are one field of three values, relatime being 0: whoever sets one clears the whole."""

ATTRIBUTES: dict[str, tuple[int, int]] = {
    "ro": (RDONLY, 0), "rw": (0, RDONLY),
    "nosuid": (NOSUID, 0), "suid": (0, NOSUID),
    "nodev": (NODEV, 0), "dev": (0, NODEV),
    "noexec": (NOEXEC, 0), "exec": (0, NOEXEC),
    "noatime": (NOATIME, ATIME_MASK), "atime": (0, ATIME_MASK),
    "strictatime": (STRICTATIME, ATIME_MASK), "nostrictatime": (0, ATIME_MASK),
    "relatime": (0, ATIME_MASK), "norelatime": (0, ATIME_MASK),
    "nodiratime": (NODIRATIME, 0), "diratime": (0, NODIRATIME),
    "nosymfollow": (NOSYMFOLLOW, 0), "symfollow": (0, NOSYMFOLLOW),
}  # fmt: skip
"""Word → attributes that it sets and clears; with an ``r`` before it, also on the mounts below."""

PROPAGATION: dict[str, tuple[int, bool]] = {
    "shared": (1 << 20, False), "rshared": (1 << 20, True),
    "slave": (1 << 19, False), "rslave": (1 << 19, True),
    "private": (1 << 18, False), "rprivate": (1 << 18, True),
    "unbindable": (1 << 17, False), "runbindable": (1 << 17, True),
}  # fmt: skip
"""Word → type as mount(2) numbers it, and whether the mounts below get it too."""

SUPERBLOCK: dict[str, tuple[str, bool]] = {
    "sync": ("sync", True), "async": ("sync", False),
    "dirsync": ("dirsync", True),
    "lazytime": ("lazytime", True), "nolazytime": ("lazytime", False),
    "mand": ("mand", True), "nomand": ("mand", False),
}  # fmt: skip
"""Word → flag of the file system, on or off."""

NOTHING = frozenset({"defaults", "silent", "loud", "iversion", "noiversion"})
"""Words that change nothing: the default, how loud the kernel logs, and what file systems decide on their own today."""


@dataclass(frozen=True, slots=True)
class IdMapping:
    """``size`` ids from ``inside`` on in the container are those from ``outside`` on."""

    inside: int
    outside: int
    size: int


@dataclass(frozen=True, slots=True)
class Attributes:
    """Mount attributes to set and to clear (mount_setattr(2))."""

    set: int = 0
    clear: int = 0

    def then(self, change: tuple[int, int]) -> Attributes:
        """These, and after them a change that wins."""
        add, remove = change
        return Attributes(self.set & ~remove | add, self.clear & ~add | remove)


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount; ``where`` is its path in the document.

    ``below`` are attributes for it and all mounts below it. ``data`` are the file system's own options, ``flags`` its
    general ones. ``idmap``: "" none, "idmap" for the mount, "ridmap" for those below too.
    """

    where: str
    destination: str
    type: str = ""
    source: str = ""
    bind: bool = False
    recursive: bool = False
    remount: bool = False
    attributes: Attributes = Attributes()
    below: Attributes = Attributes()
    propagation: tuple[tuple[int, bool], ...] = ()
    data: tuple[str, ...] = ()
    flags: tuple[tuple[str, bool], ...] = ()
    copy_up: bool = False
    idmap: str = ""
    uid_mappings: tuple[IdMapping, ...] = ()
    gid_mappings: tuple[IdMapping, ...] = ()


def id_mapping(fields: Fields) -> IdMapping:
    """One mapping of ids."""
    inside = fields.number("containerID", 0, U32) or 0
    outside = fields.number("hostID", 0, U32) or 0
    size = fields.needed_number("size", 1, U32)
    if inside + size - 1 >= U32 or outside + size - 1 >= U32:
        raise wrong(fields.path("size"), size, "a size that stays below the last id, 4294967295")
    return IdMapping(inside, outside, size)


def _words(options: tuple[str, ...], where: str) -> Iterator[str]:
    for index, option in enumerate(options):
        for word in option.split(","):
            if not word:
                raise wrong(f"{where}.options[{index}]", option, "an option")
            yield word


WORDS: dict[str, dict[str, bool | str]] = {
    "bind": {"bind": True, "recursive": False},
    "rbind": {"bind": True, "recursive": True},
    "remount": {"remount": True},
    "tmpcopyup": {"copy_up": True},
    "idmap": {"idmap": "idmap"},
    "ridmap": {"idmap": "ridmap"},
}
"""Word → members of :class:`Mount` that it decides."""


def _with_options(mount: Mount, options: tuple[str, ...]) -> Mount:
    found: dict[str, bool | str] = {}
    attributes, below = Attributes(), Attributes()
    propagation: list[tuple[int, bool]] = []
    data: list[str] = []
    flags: dict[str, bool] = {}
    for word in _words(options, mount.where):
        if word in WORDS:
            found |= WORDS[word]
        elif word in ATTRIBUTES:
            attributes = attributes.then(ATTRIBUTES[word])
        elif word.startswith("r") and word[1:] in ATTRIBUTES:
            below = below.then(ATTRIBUTES[word[1:]])
        elif word in PROPAGATION:
            propagation.append(PROPAGATION[word])
        elif word in SUPERBLOCK:
            name, on = SUPERBLOCK[word]
            flags[name] = on
        elif word not in NOTHING:
            data.append(word)
    return replace(
        mount,
        attributes=attributes,
        below=below,
        propagation=tuple(propagation),
        data=tuple(data),
        flags=tuple(flags.items()),
        bind=bool(found.get("bind")),
        recursive=bool(found.get("recursive")),
        remount=bool(found.get("remount")),
        copy_up=bool(found.get("copy_up")),
        idmap=str(found.get("idmap", "")),
    )


def read_mount(fields: Fields) -> Mount:
    """One entry of ``mounts``; raises what :class:`Fields` does."""
    destination = fields.needed_text("destination")
    uids, gids = fields.each("uidMappings", id_mapping), fields.each("gidMappings", id_mapping)
    if bool(uids) is not bool(gids):
        lacking = "gidMappings" if uids else "uidMappings"
        raise wrong(fields.path(lacking), [], "empty: it goes with the other mapping")
    mount = Mount(
        where=fields.where,
        destination=destination,
        type=fields.text("type"),
        source=fields.text("source"),
        uid_mappings=uids,
        gid_mappings=gids,
    )
    mount = _with_options(mount, fields.texts("options"))
    # A change of propagation alone needs no type, as mount(8) --make-shared.
    if not (mount.bind or mount.remount or mount.type or mount.propagation):
        raise wrong(fields.path("type"), "", "a file system's type, and no bind is among the options")
    return mount
