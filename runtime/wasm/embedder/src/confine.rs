//! The second filter: once the program is loaded, no memory becomes executable any more, and nothing is executed.
//!
//! Whoever found a hole in the engine would have to make code first. The launcher's filter stays; the kernel asks both.
#![allow(unsafe_code)]
use std::mem::offset_of;

use libc::{c_long, sock_filter, sock_fprog};

use crate::failure::Failure;

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const IS: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const HAS: u16 = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K
const KILL: u32 = 0x8000_0000; // SECCOMP_RET_KILL_PROCESS
const ALLOW: u32 = 0x7fff_0000;
const EXECUTABLE: u32 = libc::PROT_EXEC as u32;
const SHM_EXEC: u32 = 0o100_000;

/// (system call, the argument that may not have the bits, the bits). Without bits the call is forbidden as such.
const FORBIDDEN: [(c_long, usize, u32); 7] = [
    (libc::SYS_mmap, 2, EXECUTABLE),
    (libc::SYS_mprotect, 2, EXECUTABLE),
    (libc::SYS_pkey_mprotect, 2, EXECUTABLE),
    (libc::SYS_shmat, 2, SHM_EXEC),
    (libc::SYS_personality, 0, 0),
    (libc::SYS_execve, 0, 0),
    (libc::SYS_execveat, 0, 0),
];

fn step(code: u16, k: u32, yes: u8, no: u8) -> sock_filter {
    sock_filter { code, jt: yes, jf: no, k }
}

/// Arguments are 64 bits wide, in this machine's order; the bits asked for are in the lower half.
fn argument(index: usize) -> u32 {
    let half = if cfg!(target_endian = "big") { 4 } else { 0 };
    u32::try_from(offset_of!(libc::seccomp_data, args) + index * 8 + half).unwrap_or(u32::MAX)
}

fn program() -> Vec<sock_filter> {
    let mut steps = vec![step(LOAD, 0, 0, 0)];
    for (call, index, bits) in FORBIDDEN {
        let number = u32::try_from(call).unwrap_or(u32::MAX);
        if bits == 0 {
            steps.extend([step(IS, number, 0, 1), step(RETURN, KILL, 0, 0)]);
        } else {
            steps.extend([
                step(IS, number, 0, 4),
                step(LOAD, argument(index), 0, 0),
                step(HAS, bits, 0, 1),
                step(RETURN, KILL, 0, 0),
                step(RETURN, ALLOW, 0, 0),
            ]);
        }
    }
    steps.push(step(RETURN, ALLOW, 0, 0));
    steps
}

/// From here on. The launcher has forbidden new privileges, without which no filter could be loaded, and foreign architectures.
pub fn no_new_code() -> Result<(), Failure> {
    let mut steps = program();
    let filter = sock_fprog { len: u16::try_from(steps.len()).unwrap_or(0), filter: steps.as_mut_ptr() };
    // SAFETY: the kernel copies the filter while the call lasts.
    let failed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) != 0
    };
    if failed { Err(std::io::Error::last_os_error().into()) } else { Ok(()) }
}
