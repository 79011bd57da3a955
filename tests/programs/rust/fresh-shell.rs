use std::process::{Command, Stdio};

fn main() {
    let started = Command::new("sh").args(["-c", "exit 3"]).stdout(Stdio::null()).spawn();
    println!("{}", if started.is_ok() { "ran" } else { "no shell" });
}
