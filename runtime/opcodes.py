"""The operation table: the one place where the launcher's instruction set is defined.

A launch plan is a flat list of operations from this table. ``runtime/plan.py`` decides them, ``runtime/encode.py``
writes them as bytes, ``runtime/launcher`` executes them; the launcher's ``ops.h`` is generated from here.
The build runs this module before whit is installed, so it imports nothing that needs more than Python.
"""

from __future__ import annotations

import zlib

from whit.packer.support.light import IntEnum, StrEnum, dataclass

PLAN_VERSION = 1
MAX_ARGUMENTS = 6
MAX_OPERATIONS = 1024
MAX_PLAN_SIZE = 4 << 20
"""Bounds on what the launcher accepts; the encoder refuses to exceed them."""


class Kind(StrEnum):
    """What an argument is: a 64-bit number, text without NUL, any bytes, or a list of texts."""

    NUMBER = "number"
    TEXT = "text"
    BYTES = "bytes"
    LIST = "list"


class Stage(IntEnum):
    """Where an operation may stand: the launcher refuses a plan whose stages go backwards.

    What is for a supervisor (docs/engine.md) stands in a file of its own, and in no plan.
    """

    GUARD = 0
    PARENT = 1
    CLONE = 2
    CHILD = 3
    EXEC = 4
    SUPERVISE = 5


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an operation."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table. ``what`` completes the sentence "can't …" when the operation fails."""

    code: int
    name: str
    stage: Stage
    what: str
    arguments: tuple[Argument, ...]


def _table() -> tuple[Operation, ...]:
    kinds = {"#": Kind.NUMBER, "$": Kind.TEXT, "*": Kind.BYTES, "@": Kind.LIST}
    rows = (line.split("|") for line in _ROWS.strip().splitlines())
    operations = []
    for code, (name, stage, arguments, what) in enumerate(rows, start=1):
        parsed = tuple(Argument(word[1:], kinds[word[0]]) for word in arguments.split())
        operations.append(Operation(code, name.strip(), Stage[stage.strip()], what.strip(), parsed))
    return tuple(operations)


_ROWS = """
GUARD_COMMAND      | GUARD  | @arguments                                             | recognise the command line
GUARD_STORE        | GUARD  | $plans                                                 | find the plan in the store that it belongs to
GUARD_LAUNCHER     | GUARD  | $path                                                  | be the launcher that it was made for
GUARD_FILE         | GUARD  | $path #device #inode #size #mtime_ns #ctime_ns         | find the file as it was
GUARD_ABSENT       | GUARD  | $path                                                  | find no file of that name
GUARD_DIRECTORY    | GUARD  | $path                                                  | be in the same working directory
GUARD_ENVIRONMENT  | GUARD  | $name #present $value                                  | find the variable as it was
GUARD_KERNEL       | GUARD  | $release $version                                      | run on the same kernel
GUARD_CGROUP       | GUARD  | $own                                                   | be in the same cgroup
GUARD_LANDLOCK     | GUARD  | #version                                               | have the same version of Landlock
EXEC_IN            | PARENT | $folder #reads #detached $keys $container $told        | find the container's records
HOLD_LOCK          | PARENT | $path                                                  | lock the image's files against removal
TIE_TO_CALLER      | PARENT | #caller                                                | tie the container's life to that of its tracer
SEAL_SELF          | PARENT |                                                        | put the launcher out of the container's reach
CGROUP_CREATE      | PARENT | $parent                                                | create the cgroup
CGROUP_WRITE       | PARENT | #cgroup $file $value                                   | set the limit
CGROUP_WATCH_OOM   | PARENT | #cgroup $file $message                                 | watch for out-of-memory kills
BRIDGE_FIND        | PARENT | $device *address                                       | find the network's bridge
WAY_OUT            | PARENT | $program @arguments                                    | start what speaks for the program outside
TIME_OFFSETS       | PARENT | $offsets                                               | create the time namespace
CONTAINER_FIND     | PARENT | #pid #started                                          | find the container's process
START_GATE         | PARENT | $path                                                  | open the gate that start opens
CONSOLE_SOCKET     | PARENT | $path                                                  | connect to the console socket
PIDFD_SOCKET       | PARENT | $path                                                  | connect to the pidfd socket
SECCOMP_AGENT      | PARENT | $path                                                  | connect to the seccomp agent
CGROUP_OPEN        | PARENT | $base $path #how                                       | create the cgroup
DEVICE_FILTER      | PARENT | #cgroup *program                                       | limit the use of devices
CGROUP_OWNER       | PARENT | #cgroup #uid                                           | give the cgroup to the container's user
TREE_IDMAPPED      | PARENT | $source *uids *gids #recursive #below                  | map the users of the mount
JOIN_PROCESSES     | PARENT | $path                                                  | join the process namespace
CLONE              | CLONE  | #flags #cgroup                                         | create the namespaces
CLONE_FREE         | CLONE  | #flags #cgroup                                         | create the namespaces
CGROUP_ENTER       | CHILD  | #cgroup                                                | join the cgroup
CGROUP_UNSHARE     | CHILD  |                                                        | create the cgroup namespace
MAP_IDS            | CHILD  | #uid_inside #uid_outside #gid_inside #gid_outside      | map the user into the namespace
NEW_SESSION        | CHILD  |                                                        | leave the terminal's session
NEW_KEYRING        | CHILD  |                                                        | create a keyring of its own
NAMELESS           | CHILD  |                                                        | keep files without a name from being executed
SET_HOSTNAME       | CHILD  | $name                                                  | set the host name
LOOPBACK_UP        | CHILD  |                                                        | bring the loopback interface up
BRIDGE_JOIN        | CHILD  | $networks $network *place $hostname *head               | join the network
WAY_OUT_WAIT       | CHILD  |                                                        | connect it to the outside
HOOK_OUTSIDE       | CHILD  | $path @arguments @environment #timeout $before $after  | run the hook
HOOK_INSIDE        | CHILD  | $path @arguments @environment #timeout $before $after  | run the hook
TERMINAL           | CHILD  | #rows #columns #user                                   | open the terminal
JOIN_NAMESPACE     | CHILD  | $path #type #foreign                                   | join the namespace
CLONE_AGAIN        | CHILD  | #flags                                                 | create the namespaces
MAP_RANGES         | CHILD  | *uids *gids                                            | map users into the namespace
MAP_HELPED         | CHILD  | $newuidmap *uids $newgidmap *gids                      | map users into the namespace
SET_DOMAINNAME     | CHILD  | $name                                                  | set the NIS domain name
SYSCTL             | CHILD  | $file $value                                           | set the kernel parameter
PROC_WRITE         | CHILD  | $file $value                                           | set the process's attribute
OPEN_ENGINE        | CHILD  | $engine $code                                          | open the WebAssembly engine and the compiled program
MOUNTS_PRIVATE     | CHILD  |                                                        | keep mounts from reaching the host
ROOT_ATTACH        | CHILD  | $path #attributes                                      | attach the root file system
ROOT_UNPACK        | CHILD  | #attributes #owners #shared                            | put the bundle's files into memory
ROOT_FILLED        | CHILD  |                                                        | put the bundle's files into memory
MOUNT_NEW          | CHILD  | $type $target @options #attributes                     | mount the file system
MOUNT_FILLED       | CHILD  | $target $option #attributes                            | mount memory with what lies there
MOUNT_BIND         | CHILD  | $source $target #attributes #recursive                 | mount from the host
HOSTS_BIND         | CHILD  | $target                                                | show it its hosts file
MOUNT_READONLY     | CHILD  | $target                                                | make the path read-only
MASK               | CHILD  | $target                                                | hide the path
MAKE_DIRECTORY     | CHILD  | $path #mode                                            | create the directory
MAKE_DEVICE        | CHILD  | $path #mode #major #minor                              | create the device
MAKE_LINK          | CHILD  | $path $target                                          | create the symbolic link
ROOT_PIVOT         | CHILD  |                                                        | change the root directory
MOUNTS_PROPAGATE   | CHILD  | #flags                                                 | set the propagation of all mounts
ROOT_BIND          | CHILD  | $path #propagation #attached                           | attach the root file system
ROOT_FIND          | CHILD  | $path                                                  | find the container's root
TREE_NEW           | CHILD  | $type $source @options #attributes                     | make the file system
TREE_BIND          | CHILD  | $source #recursive                                     | open what is to be mounted
TREE_KEEP          | CHILD  |                                                        | keep the mount for later
TREE_TAKE          | CHILD  | #index                                                 | take the mount whose users are mapped
TREE_ATTRIBUTES    | CHILD  | #set #clear #recursive                                 | set the mount's options
TREE_COPY_UP       | CHILD  | $target                                                | copy what the file system covers
TREE_ATTACH        | CHILD  | $target #how                                           | mount it on
TREE_PROPAGATION   | CHILD  | #type #recursive                                       | set the mount's propagation
PATH_MAKE          | CHILD  | $path #mode                                            | create the directory
PATH_ATTRIBUTES    | CHILD  | $target #set #clear #recursive                         | set the mount's options
PATH_PROPAGATION   | CHILD  | $target #type #recursive                               | set the mount's propagation
DEVICE_NODE        | CHILD  | $path #mode #major #minor #uid #gid                    | create the device
LINK_ANEW          | CHILD  | $path $target                                          | create the symbolic link
ROOT_SWITCH        | CHILD  | #how                                                   | change the root directory
VIEW_BEGIN         | CHILD  | #whole                                                 | begin a view of the container's files
VIEW_BIND          | CHILD  | #own $path $target                                     | put into the view of the container's files
SET_PERSONALITY    | CHILD  | #number                                                | set the execution domain
SET_SCHEDULER      | CHILD  | *attributes                                            | set the scheduling policy
SET_IO_PRIORITY    | CHILD  | #value                                                 | set the I/O priority
SET_MEMORY_POLICY  | CHILD  | #mode *nodes                                           | set the NUMA memory policy
SET_HOME           | CHILD  | #uid                                                   | find the user's home
SET_AFFINITY       | CHILD  | *mask                                                  | choose the CPUs
WARN               | CHILD  | $message $hint                                         | say it
CHANGE_DIRECTORY   | CHILD  | $path                                                  | change to the working directory
SET_RLIMIT         | CHILD  | #resource #soft #hard                                  | set the resource limit
DROP_BOUNDING      | CHILD  | #keep                                                  | drop capabilities for good
SET_IDS            | CHILD  | #uid #gid *groups #set_groups                          | become the container's user
SET_CAPABILITIES   | CHILD  | #effective #permitted #inheritable #ambient            | set the capabilities
NO_NEW_PRIVILEGES  | CHILD  |                                                        | forbid new privileges
TRACE              | CHILD  | #socket *program                                       | have its system calls watched
INIT               | CHILD  |                                                        | start the init process
SET_UMASK          | CHILD  | #mask                                                  | set the umask
KEEP_DESCRIPTORS   | CHILD  | #count                                                 | keep the descriptors open
FIND_PROGRAM       | CHILD  | $name $path                                            | find the program
WAIT_START         | CHILD  |                                                        | wait for the start
LANDLOCK           | CHILD  | @writable @executable #how #on_ports *ports *nameless  | keep it to its files and its program
OPEN_PROGRAM       | CHILD  | $path #descriptor                                      | open the program
SECCOMP_WITH       | CHILD  | *program #flags                                        | load the system call filter
SECCOMP_NOTIFY     | CHILD  | *program #flags $head $between $tail                   | load the system call filter
SECCOMP            | CHILD  | *program                                               | load the system call filter
EXEC               | EXEC   | $path @arguments @environment                          | execute the program
KEEP_CONTAINER     | SUPERVISE | $records $id                                        | run the container
KEEP_IMAGE         | SUPERVISE | $lock                                               | lock the image's files against removal
KEEP_ROOT          | SUPERVISE | $target @options                                    | mount the container's root
KEEP_USERS         | SUPERVISE | $newuidmap *uids $newgidmap *gids                  | map the users
KEEP_SECRETS       | SUPERVISE | $target                                             | mount a place for secrets
KEEP_NETWORK       | SUPERVISE | $path                                               | enter the network namespace
KEEP_PARAMETERS    | SUPERVISE | @files @values                                      | set kernel parameters of the network
KEEP_STREAMS       | SUPERVISE | #input #terminal                                    | connect its input and output
KEEP_LOG           | SUPERVISE | #size #files                                        | write its log
KEEP_RUNNING       | SUPERVISE | #policy #most                                       | start it again
KEEP_STOPPING      | SUPERVISE | #signal #seconds                                    | stop it
KEEP_PROBING       | SUPERVISE | #interval #timeout #start #start_interval #retries  | see whether it is well
PROBE_EXEC         | SUPERVISE | @arguments                                          | run the probe
PROBE_TCP          | SUPERVISE | $address #port                                      | connect to it
PROBE_HTTP         | SUPERVISE | $address #port $path                                | ask it
KEEP_AFTERWARDS    | SUPERVISE | #before                                             | give back what it had
"""

OPERATIONS: tuple[Operation, ...] = _table()
TABLE = zlib.crc32(_ROWS.encode())
"""What tells this table from every other: a plan is only executed by a launcher that was built from the same one."""

BY_NAME: dict[str, Operation] = {operation.name: operation for operation in OPERATIONS}
BY_CODE: dict[int, Operation] = {operation.code: operation for operation in OPERATIONS}


def c_header() -> str:
    """The C header ``ops.h``: codes, argument positions, and the signature table that a plan is checked against."""
    lines = [
        "/* Generated from runtime/opcodes.py by compile_native.py. */",
        "#ifndef WHIT_OPS_H",
        "#define WHIT_OPS_H",
        f"#define PLAN_VERSION {PLAN_VERSION}u",
        f"#define PLAN_TABLE {TABLE}u",
        f"#define MAX_ARGUMENTS {MAX_ARGUMENTS}u",
        f"#define MAX_OPERATIONS {MAX_OPERATIONS}u",
        f"#define MAX_PLAN_SIZE {MAX_PLAN_SIZE}u",
        "enum op_stage { " + ", ".join(f"STAGE_{stage.name}" for stage in Stage) + " };",
        "enum op_kind { KIND_NONE, " + ", ".join(f"KIND_{kind.name}" for kind in Kind) + " };",
        "enum op_code { OP_NONE, " + ", ".join(f"OP_{operation.name}" for operation in OPERATIONS) + ", OP_COUNT };",
    ]
    for operation in OPERATIONS:
        if operation.arguments:
            names = ", ".join(f"{operation.name}_{argument.name}" for argument in operation.arguments)
            lines.append(f"enum {{ {names} }};")
    lines.append("struct op_signature { unsigned char stage; unsigned char kinds[MAX_ARGUMENTS]; };")
    lines.append("#define OP_SIGNATURES { \\")
    for operation in OPERATIONS:
        kinds = ", ".join(f"KIND_{argument.kind.name}" for argument in operation.arguments) or "KIND_NONE"
        lines.append(f"\t[OP_{operation.name}] = {{ STAGE_{operation.stage.name}, {{ {kinds} }} }}, \\")
    lines += ["}", "#define OP_WHATS { \\"]
    lines += [f'\t[OP_{operation.name}] = "{operation.what}", \\' for operation in OPERATIONS]
    lines += ["}", "#endif", ""]
    return "\n".join(lines)
