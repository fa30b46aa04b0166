//! Whether a server's health listener says that it is ready.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Fault;

/// A status line fits; what follows it is not read.
const STATUS_LINE: u64 = 256;

/// Asks for `/ready` of SPIRE's health listener, which answers 200 if the server is.
///
/// No more than a hint: nothing is signed. It can keep a server from being used and have none used, and who can
/// answer there for the server could as well have cut it off.
pub(super) async fn ask(address: SocketAddr) -> Result<(), Fault> {
    let failed = |error: std::io::Error| Fault::NotReady(error.to_string());
    let mut stream = TcpStream::connect(address).await.map_err(failed)?;
    let request = format!("GET /ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut answer = Vec::new();
    stream.take(STATUS_LINE).read_to_end(&mut answer).await.map_err(failed)?;
    let answer = String::from_utf8_lossy(&answer);
    let line = answer.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => Err(Fault::NotReady(format!("{line:?}"))),
    }
}
