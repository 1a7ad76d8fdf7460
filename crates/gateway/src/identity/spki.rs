//! A registered public key as DER `SubjectPublicKeyInfo`, down to the key itself.

/// The key itself within a DER `SubjectPublicKeyInfo`: the content of its bit string (RFC 5280 section 4.1).
pub(super) fn key_bits(der: &[u8]) -> Option<&[u8]> {
    let (0x30, spki, []) = element(der)? else {
        return None;
    };
    let (0x30, _algorithm, rest) = element(spki)? else {
        return None;
    };
    let (0x03, bits, []) = element(rest)? else {
        return None;
    };
    bits.strip_prefix(&[0])
}

/// One DER element: tag, content, what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => (
            usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])),
            &rest[2..],
        ),
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((*tag, content, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData as _};

    #[test]
    fn a_key_is_found_and_broken_der_is_none() {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let der = pair.subject_public_key_info();
        assert_eq!(key_bits(&der), Some(pair.der_bytes()));
        for cut in 0..der.len() {
            assert_eq!(key_bits(&der[..cut]), None);
        }
        assert_eq!(key_bits(&[&der[..], &[0]].concat()), None);
    }
}
