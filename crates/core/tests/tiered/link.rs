//! How a node stands with the store.
