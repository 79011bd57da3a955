#!/bin/bash
# A real program, from a file on disk to a confined process: ruff, a static Rust executable, from its PyPI wheel.
# Works in build/demo, with an image store of its own there.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=$PWD/.venv/bin/python
WORK=$PWD/build/demo
export WHIT_ROOT=$WORK/store PATH=$PWD/.venv/bin:$PATH

fetch_ruff() {
    test -x "$WORK/ruff" && return
    echo "fetching ruff …"
    "$PYTHON" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --platform "musllinux_1_2_$(uname -m)" --dest "$WORK" ruff
    "$PYTHON" -m zipfile --extract "$WORK"/ruff-*.whl "$WORK/wheel"
    mv "$WORK"/wheel/ruff-*.data/scripts/ruff "$WORK/ruff"
    chmod 755 "$WORK/ruff"
    rm -rf "$WORK"/ruff-*.whl "$WORK/wheel"
}

show() { # a command, as a person would type it, and what it says
    printf '\n\033[1m$ %s\033[0m\n' "$*"
    "$@"
}

mkdir -p "$WORK"
fetch_ruff
cd "$WORK"
echo 'import os; print( "hello" )' >hello.py

echo
echo "1. What is this file, and what does it need?"
show whit inspect ./ruff

echo
echo "2. The smallest image that runs it:"
show whit pack ./ruff -t demo/ruff:1
show whit images

echo
echo "3. Run it, confined: no network (it needs none), no capabilities, read-only, system calls filtered."
show whit run --network none demo/ruff:1 --version
printf '\n\033[1m$ whit run --network none --memory 256m --pids-limit 64 demo/ruff:1 format - <hello.py\033[0m\n'
whit run --network none --memory 256m --pids-limit 64 demo/ruff:1 format - <hello.py

echo
echo "4. The exit status is the program's:"
printf '\n\033[1m$ whit run --network none demo/ruff:1 check --no-cache --output-format concise - <hello.py; echo $?\033[0m\n'
status=0
whit run --network none demo/ruff:1 check --no-cache --output-format concise - <hello.py || status=$?
echo "$status"

echo
echo "5. What is done to it before it starts, and why. This is a part:"
printf '\n\033[1m$ whit plan --network none demo/ruff:1\033[0m\n'
whit plan --network none demo/ruff:1 | sed -n '/^Inside/,/loopback/p; /root pivot/,/seccomp/p'

begin=$(date +%s%N)
for _ in 1 2 3 4 5 6 7 8 9 10; do whit run --network none demo/ruff:1 --version >/dev/null; done
echo
echo "Ten more runs took $((($(date +%s%N) - begin) / 1000000)) ms."
echo "All of this is in build/demo. whit itself is .venv/bin/whit"
