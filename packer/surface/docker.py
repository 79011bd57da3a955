"""docker's defaults as a confinement: facts of ``docker run IMAGE`` without options, as root's daemon does it. Data only.

Sources: moby's ``profiles/seccomp`` (its default profile of 2025, after its conditions on capabilities, architectures
and arguments), ``daemon/pkg/oci/defaults.go`` (capabilities, mounts), OCI runtime-spec, config-linux, "Default Devices".
"""

from __future__ import annotations

from whit.packer.surface.model import Confinement
from whit.packer.syscalls.names import syscall_numbers

_KNOWN = ("amd64", "arm64")
"""Architectures whose names below were compared with the profile."""

_REFUSED = """
    mount umount umount2 pivot_root open_tree open_tree_attr move_mount mount_setattr fsopen fsconfig fsmount fspick
    unshare setns clone3 kcmp pidfd_getfd process_madvise bpf perf_event_open init_module finit_module delete_module
    create_module kexec_load kexec_file_load fanotify_init userfaultfd settimeofday clock_settime reboot swapon swapoff
    acct syslog sethostname setdomainname quotactl quotactl_fd vhangup iopl ioperm open_by_handle_at io_uring_setup
    io_uring_enter io_uring_register add_key request_key keyctl mbind set_mempolicy get_mempolicy
    set_mempolicy_home_node migrate_pages move_pages rseq_slice_yield file_getattr file_setattr listns
    lsm_get_self_attr lsm_set_self_attr lsm_list_modules uselib ustat sysfs _sysctl lookup_dcookie get_kernel_syms
    query_module nfsservctl getpmsg putpmsg afs_syscall tuxcall security vserver uprobe
"""
"""Of the calls that the two have. An allowed call may be so with some arguments only: it counts."""

_CAPABILITIES = (
    "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
    "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
)  # fmt: skip

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx")


def docker(architecture: str) -> Confinement:
    """What docker leaves to a program; ``architecture`` is OCI's platform word."""
    calls = frozenset(syscall_numbers(architecture)) - {*_REFUSED.split()} if architecture in _KNOWN else None
    return Confinement(
        "docker",
        calls,
        bounding=_CAPABILITIES,
        gives=True,
        writable_root=True,
        mounts=(("/dev/shm", False), ("/dev/mqueue", False)),  # noqa: S108 - in the container
        devices=_DEVICES,
        network="a network of its own, with a way out",
    )
