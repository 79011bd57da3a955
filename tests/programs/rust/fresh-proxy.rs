use std::io;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

fn serve(upstream: &str) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let _ = listener.accept();
    let mut from = TcpStream::connect(upstream)?;
    from.set_read_timeout(Some(Duration::from_secs(1)))?;
    io::copy(&mut from, &mut io::sink())?;
    Ok(())
}

fn main() {
    match serve("localhost:1") {
        Ok(()) => println!("done"),
        Err(_) => println!("no upstream"),
    }
}
