use std::fs::File;
use std::io::Write;

fn main() -> std::io::Result<()> {
    let path = format!("/tmp/scratch-{}", std::process::id());
    File::create(&path)?.write_all(b"x")?;
    std::fs::remove_file(&path)?;
    println!("written");
    Ok(())
}
