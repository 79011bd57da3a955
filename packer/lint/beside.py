"""What the program needs beside it and its image hasn't got."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Linkage
from whit.packer.lint.model import Found, Level, Rule
from whit.packer.needs.model import Verdict
from whit.packer.tar.member import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.lint.image import Image
    from whit.packer.lint.model import Program

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where Go, OpenSSL's distributions and rustls look (crypto/x509, root_linux.go)."""

_BUNDLE_FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs")
_ZONES = ("/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo")
_TEMP = "/tmp"  # noqa: S108 - in the image
_WRITE = 0o002


def _needs(image: Image, name: str) -> bool:
    need = image.main.need(name) if image.main else None
    return need is not None and need.verdict is Verdict.NEEDED


def _in_environment(image: Image, *names: str) -> bool:
    return any(entry.partition("=")[0] in names for entry in image.run.env)


def _has_files(image: Image, folder: str) -> bool:
    found = image.lookup(folder)
    return found is not None and any(path.startswith(f"{found.path}/") for path in image.files)


def _certificates(image: Image) -> Iterator[Found]:
    if not _needs(image, "ca") or _in_environment(image, "SSL_CERT_FILE", "SSL_CERT_DIR"):
        return
    if not any(map(image.lookup, _BUNDLES)) and not any(_has_files(image, folder) for folder in _BUNDLE_FOLDERS):
        yield Found("the program verifies servers, and the image has no root certificates")


def _zones(image: Image) -> Iterator[Found]:
    given = _in_environment(image, "ZONEINFO") or any(_has_files(image, folder) for folder in _ZONES)
    if _needs(image, "zones") and not given:
        yield Found("the program loads time zones by name, and the image has none")


def _temporary(image: Image) -> Iterator[Found]:
    """Who may write there: everybody, the folder's owner, or root."""
    if not _needs(image, "temp") or _in_environment(image, "TMPDIR"):
        return
    folder = image.lookup(_TEMP)
    user = image.run.user.partition(":")[0]
    if folder is None:
        yield Found(f"the program makes temporary files, and the image has no {_TEMP}")
    elif user not in {"", "0", "root", str(folder.uid)} and not folder.mode & _WRITE:
        yield Found(
            f"the program makes temporary files, and {_TEMP} isn't its user's to write (mode {folder.mode:04o})"
        )


def _loader(image: Image) -> Iterator[Found]:
    program = image.main
    if program is None or program.analysis.linkage is not Linkage.DYNAMIC:
        return
    loader = program.analysis.interpreter
    if loader and image.lookup(loader) is None:
        yield Found(f"{program.path} asks for {loader}, which isn't in the image")
        return
    names = {posixpath.basename(path) for path, file in image.files.items() if file.kind is not Kind.DIRECTORY}
    missing = [name for name in program.analysis.libraries if posixpath.basename(name) not in names]
    if missing:
        yield Found(f"{program.path} asks for {', '.join(missing)}, which the image has nowhere")


def _writes(program: Program) -> Iterator[Found]:
    need = program.need("temp")
    if need is not None and need.verdict is Verdict.NEEDED:
        evidence = f" ({need.evidence[0].detail})" if need.evidence else ""
        yield Found(f"it makes temporary files{evidence}")


_SCRATCH = "https://docs.docker.com/build/building/base-images/#create-a-minimal-base-image-using-scratch"

RULES = (
    Rule(
        "missing-loader",
        Level.ERROR,
        "The loader or a library isn't there",
        'The kernel or the loader fails with "no such file or directory": the program never starts.',
        "Link it statically, or put the loader and its libraries into the image.",
        "https://man7.org/linux/man-pages/man8/ld.so.8.html",
        image=_loader,
    ),
    Rule(
        "missing-certificates",
        Level.ERROR,
        "No root certificates",
        '"x509: certificate signed by unknown authority" at the first connection by TLS.',
        "Put a bundle at /etc/ssl/certs/ca-certificates.crt: whit pack does where the program needs it.",
        _SCRATCH,
        image=_certificates,
    ),
    Rule(
        "missing-zones",
        Level.WARNING,
        "No time zones",
        '"unknown time zone Europe/Berlin", or silently UTC, as soon as a zone is asked for by name.',
        "Put zoneinfo there (whit pack does where it is needed), or build with -tags timetzdata (Go).",
        "https://pkg.go.dev/time#LoadLocation",
        image=_zones,
    ),
    Rule(
        "no-temporary-folder",
        Level.WARNING,
        "Nowhere to put temporary files",
        "What is uploaded, sorted or unpacked by the program often goes through /tmp, and fails only then.",
        "Make /tmp with mode 1777, or set TMPDIR to a folder that its user may write.",
        "https://refspecs.linuxfoundation.org/FHS_3.0/fhs/ch03s18.html",
        image=_temporary,
    ),
    Rule(
        "writes-files",
        Level.NOTE,
        "With a read-only root it needs a place to write",
        "A container's root is best read-only; a program that writes to /tmp then fails when it does.",
        "Give it memory to write to: --tmpfs /tmp (docker, whit), an emptyDir in Kubernetes. whit run does by itself.",
        "https://docs.docker.com/engine/storage/tmpfs/",
        program=_writes,
    ),
)
