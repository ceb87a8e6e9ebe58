//! Plans of the built-in patterns, made by the build script: see `build.rs`.

/// The plan of one pattern. Numbers are places in [`LITERALS`].
#[derive(Debug)]
pub(super) struct Prepared {
    /// The pattern as written.
    source: &'static str,
    /// The strings, one of which every match contains.
    pub(super) set: &'static [u16],
    /// Of each of these sets every match contains one string too.
    pub(super) also: &'static [&'static [u16]],
    /// Bytes before the string in which the match begins.
    pub(super) before: u16,
    /// Bytes after the string in which the match ends.
    pub(super) after: u16,
}

include!(concat!(env!("OUT_DIR"), "/prepared.rs"));

/// The plan of a built-in pattern.
pub(super) fn find(source: &str) -> Option<&'static Prepared> {
    let at = PREPARED.binary_search_by(|prepared| prepared.source.cmp(source)).ok()?;
    PREPARED.get(at)
}

#[cfg(test)]
mod tests {
    use super::super::literals::Plan;
    use super::*;

    #[test]
    fn what_was_prepared_is_what_would_be_planned() {
        assert!(PREPARED.len() > 500, "{} patterns", PREPARED.len());
        let set = |numbers: &[u16]| -> Vec<Vec<u8>> {
            numbers.iter().map(|n| LITERALS[usize::from(*n)].to_vec()).collect()
        };
        for prepared in PREPARED {
            let plan = Plan::new(prepared.source).expect("valid").expect("has literals");
            assert_eq!(set(prepared.set), plan.set, "{}", prepared.source);
            assert_eq!(prepared.also.iter().map(|s| set(s)).collect::<Vec<_>>(), plan.also);
            assert_eq!((prepared.before, prepared.after), (plan.before, plan.after));
            assert!(find(prepared.source).is_some());
        }
    }
}
