//! What a node counts, served to Prometheus.

use std::io;
use std::net::SocketAddr;

/// Answers whoever asks at `address` with all metrics of this process.
///
/// # Errors
/// The address cannot be had, or the example was built without the feature `metrics`.
#[cfg(feature = "metrics")]
pub(crate) fn serve(address: SocketAddr) -> io::Result<()> {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::time::Duration;

    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(io::Error::other)?;
    let listener = TcpListener::bind(address)?;
    std::thread::spawn(move || {
        for mut asker in listener.incoming().flatten() {
            // One at a time, and nobody keeps it waiting; whatever the request says, there is one answer.
            let _timeout = asker.set_read_timeout(Some(Duration::from_secs(1)));
            let request = BufReader::new(&asker).lines().map_while(Result::ok);
            request.take(64).take_while(|line| !line.is_empty()).for_each(drop);
            let text = handle.render();
            let _who_hung_up = write!(
                asker,
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{text}",
                text.len()
            );
        }
    });
    Ok(())
}

#[cfg(not(feature = "metrics"))]
pub(crate) fn serve(_address: SocketAddr) -> io::Result<()> {
    Err(io::Error::other("it was built without the feature metrics"))
}
