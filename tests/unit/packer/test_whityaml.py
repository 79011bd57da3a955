"""whit.yaml: places of mistakes, variables, every key, and the schema that is published."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from whit.packer.buildfile.whityaml.located import MAX_SIZE, BuildFileError, locate
from whit.packer.buildfile.whityaml.model import Binary
from whit.packer.buildfile.whityaml.orders import order_of
from whit.packer.buildfile.whityaml.reading import FILES, KEYS, read, read_frame
from whit.packer.image.callsclaim import Refusal
from whit.packer.image.platform import Platform, parse_platform
from whit.packer.image.reference import parse_reference
from whit.packer.image.spec import Compression, HealthCheck
from whit.packer.needs import RULES
from whit.packer.resolution.choices import GIVEN, Addition

DOCS = Path(__file__).parents[3] / "docs"
SCHEMA = json.loads((DOCS / "whit.schema.json").read_text())
EXAMPLE = (DOCS / "whit-yaml.md").read_text().split("```yaml\n")[2].split("```")[0]
TARGET = {"TARGETPLATFORM": "linux/arm64", "TARGETOS": "linux", "TARGETARCH": "arm64", "TARGETVARIANT": ""}


def whole(data: bytes) -> None:
    """Read a file as a build does."""
    root = locate(data, "w.yaml")
    read_frame(root)
    read(root, TARGET)


def told(text: str | bytes) -> tuple[str, str | None]:
    with pytest.raises(BuildFileError) as caught:
        whole(text if isinstance(text, bytes) else text.encode())
    return caught.value.message, caught.value.hint


def test_the_example_in_the_docs_says_what_it_seems_to() -> None:
    root = locate(EXAMPLE.encode(), "w.yaml")
    frame = read_frame(root)

    file = read(root, {**dict(frame.variables), **TARGET})

    assert frame.platforms == (Platform("linux", "amd64"), Platform("linux", "arm64"))
    assert frame.variables == (("VERSION", "1.0"),)
    assert file.names == (parse_reference("me/server:1.0"),)
    assert file.binaries == (Binary("dist/arm64/server"), Binary("dist/arm64/tool", "/usr/bin/tool"))
    assert file.files == (
        Addition("conf/", "/etc/app/conf", word=FILES),
        Addition("app.toml", "/etc/app/app.toml", 0o640, 0, 1000, word=FILES),
        Addition("", "/etc/app/note", content="built as 1.0\n", word=FILES),
        Addition("", "/var/lib/app", 0o700, 65532, 65532, word=FILES),
    )
    assert (file.base, file.entrypoint, file.cmd) == (
        "me/base:1",
        ("/server", "--config", "/etc/app/app.toml"),
        ("serve",),
    )
    assert (file.exposed_ports, file.env, file.needs) == (
        ("8080/tcp", "53/udp"),
        ("MODE=production",),
        ("+zones", "-mime"),
    )
    assert dict(file.labels)["dev.whit.health"].startswith("http :8080/healthz interval=10000000000ns")
    assert (file.compression, file.created, file.health) == (Compression.GZIP, 0, None)
    assert set(yaml.safe_load(EXAMPLE)) == set(KEYS) - {"names", "binary"} | {"x-anything"}
    order = order_of(file, "/srv", frame.platforms[1], 7)
    assert (order.path, order.others) == ("/srv/dist/arm64/server", (("/srv/dist/arm64/tool", "/usr/bin/tool"),))
    assert order.choices.additions[0].source == "/srv/conf/"
    assert order.options.created == 0
    # WebAssembly makes no system calls
    of_module = order_of(file, "/srv", parse_platform("wasi/wasm"), 7)
    assert (order.options.refusal, of_module.options.refusal) == (Refusal.ERRNO, None)


@pytest.mark.parametrize(
    "text", [EXAMPLE, "binary: ./x", "binaries: [a, {path: b}]\nenv: [A=1]\nhealth: {command: [x]}"]
)
def test_what_is_read_is_valid_by_the_schema(text: str) -> None:
    jsonschema.validate(yaml.safe_load(text), SCHEMA)
    read(locate(text.encode(), "w.yaml"), {**TARGET, "VERSION": "1"})


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("entrypiont: [x]\nbinary: a", "w.yaml:1:1: there is no key 'entrypiont' here", "did you mean 'entrypoint'?"),
        (
            "binary: a\nfiles:\n  - {sorce: x, target: /x}",
            "w.yaml:3:6: there is no key 'sorce' in files[0]",
            "did you mean 'source'?",
        ),
        ("binary: a\nenv:\n- A", "w.yaml:3:3: env: 'A' isn't NAME=VALUE", "as in env: {NAME: value}"),
        ("binary: a\nexpose: [99999]", "w.yaml:2:10: '99999' isn't a port", "as in 8080, 8080/tcp or 53/udp"),
        (
            "binary: a\nfiles: [{target: /x, mode: 9}]",
            "w.yaml:2:28: '9' isn't a mode in octal",
            'as in "0644" or "0755"',
        ),
        ("binary: a\nfiles: [{source: x}]", "w.yaml:2:9: files[0] has no 'target'", "target: /etc/app/"),
        (
            "binary: a\nfiles: [{target: /a/../b, source: x}]",
            "w.yaml:2:18: '/a/../b' isn't an absolute path in its plain form",
            None,
        ),
        (
            "binary: a\nfiles: [{target: /proc/x, source: x}]",
            "w.yaml:2:18: in a container the runtime's own files are at /proc/x",
            None,
        ),
        ("binary: a\nhealth: {interval: 3s}", "w.yaml:2:9: health needs one of 'command', 'http' and 'tcp'", None),
        ("binary: a\nhealth: {tcp: ':1', retries: 0}", "w.yaml:2:30: '0' isn't a number from 1 up", None),
        ("binary: a\nhealth: {tcp: ':1', interval: 3}", "w.yaml:2:31: '3' is no duration", None),
        (
            "binary: a\nhealth: {http: ':99999/x'}",
            "w.yaml:2:16: health: ':99999/x' names no port",
            "write [ADDRESS]:PORT, and for HTTP a path: :8080/healthz",
        ),
        ("binary: a\nhealth: {tcp: nowhere}", "w.yaml:2:15: health: 'nowhere' names no port", None),
        ("binary: a\nhealth: {tcp: 'here:80'}", "w.yaml:2:15: health: 'here' is not an address", None),
        ("binary: a\nhealth: {tcp: ':80/x'}", "w.yaml:2:15: health: ':80/x' has a path", None),
        (
            "binary: a\nhealth: {http: ':80/a b'}",
            "w.yaml:2:16: health: the path '/a b' has a character that no request may hold",
            "escape it by %XX",
        ),
        ("binary: a\nstop_signal: SIGFOO", "w.yaml:2:14: 'SIGFOO' is no signal", None),
        ("binary: a\nstop_signal: 65", "w.yaml:2:14: '65' is no signal", None),
        ("binary: a\nenv: {'A=B': c}", "w.yaml:2:7: env: 'A=B' can't be a name", "as in env: {NAME: value}"),
        ("binary: a\nenv: {'': c}", "w.yaml:2:7: env: '' can't be a name", None),
        ("binary: a\nlabels: {'': c}", "w.yaml:2:10: labels: '' can't be a name", None),
        (
            "binary: a\nentrypoint: ''",
            "w.yaml:2:13: entrypoint: there is no program",
            "leave the line out: the first binary is started",
        ),
        ("binary: a\nentrypoint: []", "w.yaml:2:13: entrypoint: there is no program", None),
        ('binary: a\nuser: "a\\nb"', "w.yaml:2:7: user: 'a\\nb' has characters that can't be printed", None),
        ('binary: a\nworkdir: "/a\\nb"', "w.yaml:2:10: workdir: '/a\\nb' has characters that can't be printed", None),
        (
            "binary: a\nfiles: ['x:/t', {content: y, target: /t}]",
            "w.yaml:2:17: /t is in the image already, by line 2",
            "leave one of the two out",
        ),
        (
            "binary: a\ncreated: 253402300800",
            "w.yaml:2:10: created: '253402300800' isn't seconds since 1970",
            "from 0 to the end of the year 9999",
        ),
        ("binary: a\nneeds: [zones]", "w.yaml:2:9: needs: 'zones': each is + or - and a need's name", None),
        ("binary: a\nplatforms: [a/b/c/d]", None, None),
        ("binary: a\ncompression: xz", "w.yaml:2:14: compression: 'xz' isn't known", "one of gzip, zstd, none"),
        ("binary: a\ncmd:", "w.yaml:2:5: 'cmd' has no value", None),
        ("binary: a\nbinary: b", "w.yaml:2:1: the key 'binary' stands here twice: in line 1 too", None),
        (
            "binary: ${X}",
            "w.yaml:1:9: the variable X isn't set",
            "whit build --build-arg X=VALUE, or a default: ${X:-VALUE}",
        ),
        ("binary: ${X:?say which}", "w.yaml:1:9: the variable X isn't set: say which", None),
        ("binary: $X", "w.yaml:1:9: a $ that begins no variable", "write ${NAME}, or $$ for a dollar"),
        ("name: a", "w.yaml:1:1: there is no binary", "name the executable: 'binary: ./server'"),
        ("name: UPPER\nbinary: a", None, None),
        ("- a", "w.yaml:1:1: the file is a list, and must be a mapping", None),
        ("binary: [a\n", "w.yaml:2:1: not valid YAML: did not find expected ',' or ']'", None),
        ("binary: !!python/object:os.system a", None, None),
        ("", "w.yaml is empty", None),
        (b"binary: \xff", "w.yaml:1: not valid UTF-8", None),
        (b"#" * (MAX_SIZE + 1), None, None),
        (
            "a: &a [x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdef", "bcdefg", strict=True)),
            None,
            None,
        ),
        ("binary: &a [*a]", None, None),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str | bytes, message: str | None, hint: str | None) -> None:
    said, what_to_do = told(text)
    assert said == message or message is None
    assert what_to_do == hint or hint is None
    assert said.startswith("w.yaml")
    assert "\n" not in said


AGREED: dict[str, tuple[list[object], list[object]]] = {
    "name": (["me/a:1", "localhost:5000/x", "${N}", ["a", "b.c/d"]], ["UPPER", "a b", "a:", ["a", "-"]]),
    "platforms": (["linux/arm64", "arm64", ["linux/arm/v7", "amd64"]], ["a/b/c/d", "nosuch", "linux/", ["a b"]]),
    "files": (
        [
            "a:/b",
            [
                "a:/b/",
                "x:/y:0644",
                {"target": "/t"},
                {"target": "/s/", "source": "x"},
                {"content": "c", "target": "/c", "mode": "0o755", "owner": 7},
            ],
        ],
        [
            "a",
            "a:b",
            ":/b",
            "a:/b:9",
            "a:/../b",
            ["a:/proc/x"],
            [{"source": "x"}],
            [{"target": "t"}],
            [{"target": "/sys"}],
            [{"target": "/a/./b"}],
            [{"target": "/a/.wh.b"}],
            [{"target": "/t", "mode": "9"}],
            [{"target": "/t", "owner": "me"}],
            [{"target": "/t", "owner": 4294967295}],
            [{"source": "a", "content": "b", "target": "/t"}],
            [{"target": "/t", "more": "x"}],
            7,
        ],
    ),
    "entrypoint": (["/x", ["/x", "-y"], "${X:-/x}"], ["", [], [""]]),
    "cmd": (["x", ["a", "", 1, True], []], [{"a": "b"}, None]),
    "env": ([{"A": "1", "B": 2}, ["A=1"], "A=b=c"], [{"A=B": "c"}, {"": "c"}, ["A"], ["=b"]]),
    "labels": ([{"a=b": "c"}, ["a="]], [{"": "c"}, ["a"]]),
    "annotations": ([{"a": "c"}], [{"": "c"}, [{"a": "b"}]]),
    "user": (["0", 7, "a:b"], ["a\nb"]),
    "workdir": (["/x", "${X:-/x}"], ["x", "/a\nb", 7]),
    "expose": ([80, "53/udp", ["1-2", "65535/sctp"]], [0, 65536, "99999", "a", "80/ip", ["1-70000"]]),
    "volumes": (["/data", ["/a/b"]], ["data", "/", "/a//b", ["/a/../b"]]),
    "stop_signal": (["SIGTERM", "hup".upper(), 9, "RTMIN+1"], ["SIGFOO", 65, 0, "SIG"]),
    "health": (
        [
            {"command": "x"},
            {"http": ":80/ok", "interval": "1m30s", "retries": 3},
            {"tcp": "127.0.0.1:5", "timeout": "0"},
            {"tcp": "[::1]:5", "start_period": 0},
        ],
        [
            {},
            {"command": "x", "tcp": ":1"},
            {"interval": "3s"},
            {"tcp": ":1", "retries": 0},
            {"tcp": ":1", "retries": 2147483648},
            {"tcp": ":1", "interval": 3},
            {"tcp": ":1", "timeout": "1 s"},
            {"http": ":99999/x"},
            {"tcp": "nowhere"},
            {"tcp": "here:80"},
            {"tcp": ":80/x"},
            {"http": ":80/a b"},
            {"tcp": ":1", "x": 1},
        ],
    ),
    "needs": (["+zones", "-mime", ["+tz,-mime", " +ca "]], ["zones", "+nosuch", ["-"], "+shm"]),
    "sources": (["host", "${S:-host}"], ["hosts", ["host"]]),
    "compression": (["none"], ["xz", ""]),
    "format": (["oci", "wasm", "${F:-wasm}"], ["docker", ""]),
    "seccomp": (["auto", "auto:kill", "auto:log", "default", "${S:-auto}"], ["strict", "auto:errno", "", True]),
    "add_calls": (["ptrace", ["ptrace", "mbind"], "${C:-ptrace}"], ["", ["no call"], "ptrace,mbind", [1]]),
    "created": ([0, "253402300799", "${C:-1}"], [-1, 253402300800, "1.5", "x", "253402300800"]),
    "variables": ([{"A_1": "x", "b": 7}], [{"1A": "x"}, {"a-b": "x"}, ["a"]]),
    "sysroot": (["/x", "x"], [["x"], None]),
    "x-mine": ([None, [1], "anything"], []),
    "nosuch": ([], ["x"]),
}
"""Of each key values that are well, and that aren't."""


@pytest.mark.parametrize(
    ("key", "value", "is_well"),
    [
        (key, value, is_well)
        for key, both in AGREED.items()
        for is_well, values in zip((True, False), both, strict=True)
        for value in values
    ],
)
def test_schema_and_reader_agree(key: str, value: object, is_well: bool) -> None:
    document = {"binary": "./x", key: value}
    text = json.dumps(document)
    by_schema = jsonschema.Draft202012Validator(SCHEMA).is_valid(document)
    try:
        root = locate(text.encode(), "w.yaml")
        read_frame(root)
        read(root, {**TARGET, "N": "a"})
    except BuildFileError:
        by_reader = False
    else:
        by_reader = True
    assert (by_schema, by_reader) == (is_well, is_well)


def test_the_schema_is_one_and_knows_every_key_and_need() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert (
        set(SCHEMA["properties"])
        == set(KEYS)
        == set(AGREED) - {"x-mine", "nosuch"} | {"names", "binary", "binaries", "from"}
    )
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for rule in RULES:
        signs = ("+", "-") if rule.name in GIVEN else ("-",)
        assert all(validator.is_valid({"binary": "x", "needs": f"{sign}{rule.name}"}) for sign in signs)


@pytest.mark.parametrize(
    "text",
    ["files: [x]", "files: ['x:/proc/y']", "files: ['x:/y:9']", "files: ['x:/../y']", "needs: [x]", "needs: [+shm]"],
)
def test_mistakes_name_the_files_own_keys(text: str) -> None:
    said, hint = told(f"binary: a\n{text}")
    assert "--" not in said + (hint or "")
    assert f" {text.partition(' ')[0]} " in said


def test_anchors_and_merges_are_taken() -> None:
    text = "x-common: &c {A: '1', B: '2'}\nbinary: a\nenv: {<<: *c, B: yes}\nlabels: {<<: [*c, {C: 0644}]}\n"

    file = read(locate(text.encode(), "w.yaml"), TARGET)

    assert file.env == ("B=yes", "A=1")
    assert file.labels == (("A", "1"), ("B", "2"), ("C", "0644"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a${X}b", "axb"),
        ("${Y:-o}", "o"),
        ("${E:-o}", "o"),
        ("${E-o}", ""),
        ("$${X}", "${X}"),
        ("${Y-}", ""),
        ("${X:-}", "x"),
    ],
)
def test_variables_are_replaced(text: str, wanted: str) -> None:
    file = read(locate(f"binary: b\ncmd: ['{text}']".encode(), "w.yaml"), {"X": "x", "E": ""})
    assert file.cmd == (wanted,)


def test_a_command_tells_health_as_docker_does() -> None:
    shell = read(locate(b"binary: a\nhealth: {command: x || y, retries: 2, timeout: 1s}", "w.yaml"), {})
    words = read(locate(b"binary: a\nhealth: {command: [/x, -y]}", "w.yaml"), {})
    assert shell.health == HealthCheck(("CMD-SHELL", "x || y"), timeout=10**9, retries=2)
    assert words.health == HealthCheck(("CMD", "/x", "-y"))


@given(st.binary(max_size=60) | st.text(alphabet="abinary:{}[]&*<-!|>'\"$ \n\t#,x/", max_size=80).map(str.encode))
@example(b"binary: a\n? [x]\n: y\n")
@example(b"<<: *x")
@example(b"--- a\n--- b\n")
@example(b"binary: '${X'")
def test_whatever_the_bytes_are_it_is_a_build_file_or_a_mistake(data: bytes) -> None:
    try:
        whole(data)
    except BuildFileError as error:
        assert error.message.startswith("w.yaml")  # noqa: PT017 - an error is allowed, not asked for
