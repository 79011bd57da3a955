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
    from collections.abc import Mapping


GO_MAIN = (
    'package main\n\nimport (\n\t"os"\n)\n\nvar version = "dev"\n\nfunc main() {\n\tos.Stdout.WriteString(version)\n}\n'
)
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
        "FROM tools AS build\nWORKDIR /src\nRUN --mount=type=bind,target=. --mount=type=cache,target=/c CGO_ENABLED=0 GOCACHE=/c "
        "go build -trimpath -buildvcs=false -o /server .\nFROM scratch\nCOPY --from=build /server /server\n",
        {"go.mod": "module x\n\ngo 1.21\n", "main.go": GO_MAIN}, "main.go", needs_buildkit=True,
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
"""All but those with mounts are built by docker's classic builder too."""

_PARTS = (
    "usr/lib/gcc", "usr/lib/musl", "usr/include/x86_64-linux-musl", "usr/lib/x86_64-linux-musl", "usr/lib/nim", "etc/nim", "usr/bin/nim", "usr/bin/make",
    "usr/bin/musl-gcc", "usr/bin/x86_64-linux-musl-gcc", "lib64", "usr/lib64", "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "usr/local/go/bin", "usr/local/go/src", "usr/local/go/pkg/tool", "usr/local/go/pkg/include", "usr/local/go/go.env", "usr/local/go/VERSION",
)  # fmt: skip


def tools_tar(file: Path) -> Path:
    """The base with gcc, musl, nim and Go, as they are on this machine."""
    base_tar(file)
    with tarfile.open(file, "a") as tar:
        gcc = [
            f"usr/bin/{name}"
            for name in sorted(path.name for path in Path("/usr/bin").iterdir())
            if name.startswith("x86_64-linux-gnu-") or name in {"gcc", "gcc-12", "as", "ld", "ar"}
        ]
        for name in (*_PARTS, *gcc, *_libraries()):
            if os.path.lexists(f"/{name}"):
                tar.add(f"/{name}", arcname=name)
        for name, target in {"bin/go": "/usr/local/go/bin/go", "usr/lib/x86_64-linux-gnu/none": "none"}.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
    return file


def _libraries() -> list[str]:
    """What those programs need, by their own loader's word."""
    programs = [
        "/usr/bin/nim",
        "/usr/bin/make",
        "/usr/bin/x86_64-linux-gnu-ld",
        "/usr/bin/x86_64-linux-gnu-as",
        "/usr/bin/x86_64-linux-gnu-gcc",
    ]
    programs += [f"/usr/lib/gcc/x86_64-linux-gnu/12/{name}" for name in ("cc1", "collect2", "lto-wrapper")]
    found: set[str] = set()
    for program in programs:
        told = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
        paths = [word for line in told.splitlines() for word in line.split() if word.startswith("/lib/")]
        found.update(name.strip("/") for path in paths for name in (path, os.path.realpath(path)))
    return sorted({name if name.startswith("usr/") else f"usr/{name}" for name in found})
