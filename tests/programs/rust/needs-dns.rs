use std::net::ToSocketAddrs;

fn main() {
    let found = ("localhost", 80).to_socket_addrs().map(|all| all.count() > 0);
    println!("{}", found.unwrap_or(false));
}
