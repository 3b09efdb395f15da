//! The users of the SIP side register with a real proxy (RFC 3261 §10).

use std::io;
use std::time::{Duration, Instant};

use super::{IDLE, Scenario, Worlds};
use crate::sip::message::Message;
use crate::token;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One REGISTER for each user.
pub struct Register {
    begun: Instant,
    users: usize,
    sent: bool,
    registered: usize,
    refused: Option<u16>,
}

impl Register {
    /// For this many users.
    pub fn new(users: usize) -> Self {
        Register { begun: Instant::now(), users, sent: false, registered: 0, refused: None }
    }
}

impl Scenario for Register {
    fn response(&mut self, _now: Instant, _key: u64, response: &Message<'_>) {
        match response.status() {
            Some(200) => self.registered += 1,
            other => self.refused = other,
        }
    }

    fn turn(&mut self, now: Instant, worlds: &mut Worlds) -> io::Result<Instant> {
        if let Some(status) = self.refused {
            return Err(io::Error::other(format!("REGISTER was answered {status}")));
        }
        if now - self.begun > PATIENCE {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the proxy registers nobody"));
        }
        let domain = worlds.names.sip.clone();
        for user in (0..self.users).filter(|_| !self.sent) {
            let contact = worlds.sip.contact(&format!("s{user}"));
            let run = token::run();
            let start = format!("REGISTER sip:{domain} SIP/2.0\r\n");
            let rest = format!(
                "From: <sip:s{user}@{domain}>;tag=r{user}\r\nTo: <sip:s{user}@{domain}>\r\n\
                 Call-ID: {run}-register-{user}\r\nCSeq: 1 REGISTER\r\nContact: {contact}\r\n\
                 Expires: 3600\r\nContent-Length: 0\r\n\r\n"
            );
            worlds.sip.request(
                now,
                1 << 62 | user as u64,
                |out| out.extend_from_slice(start.as_bytes()),
                |out| out.extend_from_slice(rest.as_bytes()),
            )?;
        }
        self.sent = true;
        Ok(now + IDLE)
    }

    fn finished(&self, _now: Instant) -> bool {
        self.registered == self.users
    }
}
