//! TLS by files, on both sides.

use std::{sync::Arc, time::Duration};

use rfe_mesh::{
    MeshChannel, Shutdown,
    channel::Dial,
    pages::Pages,
    server::{self, GrpcPort},
    tls::{ClientTls, DialTls, ListenTls, ServerTls},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tonic::{Status, service::RoutesBuilder};

use crate::{
    stub::{Act, Stub, get, submit, until},
    tls_files::{Authority, trusting},
};

const LATER: i32 = 2100;
const PAST: i32 = 2020;

fn serve(files: &ListenTls) -> Stub {
    let tls = ServerTls::load(files).expect("the files are good");
    Stub::start_with("127.0.0.1:0".parse().expect("an address"), Act::Answer, Some(tls))
}

fn dial(stub: &Stub, tls: Option<DialTls>) -> MeshChannel {
    let dial = Dial { tls, ..Dial::default() };
    MeshChannel::remote(&format!("https://localhost:{}", stub.address.port()), &dial).expect("a channel")
}

async fn refusal(channel: &MeshChannel) -> Status {
    submit(channel).await.expect_err("it must not be trusted")
}

#[tokio::test]
async fn a_call_goes_over_tls_where_both_sides_agree() {
    let authority = Authority::new("one");
    let stub = serve(&authority.listen(LATER));
    submit(&dial(&stub, Some(trusting(&authority.ca())))).await.expect("an answer");
    assert_eq!(stub.calls(), 1);
}

#[tokio::test]
async fn an_authority_that_nobody_trusts_is_refused_with_the_reason() {
    let (authority, other) = (Authority::new("one"), Authority::new("other"));
    let stub = serve(&authority.listen(LATER));
    for tls in [None, Some(trusting(&other.ca()))] {
        let status = refusal(&dial(&stub, tls)).await;
        assert!(status.message().contains("UnknownIssuer"), "{status}");
    }
    assert_eq!(stub.calls(), 0);
}

#[tokio::test]
async fn an_expired_certificate_is_refused_with_the_reason() {
    let authority = Authority::new("one");
    let stub = serve(&authority.listen(PAST));
    let status = refusal(&dial(&stub, Some(trusting(&authority.ca())))).await;
    assert!(status.message().to_lowercase().contains("expired"), "{status}");
}

#[tokio::test]
async fn with_an_authority_of_clients_only_they_are_served() {
    let (authority, other) = (Authority::new("one"), Authority::new("other"));
    let files = ListenTls { client_ca: Some(authority.ca()), ..authority.listen(LATER) };
    let stub = serve(&files);
    let (certificate, key) = authority.sign("client", LATER);
    let with = |certificate, key| DialTls {
        certificate: Some(certificate),
        key: Some(key),
        ..trusting(&authority.ca())
    };
    submit(&dial(&stub, Some(with(certificate, key)))).await.expect("a client of the house");
    let status = refusal(&dial(&stub, Some(trusting(&authority.ca())))).await;
    assert!(status.message().contains("RFE_TLS_CLIENT_CERT"), "{status}");
    let (certificate, key) = other.sign("stranger", LATER);
    refusal(&dial(&stub, Some(with(certificate, key)))).await;
    assert_eq!(stub.calls(), 1);
}

#[tokio::test]
async fn plain_calls_to_a_tls_port_are_not_answered() {
    let authority = Authority::new("one");
    let stub = serve(&authority.listen(LATER));
    let channel = MeshChannel::remote(&stub.url(), &Dial::default()).expect("a channel");
    refusal(&channel).await;
    assert_eq!(stub.calls(), 0);
}

#[tokio::test]
async fn changed_certificates_are_taken_without_a_restart_and_broken_ones_are_not() {
    let (old, new) = (Authority::new("one"), Authority::new("other"));
    let files = old.listen(LATER);
    let stub = serve(&files);
    submit(&dial(&stub, Some(trusting(&old.ca())))).await.expect("the old authority");
    std::fs::write(&files.key, "not a key").expect("a file");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    submit(&dial(&stub, Some(trusting(&old.ca())))).await.expect("what was there stays");
    let (certificate, key) = new.sign("renewed", LATER);
    std::fs::copy(certificate, &files.certificate).expect("a copy");
    std::fs::copy(key, &files.key).expect("a copy");
    until("the new certificate is shown", async || {
        let channel = dial(&stub, Some(trusting(&new.ca())));
        tokio::time::timeout(Duration::from_millis(500), get(&channel)).await.is_ok_and(|call| call.is_ok())
    })
    .await;
}

#[tokio::test]
async fn the_pages_are_answered_over_tls_and_http_1() {
    let authority = Authority::new("one");
    let tls = ServerTls::load(&authority.listen(LATER)).expect("the files are good");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let shutdown = Shutdown::new();
    let port = GrpcPort::new(RoutesBuilder::default().routes(), Pages::default());
    server::spawn(listener, port, Some(tls), &shutdown);
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("PEM"))
        .expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await.expect("TLS");
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.expect("sent");
    let mut answer = String::new();
    let _may_end_without_goodbye = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"), "{answer}");
}

#[test]
fn what_is_wrong_with_files_is_told_with_setting_and_path() {
    let authority = Authority::new("one");
    let good = authority.listen(LATER);
    let (_, other_key) = authority.sign("other", LATER);
    let missing = authority.path("nowhere.pem");
    let empty = authority.path("empty.pem");
    std::fs::write(&empty, "").expect("a file");
    let listen = |files: ListenTls| ServerTls::load(&files).expect_err("of no use").to_string();
    let shown =
        |setting: &str, path: &std::path::Path, rest: &str| format!("{setting}: {}{rest}", path.display());

    assert_eq!(
        listen(ListenTls { key: empty.clone(), ..good.clone() }),
        shown("RFE_TLS_KEY", &empty, " holds no private key"),
    );
    assert_eq!(
        listen(ListenTls { certificate: empty.clone(), ..good.clone() }),
        shown("RFE_TLS_CERT", &empty, " holds no certificate"),
    );
    let error = listen(ListenTls { client_ca: Some(missing.clone()), ..good.clone() });
    assert!(error.starts_with(&shown("RFE_TLS_CLIENT_CA", &missing, ": No such file")), "{error}");
    assert_eq!(
        listen(ListenTls { key: other_key.clone(), ..good.clone() }),
        shown("RFE_TLS_KEY", &other_key, &format!(" is not the key of {}", good.certificate.display())),
    );
    let dial = |files: DialTls| ClientTls::load(&files).expect_err("of no use").to_string();
    assert_eq!(dial(trusting(&empty)), shown("RFE_TLS_CA", &empty, " holds no certificate"));
    assert_eq!(
        dial(DialTls { certificate: Some(good.certificate), ..DialTls::default() }),
        "RFE_TLS_CLIENT_CERT is set and RFE_TLS_CLIENT_KEY is not; a certificate and its key belong together",
    );
}
