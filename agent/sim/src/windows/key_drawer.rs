//! RSA keys that lie ready: ring makes none, and a world's keys must follow from its seed.
//!
//! Guarantees: the n-th key that a world asks for is always the same. Deliberately absent: any secrecy. The keys are published with
//! this program and guard nothing but simulated machines.

use std::sync::LazyLock;

use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;

static DRAWER: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let keys = PrivatePkcs8KeyDer::pem_slice_iter(include_bytes!("key_drawer.pem"));
    keys.filter_map(Result::ok).map(|key| key.secret_pkcs8_der().to_vec()).collect()
});

/// The length of every key in the drawer, bits.
pub(crate) const KEY_LENGTH: u32 = 2048;

/// A 2048 bit RSA key, PKCS#8 DER; different numbers may share one.
pub(crate) fn key(number: u64) -> &'static [u8] {
    let at = usize::try_from(number).unwrap_or(0).checked_rem(DRAWER.len()).unwrap_or(0);
    DRAWER.get(at).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_drawer_can_sign() {
        for number in 0..8 {
            assert!(ring::rsa::KeyPair::from_pkcs8(key(number)).is_ok(), "key {number}");
        }
        assert_ne!(key(0), key(1));
        assert_eq!(key(0), key(8));
    }
}
