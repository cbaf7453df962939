//! A server whose every byte is chosen by the test.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// A server on a port of its own.
pub struct FileServer {
    pub url: String,
    /// The heads of the requests so far.
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl FileServer {
    /// Answers each request with these bytes and closes the connection. `answer` is given the request's head.
    pub async fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (answer, heads) = (Arc::new(answer), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (answer, heads) = (Arc::clone(&answer), Arc::clone(&heads));
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        head.push(byte);
                    }
                    let head = String::from_utf8_lossy(&head).into_owned();
                    heads.lock().expect("heads").push(head.clone());
                    // A client that has seen enough closes first.
                    let _ = stream.write_all(&answer(&head)).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { url, asked }
    }

    /// Serves one file, whatever is asked for.
    pub async fn of(content: impl AsRef<[u8]>) -> Self {
        let whole = ok(&[("ETag", "\"v1\"")], content.as_ref());
        Self::start(move |_| whole.clone()).await
    }

    pub fn requests(&self) -> usize {
        self.asked.lock().expect("heads").len()
    }
}

/// A whole answer with its length.
pub fn ok(headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    head("200 OK", &[headers, &[("Content-Length", length.as_str())]].concat(), body)
}

/// Status, headers, body, and nothing else.
pub fn head(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    for (name, value) in headers {
        answer.push_str(&format!("{name}: {value}\r\n"));
    }
    answer.push_str("\r\n");
    [answer.as_bytes(), body].concat()
}
