"""A build file for one platform → what the packer packs. Pure."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from whit.packer.image.spec import PackOptions
from whit.packer.pipeline import Order
from whit.packer.resolution.choices import Choices, SourceChoice, parse_needs
from whit.packer.support.errors import UsageError
from whit.packer.support.light import replace

if TYPE_CHECKING:
    from whit.packer.buildfile.whityaml.model import BuildFile
    from whit.packer.image.platform import Platform


def order_of(file: BuildFile, folder: str, platform: Platform | None, created: int) -> Order:
    """The order; paths are relative to ``folder``, ``created`` is SOURCE_DATE_EPOCH unless the file says otherwise.

    Raises :class:`UsageError` where calls are added to no filter.
    """
    if file.added_calls and file.refusal is None:
        raise UsageError("add_calls: there is no filter that calls could be added to", hint="as in seccomp: auto")
    first, *others = file.binaries
    return Order(
        path=posixpath.join(folder, first.path),
        options=PackOptions(
            path_in_image=first.target,
            entrypoint=file.entrypoint,
            cmd=file.cmd,
            env=file.env,
            user=file.user,
            working_dir=file.working_dir,
            labels=file.labels,
            exposed_ports=file.exposed_ports,
            annotations=file.annotations,
            volumes=file.volumes,
            stop_signal=file.stop_signal,
            health=file.health,
            created=created if file.created is None else file.created,
            compression=file.compression,
            as_artifact=file.as_artifact and (platform is None or platform.is_wasm),
            # Beside others: a module alone is refused, for it makes none.
            refusal=None if platform and platform.is_wasm else file.refusal,
            added_calls=() if platform and platform.is_wasm else file.added_calls,
        ),
        choices=Choices(
            SourceChoice(file.sources),
            file.sysroot and posixpath.join(folder, file.sysroot),
            parse_needs(file.needs) if file.needs else (),
            tuple(replace(each, source=each.source and posixpath.join(folder, each.source)) for each in file.files),
        ),
        others=tuple((posixpath.join(folder, other.path), other.target) for other in others),
        base=file.base,
        platform=platform,
    )
