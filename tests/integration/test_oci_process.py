"""``process`` of config.json, field by field, in real containers."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest

from tests.integration.oci_bundle import ALL, Bundle
from whit.runtime.capabilities import NAMES

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

STATUS = "grep -E '^(Cap|NoNew|Seccomp:|Umask|Groups)' /proc/self/status"


def status(text: str) -> dict[str, str]:
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}


def mask(*names: str) -> str:
    return f"{sum(1 << NAMES.index(name.removeprefix('CAP_')) for name in names):016x}"


def test_the_program_ends_as_it_ends(bundle: Bundle) -> None:
    assert bundle.run("echo out; echo err >&2; exit 7").code == 7
    ran = bundle.run("echo out; echo err >&2")
    assert (ran.code, ran.out, ran.err) == (0, "out\n", "err\n")


def test_user_and_groups(bundle: Bundle) -> None:
    change = {"process": {"user": {"uid": 1000, "gid": 1001, "additionalGids": [5, 7]}}}
    ran = bundle.run("id -u; id -g; id -G", change)
    assert ran.lines == ["1000", "1001", "1001 5 7"]


def test_umask(bundle: Bundle) -> None:
    assert bundle.run("umask", {"process": {"user": {"umask": 0o077}}}).out == "0077\n"
    assert bundle.run("umask").out == "0022\n"


def test_environment_and_working_directory(bundle: Bundle) -> None:
    change = {"process": {"env": ["PATH=/bin", "A=b c", "EMPTY="], "cwd": "/made/for/it"}}
    ran = bundle.run("env | grep -vE '^(PWD|SHLVL|HOME|OLDPWD)'; pwd", change)
    assert sorted(ran.lines) == ["/made/for/it", "A=b c", "EMPTY=", "PATH=/bin"]


@pytest.mark.parametrize(
    ("uid", "home"),
    [(0, "/root"), (1000, "/home/me"), pytest.param(1002, "/", marks=pytest.mark.ours("leaves it empty", "crun"))],
)
def test_a_program_without_a_home_is_given_its_users(bundle: Bundle, uid: int, home: str) -> None:
    lines = ["root:x:0:0::/root:/bin/sh", "x" * 5000, "me:x:1000:1000::/home/me:", "broken:x"]
    (bundle.rootfs / "etc" / "passwd").write_text("\n".join(lines) + "\n")
    user = {"user": {"uid": uid, "gid": uid}}
    assert bundle.run("echo $HOME", {"process": user}).out == f"{home}\n"
    assert bundle.run("echo $HOME", {"process": {**user, "env": ["HOME=/mine"]}}).out == "/mine\n"


def test_five_sets_of_capabilities(bundle: Bundle) -> None:
    sets = {
        "bounding": ["CAP_KILL", "CAP_CHOWN", "CAP_SETUID"],
        "permitted": ["CAP_KILL", "CAP_CHOWN"],
        "effective": ["CAP_KILL", "CAP_CHOWN"],
        "inheritable": ["CAP_KILL"],
        "ambient": ["CAP_KILL"],
    }
    change = {
        "process": {"capabilities": sets, "user": {"uid": 1000, "gid": 1000}, "args": ["/bin/cat", "/proc/self/status"]}
    }
    found = status(bundle.run("", change).out)
    assert found["CapBnd"] == mask("KILL", "CHOWN", "SETUID")
    assert found["CapInh"] == found["CapPrm"] == found["CapEff"] == found["CapAmb"] == mask("KILL")


@pytest.mark.ours("refuses the whole", "runc", "crun")
def test_capabilities_that_the_kernel_would_refuse_are_left_out(bundle: Bundle) -> None:
    sets = {
        "bounding": ["CAP_KILL", "NO_SUCH"],
        "permitted": ["CAP_KILL", "CAP_CHOWN"],
        "inheritable": ["CAP_KILL", "CAP_CHOWN"],
    }
    change = {"process": {"capabilities": sets, "user": {"uid": 1000, "gid": 1000}}}
    ran = bundle.run("grep ^Cap /proc/self/status", change)
    found = status(ran.out)
    assert (found["CapBnd"], found["CapInh"]) == (mask("KILL"), mask("KILL"))


def test_without_capabilities_none_are_kept(bundle: Bundle) -> None:
    found = status(bundle.run(STATUS, {"process": {"capabilities": None}}).out)
    assert {found[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {mask()}


def test_roots_capabilities_are_its_bounding_set(bundle: Bundle) -> None:
    found = status(bundle.run(STATUS).out)
    assert found["CapEff"] == found["CapPrm"] == found["CapBnd"] == mask(*ALL)
    assert found["CapInh"] == found["CapAmb"] == mask()


@pytest.mark.parametrize("wanted", [False, True])
def test_new_privileges(bundle: Bundle, wanted: bool) -> None:
    assert status(bundle.run(STATUS, {"process": {"noNewPrivileges": wanted}}).out)["NoNewPrivs"] == str(int(wanted))


def test_resource_limits(bundle: Bundle) -> None:
    limits = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
    ran = bundle.run("ulimit -Sn; ulimit -Hn; ulimit -c", {"process": {"rlimits": limits}})
    assert ran.lines == ["100", "200", "0"]


def test_oom_score(bundle: Bundle) -> None:
    assert bundle.run("cat /proc/self/oom_score_adj", {"process": {"oomScoreAdj": 321}}).out == "321\n"


FILTER: dict[str, Any] = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}],
}


@pytest.mark.parametrize("forbidden", [False, True])
@pytest.mark.parametrize("uid", [0, 1000])
def test_a_filter_is_loaded_with_and_without_new_privileges(bundle: Bundle, forbidden: bool, uid: int) -> None:
    change = {"process": {"noNewPrivileges": forbidden, "user": {"uid": uid, "gid": uid}}, "linux": {"seccomp": FILTER}}
    ran = bundle.run(f"{STATUS}; mkdir /tmp/x", change)
    found = status(ran.out)
    assert found["Seccomp"] == "2"
    # What loading it takes is given back.
    assert int(found["CapPrm"], 16) & 1 << NAMES.index("SYS_ADMIN") == 0
    assert "Operation not supported" in ran.err or "Not supported" in ran.err


@pytest.mark.ours("knows no process.scheduler", "runc", "crun")
def test_scheduling(bundle: Bundle) -> None:
    change = {
        "process": {
            "scheduler": {"policy": "SCHED_BATCH", "nice": 5},
            "ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 0},
        }
    }
    # Fields 19 and 41 of stat(5): nice value and policy; BATCH is 3.
    ran = bundle.run("cat /proc/self/stat", change)
    fields = ran.out.rpartition(")")[2].split()
    assert (fields[19 - 3], fields[41 - 3]) == ("5", "3")


@pytest.mark.ours("knows no ioPriority", "runc", "crun")
def test_priority_of_input_and_output(bundle: Bundle) -> None:
    change = {"process": {"ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 6}}}
    assert bundle.run("busybox ionice -p $$", change).out == "best-effort: prio 6\n"


@pytest.mark.ours("knows no memoryPolicy", "runc", "crun")
def test_memory_policy(bundle: Bundle) -> None:
    ran = bundle.run("cat /proc/self/numa_maps", {"linux": {"memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0"}}})
    assert {line.split()[1] for line in ran.lines} == {"bind:0"}


def test_terminal_and_its_size(bundle: Bundle) -> None:
    change = {"process": {"terminal": True, "consoleSize": {"height": 33, "width": 77}}}
    bundle.write("busybox tty; busybox stty size; read line; echo got $line", change)
    with socket.socket(socket.AF_UNIX) as server:
        server.settimeout(60)
        server.bind(str(bundle.folder / "s"))
        server.listen()
        assert bundle.call("create", "--console-socket", str(bundle.folder / "s"), "one").code == 0
        try:
            with server.accept()[0] as connection:
                _, (terminal,), _, _ = socket.recv_fds(connection, 4096, 1)
            assert bundle.call("start", "one").code == 0
            os.write(terminal, b"words\n")
            printed = b""
            while b"got words" not in printed:
                printed += os.read(terminal, 4096)
            os.close(terminal)
        finally:
            bundle.call("delete", "--force", "one")
    lines = printed.replace(b"\r", b"").split(b"\n")
    assert lines[0].startswith((b"/dev/pts/0", b"words", b"/dev/console"))
    assert b"33 77" in lines


@pytest.mark.ours("1.1 knows no linux.personality", "runc")
def test_personality(bundle: Bundle) -> None:
    ran = bundle.run("cat /proc/self/personality", {"linux": {"personality": {"domain": "LINUX32"}}})
    assert ran.out == "00000008\n"
    assert bundle.run("cat /proc/self/personality").out == "00000000\n"


@pytest.mark.ours("1.1 knows no domainname", "runc")
def test_host_and_domain_name(bundle: Bundle) -> None:
    ran = bundle.run("hostname; cat /proc/sys/kernel/domainname", {"hostname": "alpha", "domainname": "beta"})
    assert ran.lines == ["alpha", "beta"]


@pytest.mark.ours("whit's own words")
@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"process": {"cwd": "etc"}}, "process.cwd"),
        ({"process": {"user": {"uid": -1}}}, "process.user.uid"),
        ({"process": {"apparmorProfile": "docker-default"}}, "process.apparmorProfile"),
        ({"process": {"selinuxLabel": "system_u:system_r:x_t:s0"}}, "process.selinuxLabel"),
        ({"linux": {"intelRdt": {"closID": "x"}}}, "linux.intelRdt"),
        ({"linux": {"seccomp": {"defaultAction": "SCMP_ACT_NOTIFY"}}}, "linux.seccomp"),
        ({"linux": {"sysctl": {"vm.overcommit_memory": "1"}}}, "linux.sysctl['vm.overcommit_memory']"),
        ({"linux": {"resources": {"unified": {"memory.high": "1"}}}}, "linux.resources.unified"),
        ({"vm": {}}, "vm"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_its_name(bundle: Bundle, change: dict[str, Any], named: str) -> None:
    ran = bundle.run("echo ran", change)
    assert ran.code == 1
    assert ran.out == ""
    assert named in ran.err
