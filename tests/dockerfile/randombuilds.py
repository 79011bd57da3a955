"""A generator of Dockerfiles that mostly can be built, for the images of building.py."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINES = (
    *(
        "ARG A=1",
        "ARG A",
        "ARG B=$A-$LANG",
        "ARG A B C=3",
        "ARG TARGETARCH",
        "ENV A=env",
        'ENV B=${A:-none} C="x y"',
        "ENV D $A z",
    ),
    *(
        "ENV PATH=/opt:$PATH",
        "RUN echo $A",
        'RUN ["a", "$A"]',
        "RUN <<E\n$A\nE",
        "RUN --mount=type=cache,target=/c$A x",
        "RUN cat <<E >/y\n$B\nE",
    ),
    *(
        "RUN --mount=from=s0,target=/m x",
        "COPY a b",
        "COPY --from=s0 /a /b",
        "COPY --from=0 a b/",
        "COPY --chown=$A:1 x $B",
        "COPY <<E f\n$A ${B}\nE",
    ),
    *(
        "ADD x.tar $A/",
        "ADD https://e.com/$A /z/",
        "WORKDIR $A",
        "WORKDIR /w",
        "WORKDIR w",
        "WORKDIR ../v/",
        "USER u$A",
        "USER root",
        "CMD c $A",
    ),
    *(
        'CMD ["c"]',
        "CMD d",
        'ENTRYPOINT ["e"]',
        "ENTRYPOINT f",
        'SHELL ["/bin/bash", "-c"]',
        "LABEL l=$A m=n",
        "LABEL o $B",
        "EXPOSE 80 $A",
        "VOLUME /v $A",
    ),
    *(
        "STOPSIGNAL SIGINT",
        "STOPSIGNAL $A",
        "HEALTHCHECK NONE",
        "HEALTHCHECK --interval=3s CMD h",
        "ONBUILD RUN o $A",
        "ONBUILD ENV O=1",
        "MAINTAINER m",
    ),
    *(
        "# A is described",
        "# check=skip=JSONArgsRecommended",
        "run lower",
        "Env E=f",
        "RUN a \\\n\n  b",
        "ARG SECRET_KEY=1",
        "COPY $NONE /x",
        "ENV T=${A#?}${B%y}",
    ),
)
_BASES = (
    "alpine",
    "full",
    "triggers",
    "scratch",
    "arm",
    "s0",
    "s1",
    "$G",
    "alpine:$V",
    "--platform=$BUILDPLATFORM alpine",
    "nothing",
)


def generated(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Files of one to three stages of random instructions, and sometimes what goes with them."""
    chance = random.Random(seed)
    for _ in range(count):
        lines = chance.choices(("ARG G=alpine", "ARG V=3.20", "ARG A=global", "ARG V G"), k=chance.randint(0, 2))
        for number in range(chance.randint(1, 3)):
            name = chance.choice(("", f" AS s{number}", f" AS s{number}", f" as S{number}"))
            lines.append(f"FROM {chance.choice(_BASES)}{name}")
            lines += chance.choices(_LINES, k=chance.randint(0, 6))
        wishes: dict[str, Any] = {"text": "\n".join(lines)}
        if chance.random() < 0.3:
            wishes["args"] = {
                name: chance.choice(("", "7", "a b")) for name in chance.choices(("A", "B", "TARGETARCH"), k=2)
            }
        if chance.random() < 0.1:
            wishes["target"] = chance.choice(("s0", "S1", "s9"))
        yield wishes
