"""Where certificates and zones come from: the same files, in the same order, with a word on their origin."""

from __future__ import annotations

import pytest

from tests.unit.packer.analyses import host
from whit.packer.resolution.choices import SourceChoice
from whit.packer.resolution.sources import HERE, certificates, zones
from whit.packer.store.filetree import HostTree
from whit.packer.support.errors import NotFoundError

PACKAGES, HOST = SourceChoice.PACKAGES, SourceChoice.HOST


def test_certificates_come_from_certifi_with_its_version() -> None:
    found = certificates(host(), PACKAGES)
    assert found.origin == "certifi 2026.10.18"
    [(path, file)] = found.files
    assert (path, file.path) == ("/etc/ssl/certs/ca-certificates.crt", "/site/certifi/cacert.pem")


def test_certificates_of_the_host_stand_where_programs_look_wherever_the_host_has_them() -> None:
    found = certificates(host({"/etc/pki/tls/certs/ca-bundle.crt": b"PEM"}), HOST)
    assert found.origin == "host /etc/pki/tls/certs/ca-bundle.crt"
    assert [path for path, _ in found.files] == ["/etc/ssl/certs/ca-certificates.crt"]


def test_zones_are_the_zone_files_alone_sorted() -> None:
    found = zones(host(), PACKAGES)
    assert found.origin == "tzdata 2026.6"
    assert [path for path, _ in found.files] == [
        "/usr/share/zoneinfo/Etc/GMT+1",
        "/usr/share/zoneinfo/Europe/Berlin",
        "/usr/share/zoneinfo/UTC",
    ]


def test_zones_of_the_host_leave_out_its_copies_and_its_own_choice() -> None:
    names = ("Europe/Berlin", "posix/Europe/Berlin", "right/Europe/Berlin", "localtime", "posixrules", "tzdata.zi")
    found = zones(host({f"/usr/share/zoneinfo/{name}": b"TZif" for name in names}), HOST)
    assert [path for path, _ in found.files] == ["/usr/share/zoneinfo/Europe/Berlin"]


@pytest.mark.parametrize("choice", [PACKAGES, HOST])
def test_a_source_that_is_not_there_is_named_with_its_cure(choice: SourceChoice) -> None:
    nothing = host(packages=None)
    for source in (certificates, zones):
        with pytest.raises(NotFoundError) as raised:
            source(nothing, choice)
        assert raised.value.hint


def test_the_installed_packages_hold_what_they_should() -> None:
    [(_, bundle)] = certificates(HERE, PACKAGES).files
    assert bundle.size > 100_000
    names = {path.removeprefix("/usr/share/zoneinfo/") for path, _ in zones(HERE, PACKAGES).files}
    assert {"Europe/Berlin", "US/Eastern", "UTC", "Etc/GMT+12", "GB", "America/Argentina/Buenos_Aires"} <= names
    assert all(HostTree().read(file.path)[:4] == b"TZif" for _, file in zones(HERE, PACKAGES).files)
