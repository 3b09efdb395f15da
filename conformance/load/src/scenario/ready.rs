//! Waits until a gateway serves: its component link is up and it answers OPTIONS.

use std::io;
use std::time::{Duration, Instant};

use super::{Scenario, Worlds};
use crate::sip::message::Message;

/// How long a gateway may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pause between two OPTIONS.
const PAUSE: Duration = Duration::from_millis(200);

/// The wait.
pub struct Ready {
    begun: Instant,
    asked: u64,
    next: Instant,
    link: bool,
    answered: bool,
}

impl Ready {
    /// From now on.
    pub fn begin() -> Self {
        let now = Instant::now();
        Ready { begun: now, asked: 0, next: now, link: false, answered: false }
    }
}

impl Scenario for Ready {
    fn response(&mut self, _now: Instant, _key: u64, response: &Message<'_>) {
        // 503 says that it is there and that its link is not up yet.
        self.answered |= response.status().is_some_and(|status| status < 300);
    }

    fn turn(&mut self, now: Instant, worlds: &mut Worlds) -> io::Result<Instant> {
        self.link = worlds.xmpp.is_up();
        if now - self.begun > PATIENCE {
            let missing = if self.link { "answer OPTIONS" } else { "open its component link" };
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the gateway does not {missing} within {} s", PATIENCE.as_secs()),
            ));
        }
        if self.link && !self.answered && now >= self.next {
            self.next = now + PAUSE;
            self.asked += 1;
            let (key, names) = (u64::MAX - self.asked, worlds.names.clone());
            let start = format!("OPTIONS sip:{} SIP/2.0\r\n", names.xmpp_in_sip);
            let rest = format!(
                "From: <sip:load@{sip}>;tag=ready\r\nTo: <sip:{to}>\r\nCall-ID: ready-{key:x}\r\n\
                 CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
                sip = names.sip,
                to = names.xmpp_in_sip,
            );
            // Over TCP nobody may listen yet.
            let _ = worlds.sip.request(
                now,
                key,
                |out| out.extend_from_slice(start.as_bytes()),
                |out| out.extend_from_slice(rest.as_bytes()),
            );
        }
        Ok(now + PAUSE)
    }

    fn finished(&self, _now: Instant) -> bool {
        self.link && self.answered
    }
}
