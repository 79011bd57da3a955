use std::{env, fs, path::PathBuf};

fn main() {
    let base = env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")));
    let text = base.map(|base| fs::read_to_string(base.join("app.toml")).unwrap_or_default());
    println!("{}", text.unwrap_or_default().len());
}
