"""What is loaded, and from where: the model's one door to the outside. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Reader = Callable[[str], str]
    """How files are read: a path → its text. Raises :class:`OSError` as ``open`` does, and :class:`UnicodeDecodeError`."""


class Request(NamedTuple):
    """A project to load."""

    files: tuple[str, ...]
    """Absolute paths, each over the ones before; ``-`` is standard input."""
    directory: str
    """The project's directory, absolute: what relative paths of these files begin at."""
    environment: Mapping[str, str]
    """What variables are set to."""
    name: str | None = None
    """The project's name, if it is given from outside; else a file's ``name``, else the directory's."""
    profiles: tuple[str, ...] = ()
    """Which profiles are on; ``*`` is all."""
    services: tuple[str, ...] = ()
    """Only these, and what they depend on; a service that is named is on, whatever its profiles. Empty: all."""
    interpolate: bool = True
    """Without it, variables stay as they are written."""
    normalize: bool = True
    """Without it, no name, network or dependency is there that no file says."""
    resolve_paths: bool = True
    check: bool = True
    """Whether services may only speak of what there is. Where variables stay, nobody knows."""
    resolve_environment: bool = True
    """Whether env files are read into ``environment``."""
    all_resources: bool = False
    """Also networks, volumes … that no service uses."""
