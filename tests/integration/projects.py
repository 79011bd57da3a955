"""Realistic projects, each a Dockerfile and its files, on base images made of this machine's toolchains."""

from __future__ import annotations

import os
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.builds import base_tar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


GO_MAIN = (
    'package main\n\nimport (\n\t"os"\n)\n\nvar version = "dev"\n\nfunc main() {\n\tos.Stdout.WriteString(version)\n}\n'
)
RUST_FILES = {
    "Cargo.toml": '[package]\nname = "tool"\nversion = "1.0.0"\nedition = "2021"\n\n[dependencies]\nsaid = "1.2"\n',
    "Cargo.lock": 'version = 3\n\n[[package]]\nname = "said"\nversion = "1.2.3"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\n\n'
    '[[package]]\nname = "tool"\nversion = "1.0.0"\ndependencies = [\n "said",\n]\n',
    ".cargo/config.toml": '[source.crates-io]\nreplace-with = "vendored"\n\n[source.vendored]\ndirectory = "vendor"\n',
    "vendor/said/Cargo.toml": '[package]\nname = "said"\nversion = "1.2.3"\nedition = "2021"\n',
    "vendor/said/.cargo-checksum.json": '{"files":{}}',
    "vendor/said/src/lib.rs": 'pub fn said(name: &str) -> String { format!("hello {name}") }\n',
    "src/main.rs": 'fn main() { println!("{}", said::said("rust")); }\n',
}
"""A crate with one that it depends on beside it, as ``cargo vendor`` writes them."""

CARGO = "CARGO_HOME=/tmp/cargo RUSTFLAGS='-C target-feature=+crt-static' cargo build --release --offline --locked"
C_MAIN = '#include <stdio.h>\n#include "said.h"\nint main(void) { puts(SAID); return 0; }\n'


@dataclass(frozen=True, slots=True)
class Project:
    """``base`` is the image that it needs, ``changing`` the file that a person edits; ``needs_buildkit``: RUN has mounts."""

    name: str
    base: str
    dockerfile: str
    files: Mapping[str, str] = field(default_factory=dict)
    changing: str = ""
    needs_buildkit: bool = False


PROJECTS = (
    Project(
        "go-service", "tools",
        "FROM tools AS build\nWORKDIR /src\nCOPY go.mod ./\nCOPY . .\nARG VERSION=1\n"
        'RUN CGO_ENABLED=0 GOCACHE=/tmp/c go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /server . && rm -rf /tmp/c\n'
        'FROM scratch\nCOPY --from=build /server /server\nUSER 65532\nENTRYPOINT ["/server"]\n',
        {"go.mod": "module x\n\ngo 1.21\n", "main.go": GO_MAIN}, "main.go",
    ),
    Project(
        "go-cached", "tools",
        "FROM tools AS build\nWORKDIR /src\nRUN --mount=type=bind,target=/src --mount=type=cache,target=/c CGO_ENABLED=0 GOCACHE=/c "
        "go build -trimpath -buildvcs=false -o /server .\nFROM scratch\nCOPY --from=build /server /server\n",
        {"go.mod": "module x\n\ngo 1.21\n", "main.go": GO_MAIN}, "main.go", needs_buildkit=True,
    ),
    Project(
        "rust-tool", "rust",
        f"FROM rust AS build\nWORKDIR /src\nCOPY . .\nRUN {CARGO} && cp target/release/tool /tool && rm -rf target /tmp/cargo\n"
        'FROM scratch\nCOPY --from=build /tool /tool\nUSER 65532\nENTRYPOINT ["/tool"]\n',
        RUST_FILES, "src/main.rs",
    ),
    Project(
        "rust-cached", "rust",
        f"FROM rust AS build\nWORKDIR /src\nCOPY . .\nRUN --mount=type=cache,target=/src/target --mount=type=secret,id=token {CARGO} && cp target/release/tool /tool\n"
        'FROM scratch\nCOPY --from=build /tool /tool\nENTRYPOINT ["/tool"]\n',
        RUST_FILES, "src/main.rs", needs_buildkit=True,
    ),
    Project(
        "c-static", "tools",
        'FROM tools AS build\nWORKDIR /src\nCOPY . .\nRUN make\nFROM scratch\nCOPY --from=build /src/hello /bin/hello\nCMD ["/bin/hello"]\n',
        {"Makefile": "hello: hello.c said.h\n\tmusl-gcc -static -O2 -o hello hello.c\n", "hello.c": C_MAIN, "said.h": '#define SAID "hello"\n'},
        "said.h",
    ),
    Project(
        "c-two-programs", "tools",
        "FROM tools AS deps\nWORKDIR /inc\nCOPY said.h .\nFROM deps AS one\nCOPY hello.c .\nRUN musl-gcc -static -o /one hello.c\n"
        "FROM deps AS two\nCOPY hello.c .\nRUN musl-gcc -static -DTWO -O1 -o /two hello.c\nFROM base\nCOPY --from=one /one /usr/bin/\nCOPY --from=two /two /usr/bin/\n",
        {"hello.c": C_MAIN, "said.h": '#define SAID "both"\n'}, "hello.c",
    ),
    Project(
        "nim-tool", "tools",
        "FROM tools AS build\nWORKDIR /src\nCOPY tool.nim .\nRUN nim c --hints:off --nimcache:/tmp/n --gcc.exe:musl-gcc --gcc.linkerexe:musl-gcc --passL:-static -d:release -o:/tool tool.nim"
        " && rm -rf /tmp/n\nFROM scratch\nCOPY --from=build /tool /\n",
        {"tool.nim": 'echo "nim"\n'}, "tool.nim",
    ),
    Project(
        "website", "base",
        "FROM base\nCOPY public/ /srv/www/\nCOPY httpd.conf /etc/\nRUN find /srv/www -name '*.tmpl' -exec sh -c 'sed s/@V@/2/ $0 > ${0%.tmpl}; rm $0' {} \\;\n"
        'EXPOSE 80\nCMD ["/bin/busybox", "httpd", "-f", "-h", "/srv/www"]\n',
        {**{f"public/{n % 10}/{n}.html": f"<p>{n}\n" * 200 for n in range(400)}, "public/index.html.tmpl": "@V@\n", "httpd.conf": "E404:/404.html\n"},
        "public/index.html.tmpl",
    ),
    Project(
        "scripts", "base",
        "FROM base\nARG USER_ID=1000\nRUN mkdir -p /opt/app/log && chown $USER_ID:$USER_ID /opt/app/log && chmod 750 /opt/app/log\nWORKDIR /opt/app\n"
        "COPY --chown=1000:1000 bin bin\nRUN chmod +x bin/*.sh && ln -s bin/run.sh start\nENV APP_HOME=/opt/app PATH=/opt/app/bin:$PATH\n"
        'USER app\nHEALTHCHECK CMD test -d /opt/app\nENTRYPOINT ["bin/run.sh"]\nCMD ["--help"]\n',
        {"bin/run.sh": "#!/bin/sh\nexec echo $@\n", "bin/stop.sh": "#!/bin/sh\n"}, "bin/run.sh",
    ),
    Project(
        "rootfs", "base",
        "FROM base AS files\nRUN mkdir -p /out/etc /out/bin /out/tmp && chmod 1777 /out/tmp && cp /bin/busybox /out/bin/ && for a in sh ls cat; do ln -s busybox /out/bin/$a; done\n"
        'RUN cp /etc/passwd /out/etc/ && sed -i s,/bin/sh,/bin/false, /out/etc/passwd\nFROM scratch\nCOPY --from=files /out/ /\nCMD ["/bin/sh"]\n',
    ),
    Project(
        "large-context", "base",
        "FROM base\nCOPY . /data\nRUN find /data -type f | wc -l > /count\n",
        {**{f"keep/{n}.bin": f"{n}\n" * 30_000 for n in range(40)}, **{f"node_modules/{n}/x.js": "x\n" * 500 for n in range(300)},
         ".dockerignore": "node_modules\n**/*.log\nDockerfile\n.dockerignore\n", "a.log": "x"},
        "keep/0.bin",
    ),
    Project(
        "many-steps", "base", "FROM base\n" + "".join(f"RUN echo {n} > /{n}\n" for n in range(15)) + "COPY last /\n", {"last": "1\n"}, "last",
    ),
    Project(
        "archive", "base",
        "FROM base AS pack\nCOPY src /src\nRUN tar -C /src -cf /src.tar .\nFROM base\nCOPY --from=pack /src.tar /tmp/\nRUN mkdir /app && tar -C /app -xf /tmp/src.tar && rm /tmp/src.tar && rm -r /data/old\n",
        {f"src/{n}": f"{n}\n" for n in range(50)}, "src/0",
    ),
    Project(
        "on-another", "base",
        "FROM base AS parent\nONBUILD COPY conf /etc/app/\nENV MODE=parent\nRUN echo parent > /parent\nFROM parent\nRUN echo $MODE > /mode && cat /etc/app/conf >> /mode\nVOLUME /var/lib/app\n",
        {"conf": "a=b\n"}, "conf",
    ),
)  # fmt: skip
"""All but those with mounts are built by docker's classic builder too, and those by buildah."""

_PARTS = (
    "usr/lib/gcc", "usr/lib/musl", "usr/include/x86_64-linux-musl", "usr/lib/x86_64-linux-musl", "usr/lib/nim", "etc/nim", "usr/bin/nim", "usr/bin/make",
    "usr/bin/musl-gcc", "usr/bin/x86_64-linux-musl-gcc", "lib64", "usr/lib64", "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "usr/local/go/bin", "usr/local/go/src", "usr/local/go/pkg/tool", "usr/local/go/pkg/include", "usr/local/go/go.env", "usr/local/go/VERSION",
)  # fmt: skip


_LINKED = (*(f"usr/lib/x86_64-linux-gnu/{name}" for name in (
    "crt1.o", "rcrt1.o", "crti.o", "crtn.o", "libc.a", "libm.a", "libm-2.36.a", "libmvec.a", "libpthread.a", "librt.a", "libdl.a", "libutil.a",
    "libc.so", "libc_nonshared.a", "libm.so",
)), "lib64", "usr/lib64", "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "usr/lib/gcc")  # fmt: skip
"""What a static program of Rust's for glibc is linked of."""


def tools_tar(file: Path) -> Path:
    """The base with gcc, musl, nim and Go, as they are on this machine."""
    programs = ("/usr/bin/nim", "/usr/bin/make", *_GCC)
    links = {"bin/go": "/usr/local/go/bin/go", "usr/lib/x86_64-linux-gnu/none": "none"}
    return _with(base_tar(file), {name: f"/{name}" for name in (*_PARTS, *_gcc(), *_libraries(programs))}, links)


def rust_tar(file: Path) -> Path:
    """The base with gcc, cargo and rustc, as they are on this machine."""
    sysroot = Path(
        subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    )
    own = [f"bin/{name}" for name in ("cargo", "rustc")]
    own += [f"lib/{path.name}" for path in (sysroot / "lib").iterdir() if ".so" in path.name]
    own += [f"lib/rustlib/{path.name}" for path in (sysroot / "lib/rustlib").iterdir() if path.name.endswith("-gnu")]
    parts = {f"usr/local/rust/{name}": str(sysroot / name) for name in sorted(own) if "manifest" not in name}
    libraries = [name for name in _libraries((*_GCC, *(str(sysroot / name) for name in own[:2]))) if "rust" not in name]
    parts |= {name: f"/{name}" for name in (*_LINKED, *_gcc(), *libraries)}
    links = {f"bin/{name}": f"/usr/local/rust/bin/{name}" for name in ("cargo", "rustc")}
    return _with(base_tar(file), parts, {**links, "bin/cc": "/usr/bin/gcc"})


BASES: Mapping[str, Callable[[Path], Path]] = {"base": base_tar, "tools": tools_tar, "rust": rust_tar}
"""How the root file system of each is made, as a tar."""

_GCC = (
    *(f"/usr/bin/x86_64-linux-gnu-{name}" for name in ("ld", "as", "gcc")),
    *(f"/usr/lib/gcc/x86_64-linux-gnu/12/{name}" for name in ("cc1", "collect2", "lto-wrapper")),
)


def _gcc() -> list[str]:
    names = sorted(path.name for path in Path("/usr/bin").iterdir())
    short = {"gcc", "gcc-12", "as", "ld", "ar"}
    return [f"usr/bin/{name}" for name in names if name.startswith("x86_64-linux-gnu-") or name in short]


def _with(file: Path, parts: Mapping[str, str], links: Mapping[str, str]) -> Path:
    with tarfile.open(file, "a") as tar:
        for name, place in parts.items():
            if os.path.lexists(place):
                tar.add(place, arcname=name)
        for name, target in links.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
    return file


def _libraries(programs: Iterable[str]) -> list[str]:
    """What programs need, by their own loader's word."""
    found: set[str] = set()
    for program in programs:
        told = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
        paths = [word for line in told.splitlines() for word in line.split() if word.startswith("/lib/")]
        found.update(name.strip("/") for path in paths for name in (path, os.path.realpath(path)))
    return sorted({name if name.startswith("usr/") else f"usr/{name}" for name in found})
