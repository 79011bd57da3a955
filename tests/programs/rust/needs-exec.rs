use std::process::Command;

fn main() {
    match Command::new("/no/such/program").arg("x").status() {
        Ok(status) => println!("{status}"),
        Err(error) => println!("{:?}", error.kind()),
    }
}
