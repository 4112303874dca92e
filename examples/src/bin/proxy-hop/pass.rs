//! Passes one request on, and its response back.

use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader, copy};
use tokio::net::{TcpSocket, TcpStream};

use crate::head::with_peer;

/// The longest head that is read.
const LONGEST_HEAD: usize = 64 * 1024;

/// From `client`, whose address is `peer`, to `to`, connecting from the address `from` if there is one.
pub(crate) async fn on(
    mut client: TcpStream,
    peer: IpAddr,
    from: Option<IpAddr>,
    to: SocketAddr,
) -> io::Result<()> {
    let (asked, mut answer) = client.split();
    let mut asked = BufReader::new(asked);
    let head = head(&mut asked).await?;
    if head.is_empty() {
        return Ok(());
    }
    let mut server = connect(from, to).await?;
    let (mut answered, mut ask) = server.split();
    ask.write_all(&with_peer(&head, peer)).await?;
    // Whether or not the server wants to have all of the body, it closes when it has answered.
    let body = async {
        let _ = copy(&mut asked, &mut ask).await;
        pending::<()>().await;
    };
    tokio::select! {
        all = copy(&mut answered, &mut answer) => all?,
        () = body => 0,
    };
    answer.shutdown().await
}

/// The request's head, with the empty line that ends it; nothing if there is no request.
async fn head(asked: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut has_begun = false;
    loop {
        if head.len() > LONGEST_HEAD {
            return Err(io::Error::other("its head is longer than 64 KiB"));
        }
        let line = head.len();
        if asked.read_until(b'\n', &mut head).await? == 0 {
            return Ok(Vec::new());
        }
        // Servers take a line feed alone for the end of a line, and pass over empty lines before a request (RFC 9112,
        // section 2.2).
        match &head[line..] {
            b"\n" | b"\r\n" if has_begun => return Ok(head),
            b"\n" | b"\r\n" => {}
            _ => has_begun = true,
        }
    }
}

async fn connect(from: Option<IpAddr>, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = match to {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    if let Some(from) = from {
        socket.bind((from, 0).into())?;
    }
    socket.connect(to).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_head_ends_where_a_server_sees_its_end() {
        for end in ["\r\n\r\n", "\n\n", "\r\n\n", "\n\r\n"] {
            let first = format!("GET / HTTP/1.1\nhost: x{end}");
            let all = format!("{first}GET /other HTTP/1.1\r\n\r\n");
            assert_eq!(head(&mut all.as_bytes()).await.unwrap(), first.as_bytes());
        }
        let all = b"\r\n\nGET / HTTP/1.1\r\n\r\n";
        assert_eq!(head(&mut &all[..]).await.unwrap(), all);
        assert!(
            head(&mut &b"GET / HTTP/1.1\r\n"[..])
                .await
                .unwrap()
                .is_empty()
        );
    }
}
