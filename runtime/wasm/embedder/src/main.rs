//! The program of a WebAssembly container: runs one module or component that was compiled beforehand.
//!
//! whit's launcher executes it by descriptor, confined already, with the compiled code at descriptor 3. It has no compiler,
//! opens nothing of the host, and once the program is loaded a filter lets no memory become executable any more.
//!
//! Arguments: first the settings (settings.rs), then the program's own, its name first. The environment is the program's.
#![deny(warnings, clippy::pedantic)]
#![deny(unsafe_code)]

mod command;
mod confine;
mod context;
mod deadline;
mod engine;
mod failure;
mod limits;
mod requests;
mod serve;
mod settings;
mod trust;

use std::process::ExitCode;

use failure::Failure;
use settings::{Kind, Settings};

fn run(settings: &Settings, arguments: &[String]) -> Result<(), Failure> {
    let engine = engine::new(settings)?;
    match settings.kind {
        Kind::Service => deadline::take_turns(&engine)?,
        Kind::Module | Kind::Component => deadline::start(&engine, settings.timeout)?,
    }
    let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    waiting.block_on(async {
        match settings.kind {
            Kind::Module => command::run_module(&engine, settings, arguments).await,
            Kind::Component => command::run_component(&engine, settings, arguments).await,
            Kind::Service => serve::serve(&engine, settings, arguments).await,
        }
    })
}

fn main() -> ExitCode {
    failure::never_abort();
    let mut words = std::env::args_os();
    let told = words.next().unwrap_or_default();
    if words.len() == 0 {
        println!("{}", option_env!("WHIT_WASM_KEY").unwrap_or("of no key"));
        return ExitCode::SUCCESS;
    }
    let name = words.next().unwrap_or_default().to_string_lossy().into_owned();
    let done = settings::texts(words, "argument").and_then(|rest| {
        let settings = Settings::parse(&told.to_string_lossy())?;
        let arguments: Vec<String> = std::iter::once(name.clone()).chain(rest).collect();
        run(&settings, &arguments)
    });
    failure::exit_code(&name, done)
}
