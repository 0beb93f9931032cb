//! Rebuilds the crate when a migration is added: the compiler itself only sees changes of known files.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
