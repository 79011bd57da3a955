//! What the launch plan says of the run: `whit-wasm,kind=module,timeout=1500,…` (`runtime/wasm/settings.py` writes it).
use std::ffi::OsString;
use std::time::Duration;

use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Module,
    Component,
    /// A component that answers HTTP requests.
    Service,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub kind: Kind,
    /// How long the program may run; a service, how long for one request.
    pub timeout: Option<Duration>,
    /// How many units it may use up, about one for each instruction.
    pub fuel: Option<u64>,
    /// How many bytes its memories may have together.
    pub memory: Option<u64>,
    /// Whether it may use sockets and ask over HTTP, within what the container's network reaches.
    pub network: bool,
    /// The function to call, where it isn't the usual one.
    pub function: Option<String>,
}

impl Settings {
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let mut settings =
            Self { kind: Kind::Module, timeout: None, fuel: None, memory: None, network: false, function: None };
        // The last one, as a function's name may have any letter.
        let (text, function) = text.split_once(",function=").map_or((text, None), |(text, name)| (text, Some(name)));
        settings.function = function.map(str::to_owned);
        for word in text.split(',').skip(1) {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            match key {
                "kind" if value == "module" => settings.kind = Kind::Module,
                "kind" if value == "component" => settings.kind = Kind::Component,
                "kind" if value == "service" => settings.kind = Kind::Service,
                "timeout" => settings.timeout = Some(Duration::from_millis(number(value)?)),
                "fuel" => settings.fuel = Some(number(value)?),
                "memory" => settings.memory = Some(number(value)?),
                "network" => settings.network = true,
                _ => return Err(Failure::engine(&format!("it doesn't know the setting '{word}'"))),
            }
        }
        Ok(settings)
    }
}

fn number(text: &str) -> Result<u64, Failure> {
    text.parse().map_err(|_| Failure::engine(&format!("'{text}' is no number")))
}

/// WASI's texts are UTF-8.
pub fn texts(words: impl Iterator<Item = OsString>, what: &str) -> Result<Vec<String>, Failure> {
    words
        .map(|word| {
            word.into_string().map_err(|word| {
                Failure::refused(format!("the {what} '{}' isn't UTF-8, and WASI has no other", word.to_string_lossy()))
            })
        })
        .collect()
}
