"""``whit image diff A B``: what one image has that the other hasn't."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.image.comparing import FileChange, SeenFile, SettingChange
    from whit.packer.store.layout import Layout
    from whit.packer.store.store import StoredImage

_ADDED, _CHANGED, _DELETED = "A", "C", "D"


@click.command("diff")
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/store.md) instead of lines.")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
def command(as_json: bool, first: str, second: str) -> int:
    """Show what image B adds (A), changes (C) and lacks (D) beside image A: files, and how the program is run.

    Each is a name in the store, an OCI layout's folder, or an archive. The exit status is 1 if they differ.
    """
    from whit.packer.image.comparing import file_changes, setting_changes
    from whit.packer.showing.console import end_progress, print_json, progress
    from whit.packer.showing.present import printable
    from whit.packer.store.seeing import files_of

    with _image(first) as one, _image(second) as other:
        settings = list(setting_changes(one[1].config, other[1].config))
        progress("reading layers")
        same = one[1].manifest.layers == other[1].manifest.layers
        files = [] if same else list(file_changes(files_of(*one), files_of(*other)))
        end_progress()
    if as_json:
        print_json(
            {
                "schema": "whit-image-diff/1",
                "settings": [{"name": item.name, "before": item.before, "after": item.after} for item in settings],
                "files": [_document(item) for item in files],
            }
        )
    else:
        for line in (*_setting_lines(settings), *_file_lines(files)):
            click.echo(printable(line))
    return 1 if settings or files else 0


@contextlib.contextmanager
def _image(target: str) -> Iterator[tuple[Layout, StoredImage]]:
    from whit.packer.lint.fetch import layout_of, only_image
    from whit.packer.store.store import Store, read_image

    with layout_of(target) as layout:
        if layout is not None:
            yield layout, read_image(layout, only_image(layout, target))
            return
    store = Store.open()
    yield store.layout, store.resolve(target)


def _setting_lines(settings: list[SettingChange]) -> Iterator[str]:
    for item in settings:
        letter = _CHANGED if item.before and item.after else _DELETED if item.before else _ADDED
        what = f"{item.before} → {item.after}" if letter == _CHANGED else item.before or item.after
        yield f"{letter} [{item.name}] {what}"


def _file_lines(files: list[FileChange]) -> Iterator[str]:
    from whit.packer.showing.console import human_size
    from whit.packer.tar.member import Kind

    for item in files:
        file = item.after or item.before
        if file is None:
            continue
        told = [_told(item, name) for name in item.differs if name != "digest" or "size" not in item.differs]
        if not item.differs and file.kind is Kind.FILE:
            told = [human_size(file.size)]
        yield f"{item.change} {item.path}" + (f"  {', '.join(told)}" if told else "")


def _told(item: FileChange, name: str) -> str:
    """One property before and after."""
    from whit.packer.showing.console import human_size

    if name == "digest":
        return "content"
    if name == "xattrs":
        return "extended attributes"
    before, after = getattr(item.before, name), getattr(item.after, name)
    if name == "mode":
        return f"mode {before:04o} → {after:04o}"
    if name == "size":
        return f"{human_size(before)} → {human_size(after)}"
    return f"{name} {before} → {after}"


def _document(item: FileChange) -> dict[str, object]:
    return {
        "change": str(item.change),
        "path": item.path,
        "differs": list(item.differs),
        "before": _state(item.before),
        "after": _state(item.after),
    }


def _state(file: SeenFile | None) -> dict[str, object] | None:
    if file is None:
        return None
    return {
        "kind": str(file.kind),
        "mode": f"{file.mode:04o}",
        "uid": file.uid,
        "gid": file.gid,
        "size": file.size,
        "digest": file.digest or None,
        "target": file.target or None,
        "layer": file.layer,
    }
