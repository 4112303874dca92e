//! Certificates for TLS servers, made on the spot.

use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// An authority that nobody knows but who is given its certificate.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority, with a key of its own.
    ///
    /// # Errors
    ///
    /// If no key can be made.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "tidegate test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer })
    }

    /// Its certificate in PEM, for clients to trust.
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// What a server at 127.0.0.1 and localhost proves itself with.
    ///
    /// # Errors
    ///
    /// If no key can be made.
    pub fn server(&self) -> Result<Identity> {
        self.identity(&["127.0.0.1", "localhost"])
    }

    /// What a server of these names proves itself with.
    ///
    /// # Errors
    ///
    /// If no key can be made, or a name is none.
    pub fn identity(&self, names: &[&str]) -> Result<Identity> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            // The nodes of a cluster are each other's clients.
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate()?;
        Ok(Identity {
            authority: self.certificate(),
            certificate: params.signed_by(&key, &self.issuer)?.pem(),
            key: key.serialize_pem(),
        })
    }
}

/// A server's certificate and key, and who signed them, in PEM.
#[derive(Clone)]
pub struct Identity {
    authority: String,
    certificate: String,
    key: String,
}

impl Identity {
    /// Certificate and key.
    pub(crate) fn pem(&self) -> (&str, &str) {
        (&self.certificate, &self.key)
    }

    /// Writes the files that a server reads: authority, certificate, key.
    pub(crate) fn write(&self, folder: &Path) -> Result<[PathBuf; 3]> {
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).map(|()| path)
        };
        Ok([
            write("authority.pem", &self.authority)?,
            write("certificate.pem", &self.certificate)?,
            write("key.pem", &self.key)?,
        ])
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity")
    }
}
