"""A WebAssembly file as the CNCF's Wasm OCI artifact: the module itself as the only layer, its world in the configuration. Pure.

Source: CNCF TAG Runtime, "Wasm OCI Artifact layout".
"""

from __future__ import annotations

from whit.packer.executable.analysis import Format
from whit.packer.image.platform import Platform
from whit.packer.image.spec import Compression, PackOptions
from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace

if TYPE_CHECKING:
    from whit.packer.executable.file import Executable
    from whit.packer.image.spec import ImageSpec
    from whit.packer.resolution.model import Resolution

_NOTHING_BESIDE = (
    ("arguments", "arguments"),
    ("cmd", "a command"),
    ("env", "variables"),
    ("user", "a user"),
    ("working_dir", "a working directory"),
    ("labels", "labels"),
    ("exposed_ports", "ports"),
    ("path_in_image", "a path of its own"),
    ("entrypoint", "an entrypoint"),
    ("volumes", "a volume"),
    ("stop_signal", "a stop signal"),
    ("health", "a health check"),
)


@dataclass(frozen=True, slots=True)
class Artifact:
    """What the artifact says of its module; of a component its world too, ``target`` where it is a known one."""

    os: str
    is_component: bool = False
    imports: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    target: str | None = None


def as_artifact(spec: ImageSpec, executable: Executable, resolution: Resolution, options: PackOptions) -> ImageSpec:
    """The specification of an artifact in place of an image's.

    Raises :class:`UsageError` for what is no WebAssembly, and for everything that an artifact has no place for.
    """
    wasm = executable.analysis.wasm
    if wasm is None:
        raise UsageError(
            f"format wasm: {executable.path} is no WebAssembly", hint="without it an image is made of the program"
        )
    usual = PackOptions()
    extra = [name for field, name in _NOTHING_BESIDE if getattr(options, field) != getattr(usual, field)]
    if len(spec.layers) > 1 or resolution.files:
        extra.append("anything beside it")
    if options.compression is Compression.ZSTD:
        extra.append("compression by zstd")
    if extra:
        raise UsageError(
            f"format wasm: the artifact holds the module and nothing else, so not {', '.join(extra)}",
            hint="leave it to who runs the artifact, or pack an image, without the format",
        )
    is_component = executable.analysis.format is Format.WASM_COMPONENT
    system = "wasip2" if is_component else "wasip1"
    artifact = Artifact(system)
    if is_component:
        artifact = Artifact(system, is_component, wasm.imports, wasm.exports, wasm.world)
    return replace(spec, platform=Platform(system, "wasm"), artifact=artifact)
