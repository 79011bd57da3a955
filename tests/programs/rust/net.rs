//! Sockets by the standard library: `net serve PORT`, `net ask HOST:PORT TEXT`, `net udp PORT`, `net resolve NAME`.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::process::ExitCode;

/// Answers each client with what it said, backwards, until one says "end".
fn serve(port: u16) -> std::io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (mut client, _) = listener.accept()?;
        let mut said = String::new();
        client.read_to_string(&mut said)?;
        client.write_all(said.chars().rev().collect::<String>().as_bytes())?;
        if said == "end" {
            return Ok(());
        }
    }
}

fn ask(address: &str, text: &str) -> std::io::Result<()> {
    let mut server = TcpStream::connect(address)?;
    server.write_all(text.as_bytes())?;
    server.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    server.read_to_string(&mut answer)?;
    println!("{answer}");
    Ok(())
}

/// Sends itself a datagram.
fn udp(port: u16) -> std::io::Result<()> {
    let socket = UdpSocket::bind(("127.0.0.1", port))?;
    socket.send_to(b"to myself", socket.local_addr()?)?;
    let mut got = [0; 64];
    let (size, from) = socket.recv_from(&mut got)?;
    println!("{} from {}", String::from_utf8_lossy(&got[..size]), from.ip());
    Ok(())
}

fn resolve(name: &str) -> std::io::Result<()> {
    let mut found: Vec<String> = (name, 0).to_socket_addrs()?.map(|one| one.ip().to_string()).collect();
    found.sort();
    found.dedup();
    println!("{}", found.join(" "));
    Ok(())
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse().ok()).unwrap_or(0);
    let done = match words.first().map(String::as_str) {
        Some("serve") => serve(number(1)),
        Some("ask") => ask(&words[1], &words[2]),
        Some("udp") => udp(number(1)),
        Some("resolve") => resolve(&words[1]),
        _ => return ExitCode::from(2),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{:?}", error.kind());
            ExitCode::FAILURE
        }
    }
}
