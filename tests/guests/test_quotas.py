"""Quotas by size on a file system that has them, ext4 in a guest: Debian's kernel can, whatever this machine's. Slow: ``make guests``."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import BUSYBOX, Engine
from tests.vm.cases import run_cases
from tests.vm.installed import VENV, installed_whit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.vm.cases import Case

pytestmark = [
    pytest.mark.root,
    pytest.mark.peer(
        "qemu-system-x86_64", "guest-kernel", "guest-loop", "guest-quota", "mkfs.ext4", "busybox-static", "busybox"
    ),
]

SCRIPT = r"""
export PATH=@VENV@/bin:$PATH
mkdir /plain /quota
mount -t ext4 -o loop /plain.img /plain
mount -t ext4 -o loop,prjquota /quota.img /quota
cp -a @ROOT@ /quota/store
project() { python -c 'import sys; from pathlib import Path; from whit.runtime.engine import quota; print(quota.project_of(Path(sys.argv[1])))' $1; }
free() { python -c 'import os, sys; from whit.runtime.engine import quota; print(quota._is_free(os.open("/quota", os.O_RDONLY), int(sys.argv[1])))' $1; }
in_box() { whit run --rm --network none "$@"; }
WHIT_ROOT=/plain/store case_of refused whit volume create --opt size=1m small
WHIT_ROOT=/tmp/store case_of memory whit volume create --opt size=1m small
WHIT_ROOT=/plain/store case_of left ls -A /plain/store/volumes
export WHIT_ROOT=/quota/store
case_of made whit volume create --opt size=2m small
number=$(project /quota/store/volumes/small/data)
case_of full in_box -v small:/d busybox sh -c 'dd if=/dev/zero of=/d/x bs=64k count=64; wc -c < /d/x; stat -f -c "%b %S" /d'
case_of removed whit volume rm small
case_of lifted free $number
case_of content whit volume create --opt size=1m content
case_of copied in_box -v content:/etc busybox sh -c 'cut -d: -f1 /etc/passwd | head -1'
case_of free whit volume create free
case_of whole in_box -v free:/d busybox sh -c 'dd if=/dev/zero of=/d/x bs=64k count=64; wc -c < /d/x'
case_of container whit run -d --name box --network none --writable -u 0 --storage-opt size=1m busybox sh -c 'dd if=/dev/zero of=/x bs=64k count=64; wc -c < /x; rm /x; mkdir /etc/new; mv /etc/passwd /etc/new/passwd && echo moved'
case_of waited whit wait box
case_of logs whit logs box
case_of told whit inspect --format '{{.HostConfig.StorageOpt.size}}' box
number=$(project $(echo /quota/store/containers/*/upper))
case_of gone whit rm -f box
case_of given free $number
"""


@pytest.fixture(scope="module")
def cases(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    folder = tmp_path_factory.mktemp("whit")
    engine = Engine(whit, folder / "root")
    engine("pack", BUSYBOX, "-t", "busybox")
    features = {"plain": (), "quota": ("-O", "quota,project", "-E", "quotatype=prjquota")}
    disks = {f"/{name}.img": folder / name for name in features}
    for name, options in features.items():
        subprocess.run(["mkfs.ext4", "-q", *options, folder / name, "24M"], check=True)
    trees = [path for path in sorted(engine.root.rglob("*")) if path.is_symlink() or path.is_file() or path.is_dir()]
    script = SCRIPT.replace("@VENV@", str(VENV)).replace("@ROOT@", str(engine.root))
    return run_cases(script, disks, trees=[*installed_whit(), engine.root, *trees], timeout=600)


def test_where_there_are_none_the_file_system_and_what_it_lacks_are_told(cases: dict[str, Case]) -> None:
    why, hint = cases["refused"].lines
    assert why == (
        "whit: --opt size=1m: the file system of /plain/store/volumes, ext4, has no quotas by project as it is mounted"
    )
    assert hint == (
        "hint: as root, while it isn't mounted: tune2fs -O quota,project /dev/loop0; then mount it with prjquota"
    )
    assert (
        cases["memory"].lines[1].startswith("hint: ext4 and xfs have them; a volume in memory has a size: --opt type=")
    )
    assert cases["left"].lines == [".lock"]


def test_a_volume_takes_as_much_as_was_asked_for_and_no_more(cases: dict[str, Case]) -> None:
    assert cases["made"].status == 0, cases["made"].said
    written, shown = cases["full"].lines[-2:]
    assert "Disk quota exceeded" in cases["full"].said or "No space left" in cases["full"].said
    assert 1 << 20 < int(written) <= 2 << 20
    blocks, size = map(int, shown.split())
    assert blocks * size == 2 << 20
    assert int(cases["whole"].lines[-1]) == 4 << 20


def test_its_limit_goes_with_it(cases: dict[str, Case]) -> None:
    assert (cases["removed"].status, cases["lifted"].lines) == (0, ["True"])
    assert (cases["gone"].status, cases["given"].lines) == (0, ["True"])


def test_what_the_image_has_is_copied_into_a_volume_of_a_size(cases: dict[str, Case]) -> None:
    assert (cases["copied"].status, cases["copied"].lines) == (0, ["root"]), cases["copied"].said


def test_what_a_container_writes_to_its_root_is_limited(cases: dict[str, Case]) -> None:
    assert cases["container"].status == 0, cases["container"].said
    *_, written, moved = cases["logs"].lines
    assert (0 < int(written) <= 1 << 20, moved) == (True, "moved")
    assert cases["told"].lines == [str(1 << 20)]
