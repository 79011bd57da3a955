"""Execute a command as on a kernel that refuses one call: ``refusing.py CALL INDEX BITS ERRNO COMMAND…``.

The call fails with ERRNO where all BITS of its argument INDEX are set (0: always), for the command and all that it starts.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys

from tests.integration.older_kernel import LIBC, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, Program
from whit.runtime.machine import MACHINES
from whit.runtime.seccomp.bpf import compile_filter
from whit.runtime.seccomp.model import ALLOW, Condition, Filter, Operator, Rule, errno


def main() -> None:
    call, index, bits, number, *command = sys.argv[1:]
    architecture = MACHINES[platform.machine()]
    condition = Condition(int(index), Operator.MASKED_EQ, int(bits), int(bits))
    refusal = Filter(ALLOW, (architecture,), (Rule((call,), errno(int(number)), (condition,)),))
    data = compile_filter(refusal, architecture)
    buffer = ctypes.create_string_buffer(data, len(data))
    program = Program(len(data) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    if LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
