//! The words that come most often in files, or in what comes in.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::process::ExitCode;
use std::{env, fs};

const SHOWN: usize = 10;

fn count(text: &[u8], counts: &mut BTreeMap<String, u64>) {
    for word in String::from_utf8_lossy(text).split(|one: char| !one.is_alphanumeric()) {
        if !word.is_empty() {
            *counts.entry(word.to_lowercase()).or_default() += 1;
        }
    }
}

fn read_input() -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    io::stdin().read_to_end(&mut text)?;
    Ok(text)
}

fn main() -> ExitCode {
    let names: Vec<String> = env::args().skip(1).collect();
    let mut counts = BTreeMap::new();
    let mut code = ExitCode::SUCCESS;
    let texts = if names.is_empty() {
        vec![("-".to_string(), read_input())]
    } else {
        names
            .into_iter()
            .map(|name| (name.clone(), fs::read(name)))
            .collect()
    };
    for (name, text) in texts {
        match text {
            Ok(text) => count(&text, &mut counts),
            Err(error) => {
                eprintln!("{name}: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    let mut sorted: Vec<(String, u64)> = counts.into_iter().collect();
    // What comes as often stays in the order of the alphabet.
    sorted.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    for (word, times) in sorted.into_iter().take(SHOWN) {
        println!("{times:7} {word}");
    }
    code
}
