//! Certificates of the machine's store, whose keys are kept by CNG and sign without leaving it ("CertOpenStore",
//! "CryptAcquireCertificatePrivateKey", "NCryptSignHash").

use std::ffi::c_void;
use std::io;
use std::ptr::null;

use windows_sys::Win32::Foundation::{
    CRYPT_E_NO_KEY_PROPERTY, CRYPT_E_NOT_FOUND, E_ACCESSDENIED, ERROR_ACCESS_DENIED, NTE_BAD_KEYSET, NTE_BAD_PROV_TYPE,
    NTE_KEYSET_NOT_DEF, NTE_NO_KEY, NTE_NOT_FOUND, NTE_PERM, NTE_PROV_TYPE_NOT_DEF, NTE_SILENT_CONTEXT,
    NTE_UI_REQUIRED,
};
use windows_sys::Win32::Security::Cryptography::{
    BCRYPT_PAD_PKCS1, BCRYPT_PAD_PSS, BCRYPT_PKCS1_PADDING_INFO, BCRYPT_PSS_PADDING_INFO, BCRYPT_SHA256_ALGORITHM,
    CERT_CONTEXT, CERT_FIND_SHA1_HASH, CERT_NCRYPT_KEY_SPEC, CERT_STORE_OPEN_EXISTING_FLAG, CERT_STORE_PROV_SYSTEM_W,
    CERT_STORE_READONLY_FLAG, CERT_SYSTEM_STORE_LOCAL_MACHINE, CRYPT_ACQUIRE_ONLY_NCRYPT_KEY_FLAG,
    CRYPT_ACQUIRE_SILENT_FLAG, CRYPT_INTEGER_BLOB, CertCloseStore, CertFindCertificateInStore,
    CertFreeCertificateContext, CertOpenStore, CryptAcquireCertificatePrivateKey, CryptReleaseContext, HCERTSTORE,
    NCRYPT_SILENT_FLAG, NCryptFreeObject, NCryptSignHash, PKCS_7_ASN_ENCODING, X509_ASN_ENCODING,
};
use windows_sys::w;

use super::super::Padding;

/// No RSA key of CNG is longer than 16,384 bits; the length of a signature in bytes.
const LONGEST: usize = 2_048;

/// Bytes of salt in a signature with PSS: as many as the digest has (RFC 7518, 3.5).
const SALT: u32 = 32;

/// A certificate and its key. Fields are dropped in this order: the key may belong to the certificate.
pub(in crate::system) struct StoredCertificate {
    key: Key,
    certificate: Found,
}

pub(in crate::system) fn stored_certificate(thumbprint: &[u8; 20]) -> io::Result<StoredCertificate> {
    let certificate = Store::of_machine()?.find(thumbprint)?;
    let key = certificate.key()?;
    Ok(StoredCertificate { key, certificate })
}

impl StoredCertificate {
    pub fn der(&self) -> &[u8] {
        self.certificate.der()
    }

    pub fn sign(&self, digest: &[u8; 32], padding: Padding) -> io::Result<Vec<u8>> {
        self.key.sign(digest, padding)
    }
}

/// `LocalMachine\My`, open for reading.
struct Store(HCERTSTORE);

impl Store {
    fn of_machine() -> io::Result<Self> {
        let flags = CERT_SYSTEM_STORE_LOCAL_MACHINE | CERT_STORE_READONLY_FLAG | CERT_STORE_OPEN_EXISTING_FLAG;
        // SAFETY: this provider takes the store's name as a text that ends in zero; the store is closed on drop.
        let store = unsafe { CertOpenStore(CERT_STORE_PROV_SYSTEM_W, 0, 0, flags, w!("MY").cast()) };
        if store.is_null() {
            return Err(within("the machine's certificate store cannot be opened", io::Error::last_os_error()));
        }
        Ok(Self(store))
    }

    fn find(&self, thumbprint: &[u8; 20]) -> io::Result<Found> {
        let wanted = CRYPT_INTEGER_BLOB { cbData: 20, pbData: thumbprint.as_ptr().cast_mut() };
        let encoding = X509_ASN_ENCODING | PKCS_7_ASN_ENCODING;
        // SAFETY: the store is open; the blob outlives the call, which only reads it. What is found is freed on drop.
        let found = unsafe {
            CertFindCertificateInStore(self.0, encoding, 0, CERT_FIND_SHA1_HASH, (&raw const wanted).cast(), null())
        };
        if !found.is_null() {
            return Ok(Found(found));
        }
        let error = io::Error::last_os_error();
        Err(match error.raw_os_error() {
            Some(CRYPT_E_NOT_FOUND) => io::Error::new(
                io::ErrorKind::NotFound,
                "there is no such certificate in LocalMachine\\My: import it there with its key, or correct the thumbprint",
            ),
            _ => within("the machine's certificate store cannot be searched", error),
        })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: opened by `of_machine`, closed once; without flags what was found in it stays whole until it is freed.
        unsafe { CertCloseStore(self.0, 0) };
    }
}

/// A certificate that was found, never null.
struct Found(*const CERT_CONTEXT);

impl Found {
    fn der(&self) -> &[u8] {
        // SAFETY: the context is whole until it is freed on drop, and is never written to.
        let context = unsafe { &*self.0 };
        // SAFETY: so many bytes are at that place, for as long as the context lives.
        unsafe { std::slice::from_raw_parts(context.pbCertEncoded, context.cbCertEncoded as usize) }
    }

    fn key(&self) -> io::Result<Key> {
        let flags = CRYPT_ACQUIRE_ONLY_NCRYPT_KEY_FLAG | CRYPT_ACQUIRE_SILENT_FLAG;
        let (mut handle, mut kind, mut ours) = (0, 0, 0);
        // SAFETY: the context is whole, and the three places outlive the call.
        let done = unsafe {
            CryptAcquireCertificatePrivateKey(self.0, flags, null(), &raw mut handle, &raw mut kind, &raw mut ours)
        };
        super::succeeded(done).map_err(without_key)?;
        if kind != CERT_NCRYPT_KEY_SPEC {
            if ours != 0 {
                // SAFETY: a handle of this kind is one of CryptoAPI, which is ours to release, and used no more.
                unsafe { CryptReleaseContext(handle, 0) };
            }
            return Err(io::Error::new(io::ErrorKind::Unsupported, NOT_CNG));
        }
        Ok(Key { handle, is_ours: ours != 0 })
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        // SAFETY: found by `Store::find`, freed once.
        unsafe { CertFreeCertificateContext(self.0) };
    }
}

/// A private key of CNG.
struct Key {
    handle: usize,
    /// Otherwise it is its certificate's, which frees it.
    is_ours: bool,
}

impl Key {
    fn sign(&self, digest: &[u8; 32], padding: Padding) -> io::Result<Vec<u8>> {
        let pss = BCRYPT_PSS_PADDING_INFO { pszAlgId: BCRYPT_SHA256_ALGORITHM, cbSalt: SALT };
        let pkcs1 = BCRYPT_PKCS1_PADDING_INFO { pszAlgId: BCRYPT_SHA256_ALGORITHM };
        let (how, flag): (*const c_void, _) = match padding {
            Padding::Pss => ((&raw const pss).cast(), BCRYPT_PAD_PSS),
            Padding::Pkcs1 => ((&raw const pkcs1).cast(), BCRYPT_PAD_PKCS1),
        };
        let (mut signature, mut length) = (vec![0_u8; LONGEST], 0);
        // SAFETY: the key is open, `how` is what the flag says, and both buffers are as long as is said.
        let status = unsafe {
            NCryptSignHash(
                self.handle,
                how,
                digest.as_ptr(),
                digest.len() as u32,
                signature.as_mut_ptr(),
                LONGEST as u32,
                &raw mut length,
                flag | NCRYPT_SILENT_FLAG,
            )
        };
        if status != 0 {
            return Err(without_key(io::Error::from_raw_os_error(status)));
        }
        signature.truncate(length as usize);
        Ok(signature)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        if self.is_ours {
            // SAFETY: acquired by `Found::key`, which was told to free it; freed once.
            unsafe { NCryptFreeObject(self.handle) };
        }
    }
}

const NOT_CNG: &str = "its private key is kept by an old provider of CryptoAPI and not by CNG: import it anew into \
                       \"Microsoft Software Key Storage Provider\", or have it issued with a template that names a key storage provider";

const DENIED: &str = "this account may not use its private key: grant the service's account Read on it (certlm.msc, the \
                      certificate, All Tasks, Manage Private Keys)";

/// Why a key cannot be had or will not sign, with what to do where that is known.
fn without_key(error: io::Error) -> io::Error {
    /// Some providers answer the code of Win32 alone, others as an HRESULT.
    const BARE_DENIED: i32 = ERROR_ACCESS_DENIED.cast_signed();
    let (kind, text) = match error.raw_os_error() {
        Some(CRYPT_E_NO_KEY_PROPERTY) => (
            io::ErrorKind::NotFound,
            "it is there without a private key: import it with its key into LocalMachine\\My (not CurrentUser)"
                .to_owned(),
        ),
        Some(BARE_DENIED | E_ACCESSDENIED | NTE_PERM) => (io::ErrorKind::PermissionDenied, DENIED.to_owned()),
        // A key file that may not be read looks like one that is not there.
        Some(NTE_BAD_KEYSET | NTE_NO_KEY | NTE_NOT_FOUND) => {
            (io::ErrorKind::PermissionDenied, format!("its private key is gone, or {DENIED} ({error})"))
        }
        Some(NTE_BAD_PROV_TYPE | NTE_PROV_TYPE_NOT_DEF | NTE_KEYSET_NOT_DEF) => {
            (io::ErrorKind::Unsupported, format!("{NOT_CNG} ({error})"))
        }
        Some(NTE_SILENT_CONTEXT | NTE_UI_REQUIRED) => (
            io::ErrorKind::Unsupported,
            "its private key asks somebody at the screen each time: import it without strong protection".to_owned(),
        ),
        _ => return within("its private key cannot be used", error),
    };
    io::Error::new(kind, text)
}

fn within(what: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use ring::digest::{SHA256, digest};
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents};
    use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
    use windows_sys::Win32::Security::Cryptography::{
        BCRYPT_RSAPRIVATE_BLOB, MS_KEY_STORAGE_PROVIDER, NCryptImportKey, NCryptOpenStorageProvider,
    };

    use super::*;

    const PEM: &[u8] = include_bytes!("../../../tests/lab/src/tenant/credentials/keys/app.pem");

    /// The content of the first element of DER, and what follows it.
    fn part(der: &[u8]) -> (&[u8], &[u8]) {
        let (start, length) = match der[1] {
            0x82 => (4, usize::from(u16::from_be_bytes([der[2], der[3]]))),
            0x81 => (3, usize::from(der[2])),
            short => (2, usize::from(short)),
        };
        (&der[start..][..length], &der[start + length..])
    }

    /// Modulus, exponent, private exponent and the two primes (RFC 5958, RFC 8017 A.1.2).
    fn numbers() -> Vec<Vec<u8>> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(PEM).unwrap();
        let (_, algorithm) = part(part(der.secret_pkcs8_der()).0);
        let mut rest = part(part(part(algorithm).1).0).0;
        let mut numbers = Vec::new();
        while numbers.len() < 6 {
            let (number, after) = part(rest);
            numbers.push(number.strip_prefix(&[0]).unwrap_or(number).to_vec());
            rest = after;
        }
        numbers.split_off(1)
    }

    /// The key of the lab's app, in CNG and without a name.
    fn key(numbers: &[Vec<u8>]) -> Key {
        let [modulus, exponent, _, first, second] = numbers else { panic!() };
        // BCRYPT_RSAKEY_BLOB: what it is, bits, and four lengths.
        let mut blob = b"RSA2".to_vec();
        let bits = modulus.len() * 8;
        for number in [bits, exponent.len(), modulus.len(), first.len(), second.len()] {
            blob.extend((number as u32).to_le_bytes());
        }
        blob.extend([exponent, modulus, first, second].into_iter().flatten());
        let (mut provider, mut handle, length) = (0, 0, blob.len() as u32);
        // SAFETY: names end in zero, handles outlive the calls, and the blob is as long as is said.
        let done = unsafe {
            [
                NCryptOpenStorageProvider(&raw mut provider, MS_KEY_STORAGE_PROVIDER, 0),
                NCryptImportKey(provider, 0, BCRYPT_RSAPRIVATE_BLOB, null(), &raw mut handle, blob.as_ptr(), length, 0),
                NCryptFreeObject(provider),
            ]
        };
        assert_eq!(done, [0; 3]);
        Key { handle, is_ours: true }
    }

    #[test]
    fn a_key_of_cng_signs_as_entra_checks() {
        let numbers = numbers();
        let public = RsaPublicKeyComponents { n: &numbers[0], e: &numbers[1] };
        let print: [u8; 32] = digest(&SHA256, b"header.body").as_ref().try_into().unwrap();
        // Wine keeps to the padding that a key was first used with.
        let pss = key(&numbers).sign(&print, Padding::Pss).unwrap();
        public.verify(&RSA_PSS_2048_8192_SHA256, b"header.body", &pss).unwrap();
        let pkcs1 = key(&numbers).sign(&print, Padding::Pkcs1).unwrap();
        public.verify(&RSA_PKCS1_2048_8192_SHA256, b"header.body", &pkcs1).unwrap();
    }

    #[test]
    fn a_certificate_that_is_not_there_is_told() {
        let error = stored_certificate(&[0x11; 20]).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
    }
}
