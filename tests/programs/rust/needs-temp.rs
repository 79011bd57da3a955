use std::{env, fs};

fn main() {
    let file = env::temp_dir().join(format!("whit-{}", std::process::id()));
    println!("{:?}", fs::write(&file, "x"));
    fs::remove_file(file).ok();
}
