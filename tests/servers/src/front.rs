//! TLS in front of a server that was built without it: ends the encryption, and passes everything on.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::tls::Identity;

/// A listener on a thread of its own. Dropping it closes it and its connections.
#[derive(Debug)]
pub(crate) struct Front {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Front {
    /// Listens in place of the server that is behind the socket.
    pub(crate) fn start(address: SocketAddr, identity: &Identity, socket: PathBuf) -> Result<Self> {
        let acceptor = TlsAcceptor::from(Arc::new(config(identity)?));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(address))?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("tls".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = serve(listener, acceptor, socket) => {}
                        _ = stopped => {}
                    }
                });
            })
            .context("no thread for TLS")?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, socket: PathBuf) {
    loop {
        if let Ok((client, _)) = listener.accept().await {
            tokio::spawn(relay(client, acceptor.clone(), socket.clone()));
        }
    }
}

/// One connection. Whatever goes wrong ends it, which the client sees.
async fn relay(client: TcpStream, acceptor: TlsAcceptor, socket: PathBuf) -> Option<()> {
    let mut client = acceptor.accept(client).await.ok()?;
    let mut server = UnixStream::connect(socket).await.ok()?;
    tokio::io::copy_bidirectional(&mut client, &mut server)
        .await
        .ok()?;
    Some(())
}

fn config(identity: &Identity) -> Result<ServerConfig> {
    let (certificate, key) = identity.pem();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?)
}
