//! DKIM signatures (RFC 6376) on answers.

use mail_auth::common::crypto::{RsaKey, Sha256};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::{DkimSigner, Done};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::config::DkimConfig;

/// Fields that are signed.
const FIELDS: [&str; 9] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "Content-Type",
];

/// Signs answers.
pub struct Signer {
    signer: DkimSigner<RsaKey<Sha256>, Done>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    /// Reads the key.
    ///
    /// # Errors
    /// The file cannot be read or holds no RSA key.
    pub fn open(config: &DkimConfig) -> Result<Self, String> {
        let name = config.key.display();
        let der = PrivateKeyDer::from_pem_file(&config.key)
            .map_err(|e| format!("{name}: cannot read the key: {e}"))?;
        let key =
            RsaKey::<Sha256>::from_key_der(der).map_err(|e| format!("{name}: expected an RSA key: {e}"))?;
        let signer =
            DkimSigner::from_key(key).domain(&config.domain).selector(&config.selector).headers(FIELDS);
        Ok(Self { signer })
    }

    /// The message with a signature above it.
    ///
    /// # Errors
    /// The key cannot sign.
    pub(super) fn sign(&self, message: Vec<u8>) -> Result<Vec<u8>, String> {
        let signature = self.signer.sign(&message).map_err(|e| format!("cannot sign: {e}"))?;
        let mut signed = signature.to_header().into_bytes();
        signed.extend_from_slice(&message);
        Ok(signed)
    }
}
