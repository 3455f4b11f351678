//! Channel binding: what ties an NTLM handshake to the TLS that it is carried in (`tls-server-end-point`, RFC 5929).

/// Bytes of `SEC_CHANNEL_BINDINGS` before the application's data.
const HEADER: usize = 32;

/// The structure that a security context compares a client's proof with, for the server certificate `der`.
///
/// SHA-256 is right for every certificate that a simulated listener has: RFC 5929 names it for SHA-1 and SHA-256 signatures, and
/// clients use it for Ed25519, which has no hash of its own.
pub(super) fn of(der: &[u8]) -> Vec<u8> {
    let digest = ring::digest::digest(&ring::digest::SHA256, der);
    let data = [b"tls-server-end-point:", digest.as_ref()].concat();
    let mut bytes = vec![0; HEADER];
    // The lengths of both are below 64, so they fit.
    bytes[24..28].copy_from_slice(&u32::try_from(data.len()).unwrap_or_default().to_le_bytes());
    bytes[28..32].copy_from_slice(&u32::try_from(HEADER).unwrap_or_default().to_le_bytes());
    bytes.extend(data);
    bytes
}
