"""What a trace makes of what it saw: what matters, what is noise, and what brings what was missed."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from whit.packer.needs import RULES
from whit.packer.resolution.choices import GIVEN
from whit.runtime.trace.calls import Deed
from whit.runtime.trace.known import OTHERWISE, family
from whit.runtime.trace.sightings import Execution, Sightings
from whit.runtime.trace.verdict import Context, Findings, ImageFile, Judged, Lacking, Weight, judge

PATH = ("/usr/local/bin", "/usr/bin", "/bin")


@dataclass(frozen=True)
class Machine:
    """A machine of the test's."""

    files: frozenset[str] = frozenset()
    programs: dict[str, str] = field(default_factory=dict)
    dynamic: frozenset[str] = frozenset()
    here: dict[str, str] = field(default_factory=dict)
    folders: frozenset[str] = frozenset()

    def is_directory(self, path: str) -> bool:
        return path in self.folders

    def nearby(self, path: str) -> str | None:
        return self.here.get(path)

    def has(self, path: str) -> bool:
        return path in self.files

    def find_program(self, name: str) -> str | None:
        return self.programs.get(name)

    def is_dynamic(self, path: str) -> bool:
        return path in self.dynamic


def seen(
    *items: tuple[Deed, str, bool], creates: tuple[str, ...] = (), real: dict[str, str] | None = None
) -> Sightings:
    """Sightings of (deed, path, whether it was there)."""
    sightings = Sightings()
    for deed, path, there in items:
        sighting = sightings.sighting(deed, path)
        assert sighting is not None
        sighting.there += there
        sighting.missing += not there
        sighting.real = (real or {}).get(path, path) if there else ""
        sighting.creates |= path in creates
        sighting.programs.add("/server")
    return sightings


def found(
    sightings: Sightings,
    *,
    machine: Machine | None = None,
    image: tuple[ImageFile, ...] = (),
    needs: tuple[Judged, ...] = (),
) -> Findings:
    return judge(sightings, Context("/server", image, needs, PATH, machine or Machine()))


def weights(findings: Findings) -> dict[str, Weight]:
    return {miss.path: miss.weight for miss in findings.misses}


def test_a_file_that_this_machine_has_is_missed_and_can_be_added() -> None:
    findings = found(seen((Deed.OPEN, "/etc/app.conf", False)), machine=Machine(frozenset(("/etc/app.conf",))))

    (miss,) = findings.missed
    assert (miss.path, miss.programs, miss.deeds) == ("/etc/app.conf", ("/server",), ("open",))
    assert findings.options == ("--add", "/etc/app.conf:/etc/app.conf")


def test_a_file_beside_the_program_is_missed_and_can_be_added_from_there() -> None:
    machine = Machine(here={"/templates": "templates"})

    findings = found(seen((Deed.OPEN, "/templates", False)), machine=machine)

    assert findings.options == ("--add", "templates:/templates")


def test_what_lies_in_a_folder_that_is_added_comes_with_it() -> None:
    machine = Machine(frozenset(("/opt/app", "/opt/app/one", "/opt/app/sub/two", "/opt/apple")))
    findings = found(seen(*((Deed.OPEN, path, False) for path in sorted(machine.files))), machine=machine)
    assert findings.options == ("--add", "/opt/app:/opt/app", "--add", "/opt/apple:/opt/apple")


@pytest.mark.parametrize("path", ["/etc/a:b", "/etc/a\nb"])
def test_a_path_that_the_option_can_t_hold_is_told_without_it(path: str) -> None:
    findings = found(seen((Deed.OPEN, path, False)), machine=Machine(frozenset((path,))))
    assert findings.options == ()
    assert "this machine has it" in findings.missed[0].cure.text


def test_a_path_with_dots_is_told_plainly() -> None:
    findings = found(seen((Deed.OPEN, "/opt/../etc/app.conf", False)), machine=Machine(frozenset(("/etc/app.conf",))))
    assert findings.options == ("--add", "/etc/app.conf:/etc/app.conf")


def test_a_file_that_this_machine_lacks_too_is_no_finding() -> None:
    findings = found(seen((Deed.OPEN, "/etc/optional.conf", False)))

    assert findings.missed == ()
    assert weights(findings) == {"/etc/optional.conf": Weight.ABSENT}


def test_what_serves_a_need_is_given_by_whit_whatever_this_machine_has() -> None:
    findings = found(
        seen((Deed.OPEN, "/usr/share/zoneinfo/Europe/Berlin", False), (Deed.OPEN, "/etc/mime.types", False))
    )

    assert {miss.need for miss in findings.missed} == {"zones", "mime"}
    assert findings.options == ("--needs", "+zones,+mime")


def test_a_file_of_a_need_that_the_image_serves_already_is_judged_as_any_other() -> None:
    image = (ImageFile("/usr/share/zoneinfo/UTC", 100, "zones"),)
    findings = found(seen((Deed.OPEN, "/usr/share/zoneinfo/No/Where", False)), image=image)

    assert weights(findings) == {"/usr/share/zoneinfo/No/Where": Weight.ABSENT}


@pytest.mark.parametrize(
    "path",
    [
        "/etc/ld.so.preload",
        "/var/run/nscd/socket",
        "/usr/lib/locale/locale-archive",
        "/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache",
        "/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libc.so.6",
        "/usr/share/locale/de/LC_MESSAGES/libc.mo",
    ],
)
def test_what_c_libraries_look_for_in_passing_is_no_finding_even_where_this_machine_has_it(path: str) -> None:
    assert weights(found(seen((Deed.OPEN, path, False)), machine=Machine(frozenset((path,))))) == {path: Weight.PROBED}


@pytest.mark.parametrize("path", ["/etc/localtime", "/etc/resolv.conf", "/dev/log", "/tmp/given"])
def test_what_no_image_gives_is_told_apart(path: str) -> None:
    findings = found(seen((Deed.OPEN, path, False)), machine=Machine(frozenset((path,))))
    assert weights(findings) == {path: Weight.RUNTIME}
    assert findings.misses[0].cure.text
    assert findings.options == ()


@pytest.mark.parametrize("path", ["/proc/self/nothing", "/sys/kernel/mm/x", "/dev/null"])
def test_the_kernel_s_own_files_are_not_the_image_s(path: str) -> None:
    findings = found(seen((Deed.OPEN, path, False)), machine=Machine(frozenset((path,))))
    assert findings.misses == ()


def test_a_program_s_search_along_its_path_is_one_finding() -> None:
    tried = [(Deed.LOOK, f"{folder}/git", False) for folder in PATH]
    machine = Machine(programs={"git": "/usr/bin/git"}, dynamic=frozenset(("/usr/bin/git",)))

    (miss,) = found(seen(*tried), machine=machine).missed

    assert (miss.path, miss.need, set(miss.others)) == ("/usr/bin/git", "exec", {"/usr/local/bin/git", "/bin/git"})
    assert miss.cure.options == ("--add", "/usr/bin/git:/usr/bin/git")
    assert miss.cure.text == "with its loader and libraries"


def test_a_program_that_stands_elsewhere_on_this_machine_is_added_where_it_was_looked_for() -> None:
    machine = Machine(programs={"tool": "/opt/bin/tool"})
    (miss,) = found(seen((Deed.EXECUTE, "/bin/tool", False)), machine=machine).missed
    assert miss.cure.options == ("--add", "/opt/bin/tool:/bin/tool")


def test_a_program_that_nobody_has_is_missed_all_the_same() -> None:
    findings = found(seen((Deed.EXECUTE, "/bin/tool", False), (Deed.EXECUTE, "/opt/other", False)))
    assert {miss.path for miss in findings.missed} == {"/bin/tool", "/opt/other"}
    assert findings.options == ()


def test_a_search_that_ends_well_is_no_finding() -> None:
    findings = found(
        seen(
            (Deed.LOOK, "/usr/local/bin/tool", False),
            (Deed.EXECUTE, "/usr/bin/tool", True),
            (Deed.OPEN, "/a/lib.conf", False),
            (Deed.OPEN, "/b/lib.conf", True),
        ),
        machine=Machine(frozenset(("/a/lib.conf",)), {"tool": "/usr/bin/tool"}),
    )
    assert weights(findings) == {"/usr/local/bin/tool": Weight.SEARCHED, "/a/lib.conf": Weight.SEARCHED}


def test_files_of_one_name_in_several_folders_are_each_missed() -> None:
    paths = ("/app/one/index", "/app/two/index")
    findings = found(
        seen((Deed.OPEN, "/app/index", True), *((Deed.OPEN, path, False) for path in paths[:1])),
        machine=Machine(frozenset(paths)),
    )
    assert [miss.path for miss in findings.missed] == ["/app/one/index"]


def test_a_search_that_will_end_goes_no_further() -> None:
    paths = ("/usr/lib/perl-base/POSIX.pm", "/usr/lib/perl/POSIX.pm", "/usr/share/perl/POSIX.pm")
    findings = found(seen(*((Deed.OPEN, path, False) for path in paths)), machine=Machine(frozenset(paths[1:])))
    assert findings.options == ("--add", f"{paths[1]}:{paths[1]}")
    assert weights(findings)[paths[2]] is Weight.SEARCHED


def test_zones_elsewhere_don_t_matter_where_the_image_has_them_and_a_zone_that_it_lacks_does() -> None:
    image = (ImageFile("/usr/share/zoneinfo/UTC", 100, "zones"),)
    elsewhere, lacking = "/usr/local/go/lib/time/zoneinfo.zip", "/usr/share/zoneinfo/Own/Zone"
    findings = found(
        seen((Deed.OPEN, elsewhere, False), (Deed.OPEN, lacking, False)),
        image=image,
        machine=Machine(frozenset((elsewhere, lacking))),
    )
    assert weights(findings) == {elsewhere: Weight.SEARCHED, lacking: Weight.MISSED}
    assert findings.options == ("--add", f"{lacking}:{lacking}")


@pytest.mark.parametrize("path", ["/usr/lib/ssl", "/usr/lib/ssl/openssl.cnf", "/etc/ssl/openssl.cnf"])
def test_openssl_s_settings_are_no_certificates(path: str) -> None:
    findings = found(seen((Deed.OPEN, path, False)), machine=Machine(frozenset((path,))), needs=(Judged("ca", "not"),))
    assert weights(findings) == {path: Weight.PROBED}
    assert findings.promotions == ()


def test_whole_folders_of_the_machine_are_never_proposed() -> None:
    machine = Machine(folders=frozenset(("/usr/local/share", "/usr/share/app")))
    findings = found(
        seen((Deed.LOOK, "/usr/local/share", False), (Deed.OPEN, "/usr/share/app", False)), machine=machine
    )
    assert weights(findings) == {"/usr/local/share": Weight.ABSENT, "/usr/share/app": Weight.MISSED}
    assert findings.options == ()


def test_what_lies_in_a_folder_that_can_t_be_made_isn_t_told_again() -> None:
    sightings = seen(
        (Deed.WRITE, "/home/u/.cache", False), (Deed.WRITE, "/home/u/.cache/x", False),
        creates=("/home/u/.cache", "/home/u/.cache/x"),
    )  # fmt: skip
    for sighting in sightings.paths.values():
        sighting.writable = False
    assert [item.path for item in found(sightings).written] == ["/home/u/.cache"]


def test_of_the_places_of_certificates_one_is_enough() -> None:
    findings = found(
        seen(
            (Deed.OPEN, "/etc/ssl/certs/ca-certificates.crt", True),
            (Deed.OPEN, "/etc/pki/tls/certs/ca-bundle.crt", False),
        ),
    )
    assert weights(findings) == {"/etc/pki/tls/certs/ca-bundle.crt": Weight.SEARCHED}


def test_what_the_program_makes_itself_is_not_missed() -> None:
    findings = found(
        seen((Deed.LOOK, "/tmp/a", False), (Deed.WRITE, "/tmp/a", False), creates=("/tmp/a",)),
        machine=Machine(frozenset(("/tmp/a",))),
    )
    assert findings.missed == ()
    assert [(item.path, item.works) for item in findings.written] == [("/tmp/a", True)]


def test_what_can_t_be_written_is_told_with_a_place_for_it() -> None:
    sightings = seen((Deed.WRITE, "/var/lib/app/db", False), creates=("/var/lib/app/db",))
    sightings.paths[Deed.WRITE, "/var/lib/app/db"].writable = False

    (written,) = found(sightings).written

    assert not written.works
    assert "--tmpfs /var/lib/app" in written.cure.text


def test_files_of_the_image_are_used_or_never_touched_and_never_taken_away() -> None:
    image = (ImageFile("/etc/passwd", 1, "users"), ImageFile("/etc/group", 1, "groups"), ImageFile("/server", 9))
    sightings = seen((Deed.OPEN, "/link", True), (Deed.EXECUTE, "/server", True), real={"/link": "/etc/passwd"})

    findings = found(sightings, image=image)

    assert [file.path for file in findings.used] == ["/etc/passwd", "/server"]
    assert [file.path for file in findings.untouched] == ["/etc/group"]
    assert "-" not in " ".join(option for option in findings.options if not option.startswith("--"))


def test_a_run_decides_what_analysis_left_open() -> None:
    needs = (Judged("zones", "maybe"), Judged("ca", "needed"), Judged("users", "not"), Judged("mime", "maybe"))
    sightings = seen(
        (Deed.OPEN, "/usr/share/zoneinfo/UTC", False),
        (Deed.OPEN, "/etc/ssl/cert.pem", True),
        (Deed.OPEN, "/etc/passwd", True),
    )

    promotions = found(sightings, needs=needs).promotions

    assert [(item.need, item.verdict) for item in promotions] == [("zones", "maybe"), ("users", "not")]


def test_listing_a_folder_decides_nothing_nor_does_what_several_needs_read() -> None:
    needs = (Judged("dns", "maybe"), Judged("localtime", "not"))
    sightings = seen((Deed.LOOK, "/etc/hosts", True), (Deed.OPEN, "/etc/nsswitch.conf", True))
    assert found(sightings, needs=needs).promotions == ()


def test_a_loader_s_search_for_what_is_linked_is_no_dlopen() -> None:
    image = (ImageFile("/lib/libz.so.1", 1, "libraries"),)
    sightings = seen((Deed.OPEN, "/lib/tls/libz.so.1", False), (Deed.OPEN, "/lib/libz.so.1", True))
    assert found(sightings, image=image, needs=(Judged("dlopen", "maybe"),)).promotions == ()
    plugin = seen((Deed.OPEN, "/lib/libplugin.so", False))
    assert [item.need for item in found(plugin, image=image, needs=(Judged("dlopen", "maybe"),)).promotions] == [
        "dlopen"
    ]


def test_what_the_kernel_opened_itself_is_used() -> None:
    image = (ImageFile("/lib64/ld-linux-x86-64.so.2", 1, "libraries"),)
    context = Context("/server", image, (), PATH, Machine(), frozenset(("/lib64/ld-linux-x86-64.so.2",)))
    assert judge(seen((Deed.EXECUTE, "/server", True)), context).used == image


def test_a_loader_that_isn_t_there_is_missed_though_no_call_names_it() -> None:
    lacking = (Lacking("/lib64/ld-linux-x86-64.so.2", "/usr/bin/git"), Lacking("/opt/loader", "/usr/bin/other"))
    machine = Machine(frozenset(("/lib64/ld-linux-x86-64.so.2",)))
    context = Context("/server", (), (), PATH, machine, lacking=lacking)

    first, second = judge(seen((Deed.EXECUTE, "/usr/bin/git", True)), context).missed

    assert first.cure.options == ("--add", "/lib64/ld-linux-x86-64.so.2:/lib64/ld-linux-x86-64.so.2")
    assert "/usr/bin/git can't start without it" in first.cure.text
    assert second.cure.options == ()


def test_executing_itself_decides_nothing_and_executing_others_does() -> None:
    needs = (Judged("exec", "maybe"),)
    assert found(seen((Deed.EXECUTE, "/server", True)), needs=needs).promotions == ()
    (promotion,) = found(seen((Deed.EXECUTE, "/bin/sh", False)), needs=needs).promotions
    assert promotion.need == "exec"


def test_a_file_that_is_closed_to_the_user_is_told() -> None:
    sightings = seen((Deed.OPEN, "/etc/secret", True))
    sightings.paths[Deed.OPEN, "/etc/secret"].readable = False
    assert found(sightings).unreadable == ("/etc/secret",)


def test_executions_are_kept_with_their_words() -> None:
    sightings = seen((Deed.EXECUTE, "/bin/git", False))
    sightings.executed(Execution("/bin/git", there=False, words=("git", "clone"), by="/server"))
    assert found(sightings).executed[0].words == ("git", "clone")


def test_families_have_the_needs_names() -> None:
    names = {rule.name for rule in RULES}
    paths = (
        "/etc/localtime",
        "/usr/lib/x86_64-linux-gnu/gconv/UTF-16.so",
        "/lib/libssl.so.3",
        "/var/tmp/x",
        "/etc/protocols",
    )
    assert [family(path) for path in paths] == ["localtime", "gconv", "dlopen", "temp", "services"]
    assert {*OTHERWISE, *GIVEN} <= names


def test_a_program_that_makes_up_names_doesn_t_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whit.runtime.trace.sightings.MAX_PATHS", 3)
    sightings = Sightings()
    kept = [sightings.sighting(Deed.OPEN, f"/{number}") for number in range(5)]
    assert [item is not None for item in kept] == [True] * 3 + [False] * 2
    assert sightings.overflowed


def test_nor_does_one_with_long_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whit.runtime.trace.sightings.MAX_CHARACTERS", 5000)
    sightings = Sightings()
    assert sightings.sighting(Deed.OPEN, "/" + "a" * 4000) is not None
    assert sightings.sighting(Deed.OPEN, "/" + "b" * 4000) is None
    assert sightings.overflowed
