use std::{env, fs};
fn main() {
    let a: Vec<_> = env::args().collect();
    let t = sandgate_fuzz::TARGETS.iter().find(|t| t.name == a[1]).unwrap();
    (t.run)(&fs::read(&a[2]).unwrap());
}
