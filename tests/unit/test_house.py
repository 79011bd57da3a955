"""The house keeps its own rules: who imports whom, what pure means, how long files and functions get."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("packer", "runtime", "toolchains")
MAY_IMPORT = {"packer": {"packer"}, "runtime": {"packer", "runtime"}, "toolchains": {"packer", "toolchains"}}
SEES_ALL = Path("runtime/cli.py")
IMPURE = {"os", "subprocess", "socket"}
PURE = (
    "packer/buildfile/build/modes.py",
    "packer/buildfile/build/steps.py",
    "packer/buildfile/dockerfile/*.py",
    "packer/buildfile/whityaml/*.py",
    "packer/closure/*.py",
    "packer/elf/*.py",
    "packer/executable/analyse.py",
    "packer/executable/analysis.py",
    "packer/image/annotations.py",
    "packer/image/callsclaim.py",
    "packer/image/based.py",
    "packer/image/comparing.py",
    "packer/image/converted.py",
    "packer/image/filtering.py",
    "packer/image/oci.py",
    "packer/image/overlaying.py",
    "packer/image/platform.py",
    "packer/image/probes.py",
    "packer/image/reference.py",
    "packer/image/spec.py",
    "packer/lint/[!af]*.py",
    "packer/lint/files.py",
    "packer/needs/*.py",
    "packer/registry/challenge.py",
    "packer/registry/dockerconfig.py",
    "packer/registry/headers.py",
    "packer/registry/locations.py",
    "packer/registry/model.py",
    "packer/registry/names.py",
    "packer/registry/registriesconf.py",
    "packer/registry/retry.py",
    "packer/registry/tree.py",
    "packer/resolution/model.py",
    "packer/resolution/resolve.py",
    "packer/showing/ages.py",
    "packer/showing/escaping.py",
    "packer/showing/tabular.py",
    "packer/supply/c*.py",
    "packer/supply/distro.py",
    "packer/supply/osv.py",
    "packer/supply/provenance.py",
    "packer/supply/purl.py",
    "packer/supply/s[beip]*.py",
    "packer/supply/versions.py",
    "packer/support/filters.py",
    "packer/support/goquoted.py",
    "packer/support/signals.py",
    "packer/support/times.py",
    "packer/syscalls/[!o]*.py",
    "packer/syscalls/arm64/*.py",
    "packer/syscalls/x86/*.py",
    "packer/tar/header.py",
    "packer/tar/member.py",
    "packer/tar/sparse.py",
    "packer/tar/write.py",
    "packer/template/*.py",
    "packer/wasm/*.py",
    "runtime/building/bundle.py",
    "runtime/bundle/[dfps]*.py",
    "runtime/building/wire.py",
    "runtime/capabilities.py",
    "runtime/cgroup.py",
    "runtime/compose/model/*.py",
    "runtime/compose/model/keys/*.py",
    "runtime/compose/commands/chosen.py",
    "runtime/compose/graph/*.py",
    "runtime/compose/[klmnpw]*.py",
    "runtime/devfiles.py",
    "runtime/encode.py",
    "runtime/engine/ages.py",
    "runtime/engine/columns.py",
    "runtime/engine/eventform.py",
    "runtime/engine/exposition.py",
    "runtime/engine/further.py",
    "runtime/engine/healthlog.py",
    "runtime/engine/limiting.py",
    "runtime/engine/logdetails.py",
    "runtime/engine/loglines.py",
    "runtime/engine/mounting.py",
    "runtime/engine/names.py",
    "runtime/engine/networks/[dhps]*.py",
    "runtime/engine/networks/joining.py",
    "runtime/engine/networks/making.py",
    "runtime/engine/networks/model.py",
    "runtime/engine/networks/rules.py",
    "runtime/engine/restorable.py",
    "runtime/engine/secretform.py",
    "runtime/engine/sharing.py",
    "runtime/engine/units.py",
    "runtime/engine/usageform.py",
    "runtime/engine/usedform.py",
    "runtime/engine/users.py",
    "runtime/engine/viewing.py",
    "runtime/engine/volumeform.py",
    "runtime/mounts.py",
    "runtime/oci/arguments.py",
    "runtime/oci/cgroups.py",
    "runtime/oci/compile.py",
    "runtime/oci/devices.py",
    "runtime/oci/fields.py",
    "runtime/oci/filesystem.py",
    "runtime/oci/lifecycle.py",
    "runtime/oci/linux.py",
    "runtime/oci/model.py",
    "runtime/oci/mountspec.py",
    "runtime/oci/namespaces.py",
    "runtime/oci/process.py",
    "runtime/oci/resources.py",
    "runtime/oci/spec.py",
    "runtime/opcodes.py",
    "runtime/pflags.py",
    "runtime/plain.py",
    "runtime/plan.py",
    "runtime/scaleout/kubernetes/[cdefgkmnpqs]*.py",
    "runtime/scaleout/kubernetes/wa*.py",
    "runtime/scaleout/kubernetes/wo*.py",
    "runtime/scaleout/swarm/[nopstv]*.py",
    "runtime/scaleout/swarm/dialect.py",
    "runtime/scaleout/swarm/mounting.py",
    "runtime/scaleout/swarm/words.py",
    "runtime/seccomp/*.py",
    "runtime/trace/calls.py",
    "runtime/trace/duration.py",
    "runtime/trace/known.py",
    "runtime/trace/plan.py",
    "runtime/trace/report.py",
    "runtime/trace/sightings.py",
    "runtime/trace/verdict.py",
    "runtime/wasm/settings.py",
    "toolchains/choosing.py",
    "toolchains/detect.py",
    "toolchains/go*.py",
    "toolchains/languages.py",
    "toolchains/model.py",
    "toolchains/rust*.py",
    "toolchains/zigcc.py",
)
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

SOURCES = sorted(path.relative_to(ROOT) for part in PARTS for path in (ROOT / part).rglob("*.py"))
TESTS = sorted(path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py"))
NATIVE = sorted(path.relative_to(ROOT) for folder in ("runtime", "tests") for path in (ROOT / folder).rglob("*.[ch]"))


def _tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_bytes(), filename=str(path))


def _imports(path: Path) -> set[str]:
    """Every module that the file imports, anywhere in it, by its whole name."""
    found: set[str] = set()
    package = ("whit", *path.parent.parts)
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            found.add(module)
            found.update(f"{module}.{name.name}" for name in node.names if module in {"whit", *IMPURE})
    return found


def _parts_imported(path: Path) -> set[str]:
    names = [module.split(".") for module in _imports(path)]
    inside = {name[1] for name in names if name[0] == "whit" and len(name) > 1}
    bare = {name[0] for name in names if name[0] in PARTS}
    return inside | {f"bare {name}" for name in bare}


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_a_part_imports_only_what_it_may(path: Path) -> None:
    allowed = set(PARTS) if path == SEES_ALL else MAY_IMPORT[path.parts[0]]
    assert _parts_imported(path) <= allowed


def test_a_pure_module_reaches_nothing_outside_itself() -> None:
    pure = {path.relative_to(ROOT) for pattern in PURE for path in ROOT.glob(pattern)}
    impure = {
        str(path): sorted(reached)
        for path in sorted(pure)
        if (reached := {module.split(".")[0] for module in _imports(path)} & IMPURE)
    }
    assert impure == {}


def test_every_folder_with_code_is_packaged() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = set(project["tool"]["setuptools"]["packages"])
    folders = {f"whit.{'.'.join(path.parent.parts)}" for path in SOURCES if path.name == "__init__.py"}
    assert declared == folders


def test_every_module_sits_in_a_package() -> None:
    bare = {
        str(path)
        for path in SOURCES
        if not (ROOT / path.parent / "__init__.py").exists() and path.parts[1] != "launcher"
    }
    assert bare == set()


@pytest.mark.parametrize("path", [*SOURCES, *TESTS, *NATIVE], ids=str)
def test_a_file_can_be_read_at_a_sitting(path: Path) -> None:
    assert len((ROOT / path).read_text().splitlines()) <= MAX_FILE_LINES


def test_a_function_can_be_seen_whole() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path in [*SOURCES, *TESTS]
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= MAX_FUNCTION_LINES
    ]
    assert long == []


def test_help_starts_without_what_only_commands_need() -> None:
    program = (
        "import sys\n"
        "from whit.runtime.cli import root\n"
        "root.main(['--help'], standalone_mode=False)\n"
        "print('modules:', *sys.modules)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd="/", capture_output=True, text=True, check=True)
    shown, _, modules = result.stdout.partition("modules:")
    loaded = set(modules.split())
    assert "Commands:" in shown
    assert {name for name in loaded if name.split(".")[0] in {"lief", "elftools", "yaml", "isal", "certifi"}} == set()
    assert {name for name in loaded if name.startswith("whit.") and ".commands" in name} == set()
    # What its time goes into: no more than click and what says what went wrong.
    ours = {name for name in loaded if name.startswith("whit.")}
    assert ours <= {f"whit.{name}" for name in _HELP_S}
    assert shown.index("Common Commands:") < shown.index("Management Commands:") < shown.index("\nCommands:")


_HELP_S = (
    "packer",
    "packer.support",
    "packer.support.errors",
    "packer.support.imagepath",
    "packer.support.light",
    "runtime",
    "runtime.cli",
    "runtime.groups",
)


def test_each_command_that_help_lists_is_there_and_says_what_it_does() -> None:
    from whit.runtime.cli import COMMANDS, root  # noqa: PLC0415 - the commands are loaded here, and only here

    context = root.make_context("whit", ["--help"], resilient_parsing=True)
    for verb, (_, line) in COMMANDS.items():
        command = root.get_command(context, verb)
        assert command is not None, verb
        assert command.get_short_help_str(), f"{verb} has no help of its own"
        assert line[0].isupper(), f"{verb}'s line in the list: {line}"
        assert not line.endswith("."), f"{verb}'s line in the list: {line}"


def test_a_group_s_verbs_are_there_and_each_has_one_module() -> None:
    from whit.runtime.cli import COMMANDS, root  # noqa: PLC0415 - as above
    from whit.runtime.groups import GROUPS, Managing, group_table  # noqa: PLC0415

    context = root.make_context("whit", ["--help"], resilient_parsing=True)
    for name in GROUPS:
        group = root.get_command(context, name)
        assert isinstance(group, Managing)
        for verb in group.list_commands(context):
            command = group.get_command(context, verb)
            assert command is not None, f"{name} {verb}"
            assert command.get_short_help_str(), f"{name} {verb} has no help of its own"
        assert group_table(name, COMMANDS).items() <= {**COMMANDS, **group.table}.items()
    assert root.get_command(context, "nothing") is None
