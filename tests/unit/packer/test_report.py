"""The report: sizes add up, hostile names stay names, the same input makes the same bytes."""

from __future__ import annotations

import json
import re
import subprocess
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.programs.build import build
from tests.programs.make_wasm import COMPONENT, MODULE, custom, section
from tests.unit.packer import analyses
from tests.unit.packer.images import EXIT, GOOD, write_layout
from whit.packer.executable.file import opened
from whit.packer.needs import DETAILS
from whit.packer.report.bytesview import bytes_section
from whit.packer.report.filebytes import WHOLE, sizes_of
from whit.packer.report.gathering import look
from whit.packer.report.graph import Edge, drawing
from whit.packer.report.markup import Markup, data_script, table, tag
from whit.packer.report.naming import COMPILER, STANDARD, go_package, placing, rust_path
from whit.packer.report.page import page
from whit.packer.report.tree import Node, changes, tree
from whit.runtime.confinement import WHIT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.packer.images import Members

HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>&\u202e\x1b[2J\udc80"
SIZES = st.dictionaries(
    st.lists(st.sampled_from(["a", "b", "c", HOSTILE]), min_size=1, max_size=4).map(tuple), st.integers(0, 10**9)
)


class Elements(HTMLParser):
    """The names of elements and attributes that a parser finds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


def leaves(node: Node) -> int:
    return sum(map(leaves, node.children)) if node.children else node.size


@given(SIZES)
def test_a_tree_loses_no_byte(sizes: dict[tuple[str, ...], int]) -> None:
    made = tree("whole", sizes)
    assert made.size == sum(sizes.values()) == leaves(made)


@given(SIZES, SIZES, st.integers(1, 5))
def test_changes_add_up(before: dict[tuple[str, ...], int], after: dict[tuple[str, ...], int], depth: int) -> None:
    found = changes(before, after, depth)
    assert sum(one.difference for one in found) == sum(after.values()) - sum(before.values())


@pytest.mark.parametrize("name", ["exit", "buffer"])
@pytest.mark.parametrize("stripped", [False, True])
def test_sizes_add_up_to_the_file(name: str, stripped: bool) -> None:
    path = build(name, "c-musl", stripped=stripped)
    with opened(str(path)) as file:
        analysis = file.analyse(DETAILS).analysis
        sizes = file.look(lambda data: sizes_of(data, analysis))
    assert sum(sizes.values()) == path.stat().st_size
    assert any("main" in path for path in sizes) is not stripped


def test_sections_that_overlap_are_not_believed() -> None:
    data = bytearray(build("exit", "c-musl").read_bytes())
    with opened(str(build("exit", "c-musl"))) as file:
        analysis = file.analyse(DETAILS).analysis
    table_at = int.from_bytes(data[40:48], "little")
    for number in (1, 2):  # each says that it is the whole file
        at = table_at + 64 * number
        data[at + 24 : at + 40] = (0).to_bytes(8, "little") + len(data).to_bytes(8, "little")
    assert sizes_of(bytes(data), analysis) == {(WHOLE,): len(data)}


@pytest.mark.parametrize(
    ("name", "package", "rest"),
    [
        ("net/http.(*Server).Serve", "net/http", "(*Server).Serve"),
        ("gopkg.in/yaml%2ev3.Marshal", "gopkg.in/yaml.v3", "Marshal"),
        ("slices.SortFunc[go.shape.[]a/b.T]", "slices", "SortFunc[go.shape.[]a/b.T]"),
        ("main.main", "main", "main"),
        ("type:.eq.net/http.T", "net/http", "type:.eq.net/http.T"),
        ("type:.eq.[8]internal/cpu.option", "internal/cpu", "type:.eq.[8]internal/cpu.option"),
        ("type:.hash.[2]interface {}", "", "type:.hash.[2]interface {}"),
        ("type:.eq.struct { net/http.a int }", "", "type:.eq.struct { net/http.a int }"),
        ("type:*", "", "type:*"),
        ("_cgo_init", "", "_cgo_init"),
    ],
)
def test_gos_names_tell_the_package(name: str, package: str, rest: str) -> None:
    assert go_package(name) == (package, rest)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("_ZN4core3fmt5write17h0123456789abcdefE", ("core", "core::fmt::write")),
        (
            "_ZN60_$LT$alloc..string..String$u20$as$u20$core..fmt..Display$GT$3fmt17h0123456789abcdefE",
            ("alloc", "<alloc::string::String as core::fmt::Display>::fmt"),
        ),
        ("_RNvCs1234_7mycrate3foo", ("mycrate", "mycrate::foo")),
        (
            "_RNvXs1_NtCs9_5hyper4httpNtB5_6ServerNtCsa_4core5Clone5clone",
            ("hyper", "hyper::http::Server::core::Clone::clone"),
        ),
        ("memcpy", ("(C and assembler)", "memcpy")),
        ("_ZN99999999999999999999core17h0123456789abcdefE", ("(C and assembler)", "core")),
    ],
)
def test_rusts_names_tell_the_crate(name: str, path: tuple[str, ...]) -> None:
    assert rust_path(name) == path


@given(st.text(max_size=80))
def test_no_name_breaks_the_placing(name: str) -> None:
    assert all(isinstance(part, str) for part in (*rust_path(f"_ZN{name}17h0123456789abcdefE"), *go_package(name)))


def test_hostile_names_become_no_markup() -> None:
    sizes: dict[tuple[str, ...], int] = {(HOSTILE, HOSTILE): 5, (HOSTILE, "x"): 3}
    shown = bytes_section(tree(HOSTILE, sizes), {("y",): 1}, sizes)
    shown = Markup(shown + table(HOSTILE, [HOSTILE], [[HOSTILE]]) + tag("p", HOSTILE, id=HOSTILE))
    found = Elements(shown)
    assert "img" not in found.tags
    assert found.tags.count("script") == 1  # the data
    assert not any(name.startswith("on") for name in found.attributes)
    for unseen in ("\u202e", "\x1b", "\udc80"):
        assert unseen not in shown


@given(st.text())
def test_data_for_the_script_ends_where_it_should(value: str) -> None:
    shown = data_script("x", [value])
    inside = re.fullmatch(r'<script type="application/json" id="x">(.*)</script>', shown, re.DOTALL)
    assert inside
    assert not set("<>&\u2028\u2029") & set(inside[1])
    assert json.loads(inside[1]) == [value]


def report_of(path: Path, old: Path | None = None) -> str:
    older = look(str(old), WHIT, whole=True) if old else None
    return page(look(str(path), WHIT, whole=True), older)


def test_the_same_file_makes_the_same_bytes() -> None:
    program = build("exit", "c-musl")
    assert report_of(program) == report_of(program)


def test_a_page_asks_for_nothing_and_allows_only_its_own_script() -> None:
    program = build("exit", "c-musl")
    shown = report_of(program, build("buffer", "c-musl"))
    found = Elements(shown)
    assert not {"img", "link", "iframe", "object"} & set(found.tags)
    assert not {"src", "style", "srcset", "onclick", "onload"} & found.attributes
    assert "default-src 'none'; style-src 'sha256-" in shown
    assert "What grew and shrank" in shown
    assert shown.encode()


def test_a_file_of_a_hostile_name_has_a_harmless_page(tmp_path: Path) -> None:
    name = HOSTILE.replace("/", "").replace("\udc80", "")
    (tmp_path / name).write_bytes(build("exit", "c-musl", stripped=True).read_bytes())
    found = Elements(report_of(tmp_path / name))
    assert "img" not in found.tags
    assert found.tags.count("script") == 2


@pytest.fixture(scope="module")
def go_program() -> Path:
    return build("exit", "go")


def test_gos_packages_are_as_large_as_gos_own_tool_says(go_program: Path) -> None:
    with opened(str(go_program)) as file:
        analysis = file.analyse(DETAILS).analysis
        sizes = file.look(lambda data: sizes_of(data, analysis))
    place: Any = placing(analysis)
    ours: dict[str, int] = {}
    for path, size in sizes.items():
        if path[0] == "code" and path[1] in (STANDARD, COMPILER):
            ours["/".join(path[:3])] = ours.get("/".join(path[:3]), 0) + size
    told = subprocess.run(["go", "tool", "nm", "-size", go_program], capture_output=True, text=True, check=True).stdout
    runtime = f"code/{STANDARD}/runtime"
    theirs: dict[str, int] = {}
    count = 0
    for line in told.splitlines():
        fields = line.split(maxsplit=3)
        if len(fields) == 4 and fields[2] in "Tt":
            where = "/".join(("code", *place(fields[3])[:2]))
            theirs[where] = theirs.get(where, 0) + int(fields[1])
            count += where == runtime
    # Go's table has a function up to the next one's beginning, with the padding between them: Go aligns to 32 bytes.
    assert theirs[runtime] <= ours[runtime] <= theirs[runtime] + 31 * count


def test_an_image_is_told_by_layers_and_what_is_hidden_counts(tmp_path: Path) -> None:
    layers: list[Members] = [
        {"exit": (EXIT, 0o555), "old": (b"x" * 1000, 0o644), "keep/me": (b"y" * 10, 0o644)},
        {"old": (b"z" * 500, 0o644)},
    ]
    image = write_layout(tmp_path / "image", layers, GOOD)
    looked = look(str(image), WHIT, whole=True)
    sizes = looked.sizes or {}
    assert sum(sizes.values()) == len(EXIT) + 1000 + 10 + 500
    assert {path[1:]: size for path, size in sizes.items() if path[1] != "exit"} == {
        ("old (replaced by a later layer)",): 1000,
        ("old",): 500,
        ("keep", "me"): 10,
    }
    shown = page(looked)
    assert (
        f"1kB of its files no container sees ({1000 / (len(EXIT) + 1510):.1%} of all that is sent, in 1 file)" in shown
    )
    assert '<th scope="row">/old</th><td class="n">1kB</td><td>layer 1</td><td>replaced</td>' in shown
    whole = write_layout(tmp_path / "whole", layers[:1], GOOD)
    assert "Every file that is sent is seen" in page(look(str(whole), WHIT, whole=True))


def test_webassembly_is_told_by_sections_and_a_components_modules_by_theirs() -> None:
    module = MODULE + section(10, b"x" * 200) + custom("name", b"y" * 20)
    component = COMPONENT + section(1, module) + section(1, module) + custom("producers") + section(99, b"")
    sizes = sizes_of(component, analyses.component())
    assert sum(sizes.values()) == len(component)
    assert sizes["module 2", "code"] == 203
    assert sizes["module 1", "custom", "name"] == 27
    assert ("section 99",) in sizes
    assert sizes_of(component[:-1] + b"\x7f", analyses.component()) == {(WHOLE,): len(component)}


def test_a_graph_has_a_box_for_each_name_and_a_line_for_each_edge_in_circles_too() -> None:
    edges = [Edge("a", "b", "why"), Edge("b", "c", "why"), Edge("c", "b", "back"), Edge("b", "b", "itself")]
    shown = drawing("a", edges)
    assert shown.count("<rect") == 3
    assert shown.count("<path") == 4
    assert shown.count("back") == 3  # its reason, and two lines that go back
    assert drawing("a", []) == ""
