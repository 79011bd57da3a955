"""What links Rust's programs for musl: Rust's own linker, and where crates have C++ in them, Zig's libc++ for it. Pure.

Rust brings no library of C++ for musl, and build scripts name the compiler's usual one (``-lstdc++``). Zig compiles its own, static,
the first time that it is needed, and says where it is when it is asked how it links (``--verbose-link``).
"""

from __future__ import annotations

import posixpath
import shlex
from typing import TYPE_CHECKING

from whit.toolchains.model import Written

if TYPE_CHECKING:
    from whit.toolchains.model import Tool

_FOLDER = "linker"
_PROBE = "empty.cpp"


def linker(zig: Tool, target: str, cpu: str, real: str) -> tuple[Written, ...]:
    """The linker, a script, and what it needs beside itself. ``real`` is Rust's."""
    words = ("build-exe", "-OReleaseSmall", "-target", target, f"-mcpu={cpu}", "-lc", "-lc++", "--verbose-link")
    text = f"""#!/bin/sh
wanted=
for word; do
    case $word in -lstdc++|-lc++|-lc++abi) wanted=1 ;; esac
done
test "$wanted" || exec {shlex.quote(real)} "$@"
here=${{0%/*}} place=$here/$$
mkdir "$place" || exit
told=$({shlex.quote(zig.path)} {shlex.join(words)} "$here/{_PROBE}" -femit-bin="$place/empty" --cache-dir "$place/cache" 2>&1) || {{
    echo "$told" >&2
    exit 1
}}
libraries=$(echo "$told" | tr ' ' '\\n' | grep -E '/libc[+][+](abi)?[.]a$' | sort -u)
rm -r "$place"
test "$libraries" || {{
    echo "zig doesn't say where its libc++ is" >&2
    exit 1
}}
IFS='
'
for word; do
    shift
    case $word in -lstdc++|-lc++|-lc++abi) ;; *) set -- "$@" "$word" ;; esac
done
exec {shlex.quote(real)} "$@" $libraries
"""
    return (
        Written(posixpath.join(_FOLDER, "ld"), text.encode(), is_executable=True),
        Written(posixpath.join(_FOLDER, _PROBE), b"int main() { return 0; }\n"),
    )
