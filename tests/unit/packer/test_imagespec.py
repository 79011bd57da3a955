"""From a resolution to the image: layers, configuration, annotations."""

from __future__ import annotations

import dataclasses
import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.packer.analyses import PROGRAM, go, host, native, wasm
from whit.packer.executable.analysis import Analysis, BuildInfo
from whit.packer.image.spec import Entry, EntryKind, ImageSpec, PackOptions, image_spec, program_path
from whit.packer.resolution.choices import Choices
from whit.packer.resolution.resolve import resolve
from whit.packer.support.errors import InvalidFileError, UsageError, WhitError

CLIENT = go("crypto/x509.loadSystemRoots", "net/http.(*Transport).dialConn")


def spec(analysis: Analysis = CLIENT, name: str = "server", **options: object) -> ImageSpec:
    return image_spec(name, PROGRAM, analysis, resolve(analysis, host=host()), PackOptions(**options))  # type: ignore[arg-type]


def test_the_program_stands_at_its_name_read_only_and_alone_in_the_last_layer() -> None:
    base, program = spec().layers
    [entry] = program.entries
    assert (entry.path, entry.kind, entry.mode, entry.uid, entry.gid) == ("/server", EntryKind.FILE, 0o555, 0, 0)
    assert entry.content == PROGRAM
    assert program.created_by == "whit: /server"
    assert "/server" not in {entry.path for entry in base.entries}


def test_the_base_layer_does_not_depend_on_the_program() -> None:
    assert spec(name="a").layers[0] == spec(name="b", user="0", env=("A=b",)).layers[0]


def test_folders_are_those_that_hold_something_and_stand_before_it() -> None:
    entries = spec().layers[0].entries
    assert [entry.path for entry in entries] == [
        "/etc",
        "/etc/group",
        "/etc/passwd",
        "/etc/ssl",
        "/etc/ssl/certs",
        "/etc/ssl/certs/ca-certificates.crt",
        "/home",
        "/home/nonroot",
        "/tmp",
    ]
    folders = {entry.path: entry.mode for entry in entries if entry.kind is EntryKind.DIRECTORY}
    assert folders == {
        "/etc": 0o755,
        "/etc/ssl": 0o755,
        "/etc/ssl/certs": 0o755,
        "/home": 0o755,
        "/home/nonroot": 0o700,
        "/tmp": 0o1777,
    }
    assert all(entry.reason for entry in entries)


def test_it_runs_as_nobody_in_particular_unless_told_otherwise() -> None:
    config = spec().config
    assert config.entrypoint == ("/server",)
    assert config.cmd == ()
    assert config.user == "65532:65532"
    assert config.working_dir == "/"
    assert config.env == ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)
    assert config.stop_signal is None


def test_what_a_person_asks_for_is_done() -> None:
    config = spec(
        arguments=("--serve",),
        cmd=("--port", "80"),
        env=("MODE=a=b", "PATH=/x", "EMPTY="),
        user="1000",
        working_dir="/data",
        labels=(("b", "2"), ("a", "1"), ("b", "3")),
        exposed_ports=("8080", "53/udp", "8080/tcp", "9000-9010"),
    ).config
    assert config.entrypoint == ("/server", "--serve")
    assert config.cmd == ("--port", "80")
    assert config.env == ("PATH=/x", "MODE=a=b", "EMPTY=")
    assert (config.user, config.working_dir) == ("1000", "/data")
    assert config.labels == (("a", "1"), ("b", "3"))
    assert config.exposed_ports == ("53/udp", "8080/tcp", "9000-9010/tcp")


def test_a_program_that_cannot_know_where_certificates_are_is_told() -> None:
    variable = "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"
    paths = (b"/etc/ssl/certs/ca-certificates.crt", b"/etc/ssl/cert.pem")
    assert variable not in spec().config.env
    assert variable not in spec(native(*paths)).config.env
    assert variable in spec(native(b"statem_clnt.c")).config.env
    assert variable not in spec(native()).config.env


@pytest.mark.parametrize("name", ["-x", "a b", "größe", "..x", "x" * 255, "a\nb", "$(x)", "app.exe"])
def test_a_name_that_a_file_can_have_is_the_program_s_name(name: str) -> None:
    assert spec(name=name).config.entrypoint == (f"/{name}",)


@pytest.mark.parametrize("name", ["etc", "tmp", "home", "proc", "dev", "bin", "usr"])
def test_a_name_that_a_folder_of_the_image_has_stands_in_bin(name: str) -> None:
    made = spec(name=name)
    assert made.config.entrypoint == (f"/bin/{name}",)
    assert [entry.path for entry in made.layers[1].entries] == ["/bin", f"/bin/{name}"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "x" * 256, "a\0b", "\udcff"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidFileError) as raised:
        spec(name=name)
    raised.value.message.encode()
    assert raised.value.hint


def test_the_program_may_stand_elsewhere() -> None:
    made = spec(path_in_image="/usr/local/bin/serve")
    assert made.config.entrypoint == ("/usr/local/bin/serve",)
    assert [entry.path for entry in made.layers[1].entries] == [
        "/usr",
        "/usr/local",
        "/usr/local/bin",
        "/usr/local/bin/serve",
    ]


def test_a_folder_that_an_earlier_layer_has_stays_what_it_was() -> None:
    base, inside = spec(path_in_image="/home/nonroot/serve").layers
    before = {entry.path: (entry.mode, entry.uid, entry.gid) for entry in base.entries}
    *folders, program = inside.entries
    assert program.path == "/home/nonroot/serve"
    assert [folder.path for folder in folders] == ["/home", "/home/nonroot"]
    assert all(before[folder.path] == (folder.mode, folder.uid, folder.gid) for folder in folders)


def added(path: str, kind: EntryKind = EntryKind.FILE) -> Entry:
    return Entry(path, kind, 0o640, "asked for", content=PROGRAM if kind is EntryKind.FILE else None)


def with_added(*entries: Entry, name: str = "server") -> ImageSpec:
    return image_spec(name, PROGRAM, CLIENT, resolve(CLIENT, host=host()), PackOptions(), entries)


def test_what_is_added_has_a_layer_of_its_own_so_that_the_base_is_still_shared() -> None:
    made = with_added(added("/etc/app/a.yaml"), added("/tmp/x"))
    assert made.layers[0] == spec().layers[0]
    assert made.layers[2] == spec().layers[1]
    modes = {entry.path: entry.mode for entry in made.layers[1].entries}
    assert modes == {"/etc": 0o755, "/etc/app": 0o755, "/etc/app/a.yaml": 0o640, "/tmp": 0o1777, "/tmp/x": 0o640}


def test_what_is_added_takes_the_place_of_what_would_stand_there() -> None:
    made = with_added(added("/etc/passwd"))
    assert "/etc/passwd" not in {entry.path for entry in made.layers[0].entries}
    assert dict(made.annotations)["dev.whit.added"] == "/etc/passwd"


def test_a_folder_that_is_added_is_told_for_all_that_is_in_it() -> None:
    made = with_added(added("/data", EntryKind.DIRECTORY), added("/data/a"), added("/data/b"), added("/etc/c"))
    assert dict(made.annotations)["dev.whit.added"] == "/data,/etc/c"


@pytest.mark.parametrize("path", ["/server", "/etc/passwd/x"])
def test_what_is_added_where_something_else_stands_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match=path.removesuffix("/x")):
        with_added(added(path))


def test_a_folder_takes_no_needed_file_s_place() -> None:
    assert "/etc/passwd" in dict(with_added(added("/etc/passwd")).annotations)["dev.whit.added"]
    with pytest.raises(UsageError, match="/etc/passwd is a file that the program needs"):
        with_added(added("/etc/passwd", EntryKind.DIRECTORY))


def test_what_a_person_decided_on_needs_is_recorded() -> None:
    resolution = resolve(CLIENT, Choices(needs=(("ca", False), ("zones", True))), host())
    made = image_spec("server", PROGRAM, CLIENT, resolution, PackOptions())
    assert dict(made.annotations)["dev.whit.asked"] == "-ca,+zones"


@pytest.mark.parametrize(
    "path", ["", "/", "server", "/a/", "/a//b", "/a/../b", "/./a", "/a\0", "/" + "x" * 256, "/.wh.a"]
)
def test_a_path_that_is_not_absolute_and_plain_is_refused(path: str) -> None:
    with pytest.raises(UsageError):
        spec(path_in_image=path)


@pytest.mark.parametrize(
    "option",
    [
        *({key: "\udcff"} for key in ("path_in_image", "user", "working_dir")),
        *({key: ("A=\udcff",)} for key in ("arguments", "cmd", "env", "exposed_ports")),
        *({key: (("A", "\udcff"),)} for key in ("labels", "annotations")),
    ],
)
def test_words_that_are_no_text_are_refused_since_no_configuration_can_hold_them(option: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"\\xff isn't valid UTF-8"):
        PackOptions(**option)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["lib", "lib64", "etc", "proc"])
def test_a_program_that_is_called_as_a_folder_of_the_image_stands_in_bin(name: str) -> None:
    assert program_path(name, PackOptions()) == f"/bin/{name}"


@pytest.mark.parametrize("name", [".wh.server", "a\udcff", "", "..", "x" * 256])
def test_a_program_whose_name_no_image_can_hold_is_refused(name: str) -> None:
    with pytest.raises(InvalidFileError):
        program_path(name, PackOptions())


@pytest.mark.parametrize("path", ["/etc/passwd", "/tmp", "/etc", "/etc/passwd/x"])
def test_a_path_where_the_image_has_something_is_refused(path: str) -> None:
    with pytest.raises(UsageError):
        spec(path_in_image=path)


@pytest.mark.parametrize("port", ["", "0", "65536", "http", "80/xyz", "-1", "90-80", "80/tcp/udp", " 80"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(UsageError):
        spec(exposed_ports=(port,))


@pytest.mark.parametrize("variable", ["", "A", "=b"])
def test_a_variable_without_name_or_value_is_refused(variable: str) -> None:
    with pytest.raises(UsageError):
        spec(env=(variable,))


def test_annotations_say_what_it_is_and_where_everything_came_from() -> None:
    build = BuildInfo(module="example.org/x", module_version="v1.2.3", settings=(("vcs.revision", "abc"),))
    found = dict(spec(dataclasses.replace(CLIENT, build=build)).annotations)
    assert found == {
        "org.opencontainers.image.title": "server",
        "org.opencontainers.image.version": "v1.2.3",
        "org.opencontainers.image.revision": "abc",
        "dev.whit.language": "go go1.26.0",
        "dev.whit.needs": "ca=needed",
        "dev.whit.sources": "ca=certifi 2026.10.18",
    }


def test_a_version_that_is_none_and_a_time_that_was_not_given_are_not_annotated() -> None:
    made = spec(dataclasses.replace(go(), build=BuildInfo(module_version="(devel)")))
    assert made.created == 0
    assert set(dict(made.annotations)) == {"org.opencontainers.image.title", "dev.whit.language"}


def test_a_time_and_annotations_of_one_s_own_are_taken() -> None:
    made = spec(created=1_700_000_000, annotations=(("org.opencontainers.image.title", "mine"), ("x", "y")))
    found = dict(made.annotations)
    assert made.created == 1_700_000_000
    assert found["org.opencontainers.image.created"] == "2023-11-14T22:13:20Z"
    assert (found["org.opencontainers.image.title"], found["x"]) == ("mine", "y")
    assert list(made.annotations) == sorted(made.annotations)


def test_webassembly_is_one_layer_for_the_platform_that_engines_know() -> None:
    made = spec(wasm(), name="app.wasm")
    assert str(made.platform) == "wasi/wasm"
    assert [[entry.path for entry in layer.entries] for layer in made.layers] == [["/app.wasm"]]


@given(name=st.text(max_size=300), path=st.none() | st.text(alphabet="/.ab\0ü", max_size=12))
def test_any_name_and_path_give_an_image_whose_folders_come_first_or_a_clear_refusal(
    name: str, path: str | None
) -> None:
    try:
        made = spec(name=name, path_in_image=path)
    except WhitError:
        return
    seen = {"/"}
    for entry in (entry for layer in made.layers for entry in layer.entries):
        assert entry.path == posixpath.normpath(entry.path)
        assert posixpath.dirname(entry.path) in seen
        assert entry.path not in seen
        seen.add(entry.path)
