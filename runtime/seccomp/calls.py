"""The system calls by what the default filter does with them, in groups with their reasons. Data only.

Every name of every architecture's table is in exactly one of the groups (a test holds us to that), or its arguments
decide (:data:`BY_ARGUMENTS`, in ``profile.py``).
"""

from __future__ import annotations

Groups = dict[str, tuple[str, ...]]
"""Reason → names."""


def _groups(text: str) -> Groups:
    """``reason: names …`` paragraphs, as they stand below."""
    paragraphs = (paragraph.split(":", 1) for paragraph in text.strip().split("\n\n"))
    return {" ".join(reason.split()): tuple(names.split()) for reason, names in paragraphs}


ALLOWED: Groups = _groups("""
files and folders by path:
    open openat openat2 creat close close_range access faccessat faccessat2 stat lstat newfstatat fstatat64 stat64
    lstat64 statx oldstat oldlstat mkdir mkdirat rmdir rename renameat renameat2 link linkat symlink symlinkat
    readlink readlinkat unlink unlinkat chmod fchmodat fchmodat2 chown chown32 lchown lchown32 fchownat utime utimes
    futimesat utimensat utimensat_time64 truncate truncate64 statfs statfs64 chdir fchdir getcwd umask

files by descriptor:
    read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek _llseek fstat fstat64 oldfstat
    fchmod fchown fchown32 ftruncate ftruncate64 fallocate fcntl fcntl64 flock fsync fdatasync sync syncfs
    sync_file_range sync_file_range2 arm_sync_file_range fadvise64 fadvise64_64 arm_fadvise64_64 readahead getdents
    getdents64 readdir fstatfs fstatfs64 dup dup2 dup3 pipe pipe2 sendfile sendfile64 splice tee copy_file_range
    memfd_create

extended attributes:
    getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr llistxattr flistxattr removexattr
    lremovexattr fremovexattr

waiting for events:
    poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create epoll_create1 epoll_ctl epoll_wait
    epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4 timerfd timerfd_create timerfd_settime
    timerfd_settime64 timerfd_gettime timerfd_gettime64 inotify_init inotify_init1 inotify_add_watch inotify_rm_watch

asynchronous files, as databases use them:
    io_setup io_submit io_getevents io_pgetevents io_pgetevents_time64 io_cancel io_destroy

sockets once there are some:
    connect bind listen accept accept4 shutdown getsockname getpeername getsockopt setsockopt send sendto sendmsg
    sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 socketcall

memory of one's own:
    brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 munlock mlockall munlockall mseal
    pkey_alloc pkey_free pkey_mprotect map_shadow_stack membarrier cacheflush riscv_flush_icache subpage_prot

processes and threads:
    fork vfork execve execveat exit exit_group wait4 waitpid waitid getpid getppid gettid set_tid_address getpgid
    getpgrp setpgid getsid setsid kill tkill tgkill pidfd_open pidfd_send_signal set_robust_list rseq prctl arch_prctl
    set_thread_area get_thread_area set_tls get_tls swapcontext switch_endian uretprobe uprobe

signals:
    rt_sigaction rt_sigprocmask rt_sigpending rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_sigqueueinfo
    rt_tgsigqueueinfo rt_sigreturn sigaction sigprocmask sigpending sigsuspend sigreturn signal sigaltstack pause
    restart_syscall alarm setitimer getitimer

locks between threads, and between processes that share memory:
    futex futex_time64 semget semop semctl semtimedop semtimedop_time64 shmget shmat shmdt shmctl ipc

time:
    time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep
    clock_nanosleep_time64 nanosleep times timer_create timer_settime timer_settime64 timer_gettime timer_gettime64
    timer_getoverrun timer_delete

scheduling and limits, within what the kernel lets one have:
    sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_setparam sched_getscheduler
    sched_setscheduler sched_getattr sched_setattr sched_get_priority_max sched_get_priority_min
    sched_rr_get_interval sched_rr_get_interval_time64 getpriority setpriority nice getrlimit ugetrlimit setrlimit
    prlimit64 getrusage getcpu

who one is; without capabilities one can only become less:
    getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32
    getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid
    setresuid32 setresgid setresgid32 setgroups setgroups32 setfsuid setfsuid32 setfsgid setfsgid32 capget capset

a program may confine itself further:
    seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self

the machine, read only:
    uname olduname oldolduname sysinfo getrandom riscv_hwprobe
""")

BY_ARGUMENTS: tuple[str, ...] = ("clone", "mknod", "mknodat", "ioctl", "personality", "socket", "socketpair")
"""Calls whose arguments decide; those that remain are refused with EPERM, sockets with EAFNOSUPPORT."""

REFUSED_PRIVILEGED: Groups = _groups("""
what remains after the arguments decided:
    clone mknod mknodat personality

changes what is mounted, or makes or enters namespaces:
    mount umount umount2 pivot_root chroot open_tree open_tree_attr move_mount mount_setattr fsopen fsconfig fsmount
    fspick unshare setns

looks into or acts on other processes:
    ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd

runs code in the kernel, or watches it:
    bpf perf_event_open init_module finit_module delete_module create_module kexec_load kexec_file_load fanotify_init
    fanotify_mark

hands page faults to a program, which wins races in the kernel:
    userfaultfd

changes the host's clock:
    settimeofday stime clock_settime clock_settime64 adjtimex clock_adjtime clock_adjtime64

changes or reads the host as a whole:
    reboot swapon swapoff acct syslog sethostname setdomainname quotactl quotactl_fd vhangup

reaches hardware:
    iopl ioperm pciconfig_iobase pciconfig_read pciconfig_write s390_pci_mmio_read s390_pci_mmio_write rtas

opens files by number, around every folder's permissions:
    open_by_handle_at
""")

REFUSED_ABSENT: Groups = _groups("""
hides its flags from a filter in memory; C libraries and Go fall back to clone:
    clone3

much new kernel code, and a way around this filter:
    io_uring_setup io_uring_enter io_uring_register

keys belong to the user, not to the container:
    add_key request_key keyctl

memory of System V and POSIX message queues lets an attacker lay out the kernel's heap:
    msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend mq_timedsend_time64 mq_timedreceive
    mq_timedreceive_time64 mq_notify mq_getsetattr

placement of memory and of disk work on the host:
    mbind set_mempolicy get_mempolicy set_mempolicy_home_node migrate_pages move_pages ioprio_set ioprio_get

memory and files of others, or in unusual ways; rarely used:
    process_madvise process_mrelease memfd_secret vmsplice remap_file_pages cachestat name_to_handle_at
    get_robust_list

newer ways to do what is allowed, which programs do the old way where they are missing:
    futex_waitv futex_wait futex_wake futex_requeue getxattrat setxattrat listxattrat removexattrat file_getattr
    file_setattr rseq_slice_yield

what is mounted and which security modules there are:
    statmount listmount listns lsm_get_self_attr lsm_set_self_attr lsm_list_modules

obsolete:
    uselib ustat sysfs _sysctl lookup_dcookie modify_ldt vm86 vm86old epoll_ctl_old epoll_wait_old get_kernel_syms
    query_module nfsservctl bdflush idle sgetmask ssetmask

never there, or special to one machine:
    getpmsg putpmsg afs_syscall tuxcall security vserver break ftime gtty stty lock mpx prof profil ulimit multiplexer
    breakpoint usr26 usr32 s390_guarded_storage s390_runtime_instr s390_sthyi spu_create spu_run sys_debug_setcontext
""")

GRANTED: dict[str, tuple[str, ...]] = {
    capability: tuple(names.split())
    for capability, names in {
        "CAP_BPF": "bpf",
        "CAP_DAC_READ_SEARCH": "open_by_handle_at name_to_handle_at",
        "CAP_MKNOD": "mknod mknodat",
        "CAP_PERFMON": "perf_event_open",
        "CAP_SYSLOG": "syslog",
        "CAP_SYS_ADMIN": """mount umount umount2 pivot_root open_tree open_tree_attr move_mount mount_setattr fsopen
            fsconfig fsmount fspick statmount listmount unshare setns clone clone3 bpf perf_event_open fanotify_init
            fanotify_mark name_to_handle_at quotactl quotactl_fd sethostname setdomainname swapon swapoff
            lookup_dcookie""",
        "CAP_SYS_BOOT": "reboot kexec_load kexec_file_load",
        "CAP_SYS_CHROOT": "chroot",
        "CAP_SYS_MODULE": "init_module finit_module delete_module",
        "CAP_SYS_NICE": """mbind set_mempolicy get_mempolicy set_mempolicy_home_node migrate_pages move_pages
            ioprio_set ioprio_get process_madvise""",
        "CAP_SYS_PACCT": "acct",
        "CAP_SYS_PTRACE": "ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise userfaultfd",
        "CAP_SYS_RAWIO": """iopl ioperm pciconfig_iobase pciconfig_read pciconfig_write s390_pci_mmio_read
            s390_pci_mmio_write""",
        "CAP_SYS_TIME": "settimeofday stime clock_settime clock_settime64 adjtimex clock_adjtime clock_adjtime64",
        "CAP_SYS_TTY_CONFIG": "vhangup",
    }.items()
}
"""Capability → the calls that it adds, whatever their arguments. CAP_NET_RAW, CAP_NET_ADMIN and CAP_AUDIT_* add
families and protocols of sockets instead (``profile.py``)."""
