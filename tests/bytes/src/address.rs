//! Addresses of servers: refused or taken, and a password is in no error.

use tidegate_store_redis::RedisStore;

const PASSWORD: &str = "kT9-secret";

/// An address, after a login.
pub fn address(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // Nothing is connected to before there is a runtime.
    for address in [text.to_owned(), format!("redis://user:{PASSWORD}@{text}")] {
        if let Err(error) = RedisStore::builder(&address).build() {
            let said = format!("{error} {error:?}");
            assert!(!said.contains(PASSWORD), "{said}");
        }
    }
}
