pub(crate) fn tests() -> Vec<(&'static str, fn())> {
    vec![]
}
