"""Containers' names: which may be given, and one for a container that got none. Pure."""

from __future__ import annotations

import re

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NAME = re.compile(r"/?[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)
LONGEST = 200
"""Characters of a name: it is a file's too."""

_TRIES = 20

_ADJECTIVES = """
    able airy amber apt brave bright brisk calm candid cheery civil clear clever cosy crisp curious dapper daring
    deft eager early earnest easy fair fearless fleet fond frank free fresh gentle glad golden grand hale handy happy
    hardy honest hopeful jolly jovial keen kind lively lucid lucky mellow merry mild modest neat nimble noble patient
    placid plain pleased plucky polite prompt proud quick quiet ready robust rosy serene silver sincere smart snug
    sober spry steady sunny sure swift tidy tender trusty upbeat warm willing wise witty
"""
_BEINGS = """
    alder ash aspen badger beech birch bittern brook cedar clover comet cove crane creek cricket curlew dale daisy
    delta dove egret elder elm falcon fern finch fjord forest fox gannet glade grove harbour hare hazel heath heron
    hill hollow ibis iris island ivy juniper kestrel lagoon lake lark larch linden linnet lotus lynx maple marten
    meadow moss oak olive orchard oriole osprey otter owl pebble petrel pine plover poplar puffin quail raven reed
    river robin rowan sage seal sparrow spruce stork swan swift tern thistle thrush valley willow wren yarrow
"""
ADJECTIVES = tuple(_ADJECTIVES.split())
BEINGS = tuple(_BEINGS.split())


def check_name(name: str) -> str:
    """The name as it is kept. Raises :class:`UsageError` for one that docker wouldn't take."""
    if not _NAME.fullmatch(name):
        hint = "letters, digits, '_', '.' and '-', two of them at least, and a letter or digit first"
        raise UsageError(f"'{name}' can't be a container's name", hint=hint)
    bare = name.removeprefix("/")
    if len(bare) > LONGEST:
        raise UsageError(f"a container's name of {len(bare)} characters is too long", hint=f"at most {LONGEST}")
    return bare


def new_name(is_taken: Callable[[str], bool], choose: Callable[[Sequence[str]], str]) -> str:
    """A name that nobody has, like ``quiet_heron``; ``choose`` is ``random.choice``."""
    for _ in range(_TRIES):
        name = f"{choose(ADJECTIVES)}_{choose(BEINGS)}"
        if not is_taken(name):
            return name
    number = 2
    while is_taken(f"{name}{number}"):
        number += 1
    return f"{name}{number}"
