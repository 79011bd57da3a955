//! The engine, and the compiled code that the launcher left open.
#![allow(unsafe_code)]
use std::fs::File;
use std::io::Read;
use std::os::fd::FromRawFd;

use wasmtime::component::Component;
use wasmtime::{Config, Engine, Module};

use crate::failure::Failure;
use crate::settings::{Kind, Settings};

/// Where the launcher leaves the compiled code (`runtime/launcher/ops_wasm.c`).
const CODE: i32 = 3;

/// As `runtime/wasm/compile.py` has it: code that was compiled with other settings is refused when it is loaded.
pub fn new(settings: &Settings) -> Result<Engine, Failure> {
    let mut config = Config::new();
    config.epoch_interruption(settings.timeout.is_some() || settings.kind == Kind::Service);
    config.consume_fuel(settings.fuel.is_some());
    Engine::new(&config).map_err(|error| Failure::engine(&format!("{error:#}")))
}

fn code() -> File {
    // SAFETY: nothing else in this process knows the descriptor, and each run takes it once.
    unsafe { File::from_raw_fd(CODE) }
}

pub fn module(engine: &Engine) -> Result<Module, Failure> {
    // SAFETY: the file is of whit's cache, which only its owner can write: the code in it is wasmtime's own.
    unsafe { Module::deserialize_open_file(engine, code()) }.map_err(|error| Failure::engine(&format!("{error:#}")))
}

pub fn component(engine: &Engine) -> Result<Component, Failure> {
    let mut bytes = Vec::new();
    code().read_to_end(&mut bytes)?;
    // SAFETY: as above.
    unsafe { Component::deserialize(engine, bytes) }.map_err(|error| Failure::engine(&format!("{error:#}")))
}
