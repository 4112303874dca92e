//! The Rust code in README.md and docs/, as doctests, so that it cannot rot.

macro_rules! tested {
    ($($name:ident: $page:literal),* $(,)?) => {$(
        #[cfg(doctest)]
        #[doc = include_str!($page)]
        mod $name {}
    )*};
}

tested! {
    readme: "../../README.md",
    introduction: "../../docs/introduction.md",
    choosing_a_quota: "../../docs/choosing-a-quota.md",
    choosing_a_store: "../../docs/choosing-a-store.md",
    policies_in_a_file: "../../docs/policies-in-a-file.md",
    http: "../../docs/http.md",
    behind_a_proxy: "../../docs/behind-a-proxy.md",
    observing: "../../docs/observing.md",
    guarantees: "../../docs/guarantees.md",
    custom_store: "../../docs/custom-store.md",
}
