//! `--timeout`: a timer's signal moves the engine's epoch, at which the program traps where it is.
//!
//! Services have another: it moves the epoch at which requests give way to each other.
//!
//! A program that waits in a call of its host doesn't look at the epoch: the next signal ends it there.
#![allow(unsafe_code)]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wasmtime::Engine;

use crate::failure::{Failure, TIMED_OUT};

static ENGINE: OnceLock<Engine> = OnceLock::new();
static OVER: AtomicBool = AtomicBool::new(false);
const LINE: &[u8] = b"whit: the program was ended: it waited for something when its --timeout was over\n";
const AGAIN: Duration = Duration::from_millis(50);
const TURN: Duration = Duration::from_millis(10);

/// Only what a signal handler may do: atomics, write and _exit.
extern "C" fn ring(_: libc::c_int) {
    if !OVER.swap(true, Ordering::Relaxed) {
        if let Some(engine) = ENGINE.get() {
            engine.increment_epoch();
        }
        return;
    }
    // SAFETY: async-signal-safe calls with a constant.
    unsafe {
        libc::write(2, LINE.as_ptr().cast(), LINE.len());
        libc::_exit(i32::from(TIMED_OUT));
    }
}

fn interval(time: Duration) -> libc::timeval {
    let micros = i64::from(time.subsec_micros());
    libc::timeval { tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX), tv_usec: micros }
}

/// Once a signal's timer is set, its handler is called again and again.
fn set(
    signal: libc::c_int,
    handler: extern "C" fn(libc::c_int),
    which: libc::c_int,
    times: &libc::itimerval,
) -> Result<(), Failure> {
    // SAFETY: the handlers do only what a handler may, and both structures are whole.
    let failed = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        libc::sigaction(signal, &raw const action, std::ptr::null_mut()) != 0
            || libc::setitimer(which, times, std::ptr::null_mut()) != 0
    };
    if failed { Err(std::io::Error::last_os_error().into()) } else { Ok(()) }
}

/// A program that is run once ends when its time is over.
pub fn start(engine: &Engine, timeout: Option<Duration>) -> Result<(), Failure> {
    let Some(timeout) = timeout else { return Ok(()) };
    let _ = ENGINE.set(engine.clone());
    let first = interval(timeout.max(Duration::from_millis(1)));
    set(libc::SIGALRM, ring, libc::ITIMER_REAL, &libc::itimerval { it_interval: interval(AGAIN), it_value: first })
}

extern "C" fn tick(_: libc::c_int) {
    if let Some(engine) = ENGINE.get() {
        engine.increment_epoch();
    }
}

/// Requests take turns: each goes on for a turn of CPU time, then the others. Where nothing is computed no time passes.
pub fn take_turns(engine: &Engine) -> Result<(), Failure> {
    let _ = ENGINE.set(engine.clone());
    set(
        libc::SIGPROF,
        tick,
        libc::ITIMER_PROF,
        &libc::itimerval { it_interval: interval(TURN), it_value: interval(TURN) },
    )
}
