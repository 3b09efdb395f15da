//! A plain echo, and the generator measured against it: what it can do with no gateway in between.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::measure::latency::{Latency, Summary};
use crate::net::udp::{BATCH, Outbox, Udp};
use crate::net::wait::{Waits, wake_exactly};

/// How long a datagram is waited for before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the generator did against an echo.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// Round trips in a second.
    pub per_second: f64,
    /// Round trips in all.
    pub returned: u64,
    /// Datagrams that never came back.
    pub lost: u64,
    /// Round trip times.
    pub latency: Summary,
}

/// Sends back whatever comes, until told to stop.
///
/// # Errors
/// When the socket breaks.
pub fn serve(udp: &mut Udp, stop: &AtomicBool) -> io::Result<()> {
    let mut outbox = Outbox::default();
    while !stop.load(Ordering::Relaxed) {
        let mut waits = Waits::default();
        waits.add(udp.socket(), false);
        waits.wait(Instant::now() + Duration::from_millis(200))?;
        loop {
            let count = udp.receive()?;
            for index in 0..count {
                let (octets, from) = udp.datagram(index);
                outbox.push(from, |out| out.extend_from_slice(octets));
            }
            outbox.flush(udp)?;
            if count < BATCH {
                break;
            }
        }
    }
    Ok(())
}

/// Keeps `window` datagrams of `octets` octets in flight for `time` against an echo on a thread
/// of its own.
///
/// # Errors
/// When a socket breaks, or the echo does.
pub fn self_test(window: usize, octets: usize, time: Duration) -> io::Result<Figures> {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let (tell, bound) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let mut echo = Udp::bind(anywhere)?;
        let _ = tell.send(echo.address()?);
        serve(&mut echo, &told)
    });
    let to = bound.recv().map_err(|_| io::Error::other("the echo cannot be bound"));
    let figures = to.and_then(|to| volley(&mut Udp::bind(anywhere)?, to, window, octets, time));
    stop.store(true, Ordering::Relaxed);
    match thread.join() {
        Ok(served) => served.and(figures),
        Err(_) => Err(io::Error::other("the echo died")),
    }
}

fn volley(
    udp: &mut Udp,
    to: SocketAddr,
    window: usize,
    octets: usize,
    time: Duration,
) -> io::Result<Figures> {
    wake_exactly();
    let begun = Instant::now();
    let mut latency = Latency::default();
    let mut outbox = Outbox::default();
    let mut lost = 0;
    // What is in flight, by its number modulo the window.
    let mut sent: Vec<Instant> = vec![begun; window];
    for slot in 0..window {
        outbox.push(to, |out| fill(out, slot, octets));
    }
    outbox.flush(udp)?;
    let mut last = begun;
    while begun.elapsed() < time {
        let mut waits = Waits::default();
        waits.add(udp.socket(), false);
        waits.wait(Instant::now() + Duration::from_millis(100))?;
        let count = udp.receive()?;
        let now = Instant::now();
        for index in 0..count {
            let slot = slot_of(udp.datagram(index).0) % window;
            latency.record(now - sent[slot]);
            sent[slot] = now;
            last = now;
            outbox.push(to, |out| fill(out, slot, octets));
        }
        for (slot, since) in sent.iter_mut().enumerate() {
            if now - last > PATIENCE && now - *since > PATIENCE {
                lost += 1;
                *since = now;
                outbox.push(to, |out| fill(out, slot, octets));
            }
        }
        outbox.flush(udp)?;
    }
    let returned = latency.count();
    let per_second = returned as f64 / (last - begun).as_secs_f64();
    Ok(Figures { per_second, returned, lost, latency: latency.summary() })
}

fn fill(out: &mut Vec<u8>, slot: usize, octets: usize) {
    let start = out.len();
    out.extend_from_slice(&(slot as u64).to_be_bytes());
    out.resize(start + octets.max(8), b'.');
}

fn slot_of(octets: &[u8]) -> usize {
    octets.first_chunk().map_or(0, |number| u64::from_be_bytes(*number) as usize)
}
