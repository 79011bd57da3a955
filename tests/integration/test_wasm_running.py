"""Images of WebAssembly are run, whoever wrote them: whit's two forms, runwasi's older one, and what their documents say."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.compiled import compiled
from tests.peers.registry import docker_registry
from tests.programs.build import build
from tests.programs.components import command_component, http_component
from whit.packer.image.oci import CONFIG, MANIFEST, WASM_CONFIG, WASM_LAYER, WASM_LAYERS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

pytestmark = pytest.mark.usefixtures("wasm_engine")

ARGS = "{}\nargs\nx\n"


@pytest.fixture(scope="module")
def program() -> Path:
    return build("wasi", "wasm-c", flags=("-g",))


def done(run_whit: RunWhit, *words: str | Path, root: Path | None = None) -> str:
    result = run_whit(*words, root=root)
    assert result.returncode == 0, result.stderr
    return result.stdout


def foreign(
    run_whit: RunWhit, tmp_path: Path, program: bytes, layer: str, config: dict[str, Any], kind: str, **more: Any
) -> str:
    """An image in the store as somebody else's tool writes it: the program is the layer, whatever it is."""
    blobs = tmp_path / "foreign" / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes, media_type: str) -> dict[str, Any]:
        digest = sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": put(json.dumps(config).encode(), kind),
        "layers": [{**put(program, layer), **more}],
    }
    index = {"schemaVersion": 2, "manifests": [put(json.dumps(manifest).encode(), MANIFEST)]}
    (tmp_path / "foreign" / "index.json").write_text(json.dumps(index))
    (tmp_path / "foreign" / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    done(run_whit, "copy", f"oci:{tmp_path}/foreign", "store:foreign:1")
    return "foreign:1"


@pytest.mark.parametrize("form", ["oci", "wasm"])
def test_both_forms_run_as_the_file_does(run_whit: RunWhit, program: Path, form: str) -> None:
    done(run_whit, "pack", "--format", form, "-t", "me/app:1", program)

    assert done(run_whit, "run", "me/app:1", "args", "x") == ARGS.format(f"/{program.name}")
    assert run_whit("run", "me/app:1", "exit", "7").returncode == 7


@pytest.fixture(scope="module")
def component(program: Path) -> Path:
    return compiled(lambda: command_component(program, "wasi"))


def test_the_artifact_of_a_component_says_what_inspect_says(run_whit: RunWhit, component: Path, tmp_path: Path) -> None:
    inspected = json.loads(done(run_whit, "inspect", "--json", component))["wasm"]
    done(run_whit, "pack", "--format", "wasm", "-o", f"{tmp_path}/layout/", component)

    blobs = [path.read_bytes() for path in (tmp_path / "layout/blobs/sha256").iterdir()]
    config = next(json.loads(data) for data in blobs if data.startswith(b"{") and b"layerDigests" in data)

    assert (config["os"], config["architecture"]) == ("wasip2", "wasm")
    assert config["component"]["imports"] == inspected["imports"]
    assert config["component"]["exports"] == inspected["exports"]
    assert config["component"]["target"] == inspected["world"]
    assert inspected["world"].startswith("wasi:cli/command@0.2.")
    assert inspected["foreign"] == []


@pytest.mark.peer("docker-registry")
@pytest.mark.parametrize("form", ["oci", "wasm"])
def test_both_forms_are_pulled_and_run(run_whit: RunWhit, program: Path, tmp_path: Path, form: str) -> None:
    with docker_registry(tmp_path / "registry") as registry:
        name = f"{registry.name}/me/app:{form}"
        done(run_whit, "pack", "--format", form, "-t", name, program)
        done(run_whit, "push", name)

        ran = run_whit("run", name, "args", "x", root=tmp_path / "other")

    assert (ran.returncode, ran.stdout) == (0, ARGS.format(f"/{program.name}"))


def test_what_an_image_says_of_its_program_holds(run_whit: RunWhit, program: Path) -> None:
    done(run_whit, "pack", "-t", "me/app:1", "-e", "GIVEN=1", "--cmd", "env", program)

    assert "GIVEN=1" in done(run_whit, "run", "me/app:1").splitlines()


def test_images_of_runwasi_from_before_the_artifact_run(run_whit: RunWhit, program: Path, tmp_path: Path) -> None:
    config = {
        "os": "wasip1",
        "architecture": "wasm",
        "config": {"Entrypoint": ["demo.wasm"], "Cmd": ["args", "x"], "Labels": {"containerd.runwasi.layers": "x"}},
        "rootfs": {"type": "layers", "diff_ids": []},
    }
    image = foreign(run_whit, tmp_path, program.read_bytes(), WASM_LAYERS[1], config, CONFIG)

    assert done(run_whit, "run", image) == ARGS.format("/module.wasm")


def test_an_artifact_with_null_members_as_oci_wasm_writes_them_runs(
    run_whit: RunWhit, program: Path, tmp_path: Path
) -> None:
    data = program.read_bytes()
    config = {
        "created": "2024-06-25T15:58:49.377917735Z",
        "author": None,
        "architecture": "wasm",
        "os": "wasip1",
        "layerDigests": [f"sha256:{sha256(data).hexdigest()}"],
        "component": None,
    }
    image = foreign(run_whit, tmp_path, data, WASM_LAYER, config, WASM_CONFIG)

    assert done(run_whit, "run", image, "args", "x") == ARGS.format("/module.wasm")


def test_a_title_leads_nowhere_out_of_the_image(run_whit: RunWhit, program: Path, tmp_path: Path) -> None:
    title = {"annotations": {"org.opencontainers.image.title": "../../etc/shadow"}}
    image = foreign(run_whit, tmp_path, program.read_bytes(), WASM_LAYER, {}, WASM_CONFIG, **title)

    assert done(run_whit, "run", image, "args", "x") == ARGS.format("/module.wasm")


def test_an_artifact_that_holds_another_program_runs_none(run_whit: RunWhit, tmp_path: Path) -> None:
    """Given what calls itself WebAssembly and is native, when it is run, then it isn't run as what it is."""
    native = build("exit", "c-musl", stripped=True).read_bytes()
    image = foreign(run_whit, tmp_path, native, WASM_LAYER, {"os": "wasip1", "architecture": "wasm"}, WASM_CONFIG)

    ran = run_whit("run", image)

    assert ran.returncode != 0
    assert ran.stderr.startswith("whit: /module.wasm is to be run as WebAssembly, and is none\nhint: ")


def test_a_function_is_called_by_its_name(run_whit: RunWhit, tmp_path: Path, program: Path) -> None:
    """Given runwasi's path#function as an entrypoint, then that one is called, of a library after its _initialize."""
    from wasmtime import wat2wasm  # noqa: PLC0415 - where the compiler isn't, neither are these tests

    library = tmp_path / "library.wasm"
    library.write_bytes(
        bytes(
            wat2wasm("""(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1) (global $set (mut i32) (i32.const 1))
            (func (export "_initialize") (global.set $set (i32.const 40)))
            (func (export "add, two") (result i32) (call $exit (i32.add (global.get $set) (i32.const 2))) (i32.const 0))
            (func (export "wants") (param i32))
            (func (export "nothing") (result i64 f32) (i64.const 1) (f32.const 2)))""")
        )
    )
    done(run_whit, "pack", "-t", "me/library:1", library)

    def called(function: str) -> tuple[int, str]:
        ran = run_whit("run", "--network", "none", "--entrypoint", f"/library.wasm#{function}", "me/library:1")
        line, *hints = ran.stderr.splitlines() or [""]
        assert all("calls one of its own: _initialize, add, two, nothing" in hint for hint in hints), ran.stderr
        return ran.returncode, line.removeprefix(f"whit: /library.wasm#{function}: ")

    assert called("add, two") == (42, "")
    assert called("nothing") == (0, "")
    assert called("wants") == (126, "its function wants wants arguments, and only one without can be called")
    assert called("missing") == (126, "it has no function missing")
    assert called("_start")[1].startswith("it has no function _start: it is a library, not a program")

    path = f"/{program.name}"
    done(run_whit, "pack", "-t", "me/app:1", program)
    usual = run_whit("run", "--entrypoint", f"{path}#_start", "me/app:1", "args")
    assert (usual.returncode, usual.stdout) == (0, f"{path}#_start\nargs\n"), usual.stderr


def test_a_function_of_a_component_is_called_by_its_name_and_none_of_a_service(
    run_whit: RunWhit, tmp_path: Path
) -> None:
    from wasmtime import wat2wasm  # noqa: PLC0415

    path = tmp_path / "component.wasm"
    path.write_bytes(
        bytes(
            wat2wasm("""(component
            (core module $m (func (export "well") (result i32) i32.const 0) (func (export "badly") (result i32) i32.const 1) (func (export "trap") unreachable))
            (core instance $i (instantiate $m))
            (func (export "well") (result (result)) (canon lift (core func $i "well")))
            (func (export "badly") (result (result)) (canon lift (core func $i "badly")))
            (func (export "trap") (canon lift (core func $i "trap"))))""")
        )
    )
    done(run_whit, "pack", "-t", "me/component:1", path)
    codes = [
        run_whit("run", "--network", "none", "--entrypoint", f"/component.wasm#{function}", "me/component:1").returncode
        for function in ("well", "badly", "trap", "missing")
    ]
    assert codes == [0, 1, 134, 126]
    service = http_component()
    done(run_whit, "pack", "-t", "me/service:1", service)
    refused = run_whit("run", "--entrypoint", f"/{service.name}#well", "me/service:1")
    assert "it is an HTTP service, which answers requests" in refused.stderr


def test_one_name_for_linux_and_wasi_runs_natively_unless_the_other_is_asked_for(
    run_whit: RunWhit, program: Path
) -> None:
    native = build("exit", "c-musl", stripped=True)
    done(run_whit, "pack", "-t", "me/app:linux", native)
    done(run_whit, "pack", "-t", "me/app:wasi", program)
    done(run_whit, "manifest", "create", "me/app:1", "me/app:wasi", "me/app:linux")

    shown = json.loads(done(run_whit, "inspect", "--type", "image", "me/app:1"))[0]
    refused = run_whit("run", "--platform", "linux/arm64", "me/app:wasi")

    assert (shown["Os"], shown["Config"]["Entrypoint"]) == ("linux", [f"/{native.name}"])
    assert done(run_whit, "run", "--platform", "wasi/wasm", "me/app:1", "args") == f"/{program.name}\nargs\n"
    assert run_whit("run", "me/app:1", "3").returncode == run_whit("run", native, "3").returncode
    assert refused.returncode != 0
    assert refused.stderr == "whit: me/app:wasi has nothing for linux/arm64\nhint: it is for wasi/wasm\n"
