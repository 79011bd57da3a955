fn main() {
    println!("{:?}", std::env::home_dir());
}
