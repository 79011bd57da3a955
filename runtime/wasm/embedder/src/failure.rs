//! How a run ends: with the program's own exit code, or with one line that says why.
use std::io::Write;
use std::process::ExitCode;

use wasmtime::{ThrownException, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::limits::{Refused, TABLES};

/// whit's own failures; a program that can't be run; one whose time is over; one that trapped (as one that calls abort).
const ENGINE: u8 = 125;
const REFUSED: u8 = 126;
pub const TIMED_OUT: u8 = 124;
const TRAPPED: u8 = 134;

/// The program asked to end with this code.
#[derive(Debug)]
pub struct Exit(pub u8);

impl std::fmt::Display for Exit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "exit {}", self.0)
    }
}

impl std::error::Error for Exit {}

#[derive(Debug)]
pub enum Failure {
    /// Nothing to tell.
    Exit(u8),
    /// The exit code, what is wrong, and what helps, which may be nothing.
    Told(u8, String, String),
}

impl Failure {
    pub fn engine(why: &str) -> Self {
        Self::told(ENGINE, format!("the WebAssembly engine can't run it: {why}"))
    }

    pub fn refused(why: String) -> Self {
        Self::told(REFUSED, why)
    }

    pub fn told(code: u8, why: String) -> Self {
        Self::Told(code, why, String::new())
    }

    pub fn helped(self, hint: impl Into<String>) -> Self {
        match self {
            Self::Told(code, why, _) => Self::Told(code, why, hint.into()),
            Self::Exit(_) => self,
        }
    }

    /// What kept it from being started, where it was more than it may have.
    pub fn too_large(refused: Refused) -> Self {
        match refused {
            Refused::Memory(bytes) => {
                Self::refused(format!("it wants {bytes} bytes of memory to begin with, more than --memory leaves it"))
                    .helped("--memory gives it more")
            }
            Refused::Tables(count) => Self::refused(format!(
                "it wants {count} elements of tables to begin with, and a program may have {TABLES}"
            )),
        }
    }

    /// What came out of a call of the program.
    pub fn of_call(error: &wasmtime::Error, refused: Option<Refused>) -> Self {
        if let Some(Exit(code)) = error.downcast_ref() {
            return Self::Exit(*code);
        }
        if let Some(I32Exit(code)) = error.downcast_ref() {
            return Self::Exit(u8::try_from(*code & 0xff).unwrap_or(1));
        }
        let place = error.downcast_ref::<WasmBacktrace>().map(place).unwrap_or_default();
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => Self::told(TIMED_OUT, format!("its --timeout was over{place}"))
                .helped("a longer --timeout gives it more"),
            Some(Trap::OutOfFuel) => {
                Self::told(TIMED_OUT, format!("its --fuel was used up{place}")).helped("--fuel gives it more")
            }
            Some(trap) => Self::told(TRAPPED, format!("it trapped: {}{place}{}", words(*trap), before(refused)))
                .helped(if matches!(refused, Some(Refused::Memory(_))) { "--memory gives it more" } else { "" }),
            None if error.is::<ThrownException>() => {
                Self::told(TRAPPED, format!("it threw an exception that nothing caught{place}"))
            }
            None => Self::told(TRAPPED, format!("it failed: {}{place}", error.root_cause())),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::engine(&error.to_string())
    }
}

fn words(trap: Trap) -> String {
    match trap {
        Trap::StackOverflow => "its calls went too deep for the stack".into(),
        Trap::MemoryOutOfBounds => "access beyond the end of its memory".into(),
        Trap::UnreachableCodeReached => {
            "it reached an instruction that it holds unreachable, as abort and panic do".into()
        }
        Trap::IntegerDivisionByZero => "division by zero".into(),
        _ => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
    }
}

fn before(refused: Option<Refused>) -> String {
    match refused {
        Some(Refused::Memory(bytes)) => {
            format!(" (before that it was refused memory: {bytes} bytes are more than --memory leaves it)")
        }
        Some(Refused::Tables(count)) => {
            format!(" (before that it was refused tables: {count} elements are more than the {TABLES} of a program)")
        }
        None => String::new(),
    }
}

/// The functions that it was in, by the name section, the innermost first.
fn place(trace: &WasmBacktrace) -> String {
    let names: Vec<String> = trace
        .frames()
        .iter()
        .take(3)
        .map(|frame| frame.func_name().map_or_else(|| format!("#{}", frame.func_index()), printable))
        .collect();
    names.split_first().map_or_else(String::new, |(first, rest)| {
        let callers =
            if rest.is_empty() { String::new() } else { format!(", called by {}", rest.join(", called by ")) };
        format!(", in function {first}{callers}")
    })
}

/// Names are the file's: no control characters, and not for ever.
pub fn printable(name: &str) -> String {
    name.chars().take(120).map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

/// Its one line, if there is anything to tell, and what helps.
pub fn tell(name: &str, failure: &Failure) {
    if let Failure::Told(_, what, hint) = failure {
        let line: String = what.split_whitespace().collect::<Vec<_>>().join(" ");
        let more = if hint.is_empty() { String::new() } else { format!("hint: {hint}\n") };
        eprint!("whit: {}: {line}\n{more}", printable(name));
    }
}

pub fn exit_code(name: &str, done: Result<(), Failure>) -> ExitCode {
    let _ = std::io::stdout().flush();
    let Err(failure) = done else { return ExitCode::SUCCESS };
    tell(name, &failure);
    match failure {
        Failure::Exit(code) | Failure::Told(code, ..) => code.into(),
    }
}

/// A fault of the engine's own is told in a line, too.
pub fn never_abort() {
    std::panic::set_hook(Box::new(|panic| {
        let what = panic.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        eprintln!("whit: the WebAssembly engine failed, which is a fault of its own: {what}");
        std::process::exit(i32::from(ENGINE));
    }));
}
