//! One direction of one connection: what is read on one side is written on the other, when it is due.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::relay::Orders;

/// What a direction does to what passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) delay: Duration,
    pub(super) bytes_per_second: Option<u32>,
    pub(super) held: bool,
}

/// As much as is read at once; small, so that a slow lane is smooth.
const CHUNK: usize = 4 * 1024;

/// How many chunks are on their way before the sender has to wait, as for a full socket.
const IN_FLIGHT: usize = 4 * 1024;

struct Chunk {
    due: Instant,
    bytes: Vec<u8>,
}

/// Carries bytes from one side to the other until one of them ends.
pub(super) async fn carry(
    from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    mut orders: watch::Receiver<Orders>,
    pick: fn(&Orders) -> Lane,
    delivered: &AtomicU64,
) -> io::Result<()> {
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    let reading = read(from, sender, orders.clone(), pick);
    let writing = write(to, receiver, &mut orders, pick, delivered);
    tokio::try_join!(reading, writing).map(drop)
}

async fn read(
    mut from: impl AsyncRead + Unpin,
    chunks: mpsc::Sender<Chunk>,
    orders: watch::Receiver<Orders>,
    pick: fn(&Orders) -> Lane,
) -> io::Result<()> {
    loop {
        let mut bytes = vec![0; CHUNK];
        let read = from.read(&mut bytes).await?;
        if read == 0 {
            return Ok(());
        }
        bytes.truncate(read);
        let due = Instant::now() + pick(&orders.borrow()).delay;
        if chunks.send(Chunk { due, bytes }).await.is_err() {
            return Ok(());
        }
    }
}

async fn write(
    mut to: impl AsyncWrite + Unpin,
    mut chunks: mpsc::Receiver<Chunk>,
    orders: &mut watch::Receiver<Orders>,
    pick: fn(&Orders) -> Lane,
    delivered: &AtomicU64,
) -> io::Result<()> {
    while let Some(chunk) = chunks.recv().await {
        sleep_until(chunk.due).await;
        let Ok(lane) = orders
            .wait_for(|orders| !pick(orders).held)
            .await
            .map(|orders| pick(&orders))
        else {
            return Ok(());
        };
        to.write_all(&chunk.bytes).await?;
        delivered.fetch_add(chunk.bytes.len() as u64, Ordering::SeqCst);
        if let Some(rate) = lane.bytes_per_second {
            sleep(Duration::from_secs_f64(
                chunk.bytes.len() as f64 / f64::from(rate.max(1)),
            ))
            .await;
        }
    }
    to.shutdown().await
}
