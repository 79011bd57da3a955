use std::net::TcpListener;

fn main() {
    println!("{}", TcpListener::bind("127.0.0.1:0").is_ok());
}
