"""Systemd and D-Bus for the guest: this machine's own programs, with units and policies of the test's.

The script is ``test.service`` there, delegated, in system.slice. ``systemctl start user@1000`` starts the manager of the
user ``user``, with a bus of its own.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tests.vm.installed import chain, libraries

if TYPE_CHECKING:
    from tests.vm.initramfs import Initramfs

PROGRAMS = (
    "/lib/systemd/systemd", "/lib/systemd/systemd-executor", "/lib/systemd/systemd-cgroups-agent", "/usr/bin/dbus-daemon",
    "/usr/bin/systemctl", "/usr/bin/setpriv",
)  # fmt: skip
"""Newer systemds have their executor apart; the agent tells of cgroups of v1 that have become empty."""

DBUS_DAEMON = "/usr/bin/dbus-daemon --{} --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only"
POWER_OFF = r"/bin/sh -c 'printf \"\\nguest: exit %%s\\n\" $EXIT_STATUS >/dev/ttyS1; poweroff -f'"

DBUS_SERVICE = """[Unit]
DefaultDependencies=no
Requires=dbus.socket
[Service]
Type=notify
NotifyAccess=main
ExecStart={}
"""
SYSTEM_UNITS = {
    "default.target": "[Unit]\nRequires=dbus.socket test.service\n",
    "dbus.socket": "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/dbus/system_bus_socket\n",
    "dbus.service": DBUS_SERVICE.format(DBUS_DAEMON.format("system")),
    "test.service": f"""[Unit]
DefaultDependencies=no
Requires=dbus.service
After=dbus.service
[Service]
Type=oneshot
Delegate=yes
Environment=HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
WorkingDirectory=/root
ExecStart=/bin/sh /guest/script
StandardOutput=file:/dev/ttyS1
StandardError=file:/dev/ttyS1
ExecStopPost={POWER_OFF}
""",
    "user@.service": """[Unit]
DefaultDependencies=no
After=dbus.service
[Service]
User=%i
Type=notify
Slice=user-%i.slice
Delegate=yes
Environment=XDG_RUNTIME_DIR=/run/user/%i HOME=/home/user
ExecStartPre=+/bin/sh -c 'mkdir -p /run/user/%i /home/user; chown %i:%i /run/user/%i /home/user'
ExecStart=/lib/systemd/systemd --user
""",
}
USER_UNITS = {
    "default.target": "[Unit]\nRequires=dbus.socket\nAfter=dbus.socket\n",
    "dbus.socket": "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=%t/bus\n",
    "dbus.service": DBUS_SERVICE.format(DBUS_DAEMON.format("session")),
}
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>{}</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="*"/><allow send_destination="*"/>
<allow receive_type="*"/></policy></busconfig>
"""


def add_systemd(archive: Initramfs) -> None:
    """Put all of it into the guest; its init starts systemd then."""
    programs = [Path(name) for name in PROGRAMS if Path(name).exists()]
    for program in programs:
        for path in chain(program):
            archive.add(path, path)
    for path in libraries(*programs):
        archive.add(path, path)
    texts = {f"/etc/systemd/system/{name}": text for name, text in SYSTEM_UNITS.items()}
    texts |= {f"/etc/systemd/user/{name}": text for name, text in USER_UNITS.items()}
    texts |= {f"/usr/share/dbus-1/{kind}.conf": BUS.format(kind) for kind in ("system", "session")}
    texts |= {"/etc/machine-id": "0123456789abcdef0123456789abcdef\n", "/guest/systemd": ""}
    for name, text in texts.items():
        archive.add_bytes(PurePosixPath(name), text.encode())
