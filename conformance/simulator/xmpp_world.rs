//! An XMPP server: it works its stream in order, answers pings, gives back what it cannot
//! deliver before it answers the next ping, and tells its users itself when the component is
//! away.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use stox::codec::xmpp::{Iq, IqKind, Message, MessageKind, Stanza};

use crate::agenda::{Event, FromServer, MS, Micros, S};
use crate::dice::Dice;
use crate::link::Link;
use crate::plan::{Account, SIP_USERS, XMPP_DOMAINS};
use crate::stage::Stage;
use crate::words::number;

#[derive(Debug)]
pub(crate) struct Server {
    index: usize,
    dice: Dice,
    pub(crate) up: bool,
    /// The stream that it holds to be open.
    pub(crate) session: Option<u64>,
    inbox: VecDeque<(u64, Rc<Stanza>)>,
    working: bool,
    pub(crate) stalled_until: Micros,
    /// How long one stanza takes.
    service: (Micros, Micros),
}

impl Server {
    pub(crate) fn new(index: usize, mut dice: Dice) -> Self {
        let slowest = dice.pick(&[20, 200, 5 * MS, 200 * MS]);
        Server {
            index,
            dice,
            up: true,
            session: None,
            inbox: VecDeque::new(),
            working: false,
            stalled_until: 0,
            service: (10, slowest),
        }
    }

    /// Nothing slows it down any more.
    pub(crate) fn calm_down(&mut self) {
        self.up = true;
        self.stalled_until = 0;
        self.service = (10, 100);
    }

    fn domain(&self) -> &'static str {
        XMPP_DOMAINS[self.index]
    }

    /// A stanza is in the inbox.
    pub(crate) fn arrived(&mut self, stage: &mut Stage, session: u64, stanza: Rc<Stanza>) {
        self.inbox.push_back((session, stanza));
        self.go_on(stage);
    }

    fn go_on(&mut self, stage: &mut Stage) {
        if self.working || self.inbox.is_empty() {
            return;
        }
        self.working = true;
        let at =
            stage.now.max(self.stalled_until) + self.dice.between(self.service.0, self.service.1);
        stage.agenda.set(at, Event::ServerWorks(self.index));
    }

    /// Everything that was in memory is gone.
    pub(crate) fn forget(&mut self) {
        self.inbox.clear();
        self.session = None;
    }

    /// Works one stanza.
    pub(crate) fn work(&mut self, stage: &mut Stage, link: &mut Link) {
        self.working = false;
        if stage.now < self.stalled_until {
            return self.go_on(stage);
        }
        let Some((session, stanza)) = self.inbox.pop_front() else { return };
        match &*stanza {
            Stanza::Message(message) if message.kind == MessageKind::Error => {
                if let Some(number) = message.id.as_deref().and_then(|id| number(id, 'x'))
                    && let Some(known) = stage.ledger.to_sip.get_mut(number as usize)
                {
                    known.errors_received += 1;
                }
            }
            Stanza::Message(message) => self.message(stage, link, session, message),
            Stanza::Iq(iq) if iq.kind == IqKind::Get => self.query(stage, link, session, iq),
            _ => stage.coverage.hit("server.other_stanza"),
        }
        self.go_on(stage);
    }

    fn query(&mut self, stage: &mut Stage, link: &mut Link, session: u64, iq: &Iq) {
        let (from, to) = (self.domain(), format!("sip.{}", self.domain()));
        let id = &*iq.id;
        // Some servers refuse a ping from a component; that is an answer all the same.
        let text = match self.dice.chance(100) {
            false => format!("<iq type='result' id='{id}' from='{from}' to='{to}'/>"),
            true => format!(
                "<iq type='error' id='{id}' from='{from}' to='{to}'>{}</iq>",
                error("cancel", "feature-not-implemented")
            ),
        };
        link.server_writes(stage, session, FromServer::Reply(text.into(), id.to_owned()));
    }

    fn message(&mut self, stage: &mut Stage, link: &mut Link, session: u64, message: &Message) {
        let body = message.bodies.first().map(|body| body.text.to_string()).unwrap_or_default();
        let Some(number) = number(&body, 's') else { return };
        let place = stage.ledger.place();
        let Some(known) = stage.ledger.to_xmpp.get_mut(number as usize) else { return };
        let account = known.said.account;
        if !matches!(account, Account::Unknown(_) | Account::Poison) {
            known.taken.push(place);
        }
        match account {
            Account::Known => {}
            Account::Unknown(condition) => {
                known.bounced += 1;
                stage.coverage.hit("server.bounced");
                let bounce = bounce(message, "cancel", condition);
                link.server_writes(stage, session, FromServer::Other(bounce));
            }
            Account::Warned => {
                stage.coverage.hit("server.processed_with_warning");
                let warning = bounce(message, "continue", "undefined-condition");
                link.server_writes(stage, session, FromServer::Other(warning));
            }
            Account::BouncesLate => {
                let at = stage.now + self.dice.between(500 * MS, 4 * S);
                let bounce = bounce(message, "cancel", "service-unavailable");
                stage.agenda.set(at, Event::LateBounce(self.index, bounce));
            }
            Account::Poison => self.close_stream(stage, link, session, true),
        }
    }

    /// Ends the stream with an error; sometimes the error itself is lost, as a connection that
    /// is closed with unread octets is reset.
    pub(crate) fn close_stream(
        &mut self,
        stage: &mut Stage,
        link: &mut Link,
        session: u64,
        ours: bool,
    ) {
        stage.coverage.hit("server.stream_error");
        let told = !self.dice.chance(150);
        if told {
            link.server_writes(stage, session, FromServer::StreamError { ours });
        }
        link.server_closes(stage, session, told);
        self.inbox.retain(|(of, _)| *of != session);
        self.lost(session);
    }

    /// A stream is gone.
    pub(crate) fn lost(&mut self, session: u64) {
        if self.session == Some(session) {
            self.session = None;
        }
    }

    /// A user writes to a SIP user.
    pub(crate) fn says(&mut self, stage: &mut Stage, link: &mut Link, number: u32) {
        let Some(known) = stage.ledger.to_sip.get_mut(number as usize) else { return };
        let Some(session) = self.session.filter(|_| self.up) else {
            known.told_by_server = true;
            return;
        };
        let said = &known.said;
        let domain = self.domain();
        let thread = if said.thread {
            format!("<thread>t-{}-{}</thread>", said.from, said.to)
        } else {
            String::new()
        };
        let padding = "~".repeat(said.padding);
        let text = format!(
            "<message type='chat' id='x{number}' from='{}@{domain}/balcony' to='{}@sip.{domain}'>\
             <body>x{number}.{padding}</body>{thread}</message>",
            said.from, said.to
        );
        link.server_writes(stage, session, FromServer::Message(text.into(), number));
    }

    /// Things that a component must live with.
    pub(crate) fn chatter(&mut self, stage: &mut Stage, link: &mut Link) {
        let Some(session) = self.session else { return };
        let domain = self.domain();
        let to = format!("{}@sip.{domain}", SIP_USERS[0].0);
        let texts = [
            format!("<presence type='subscribe' id='p' from='juliet@{domain}' to='{to}'/>"),
            format!(
                "<iq type='get' id='v' from='juliet@{domain}/balcony' to='sip.{domain}'><query xmlns='jabber:iq:version'/></iq>"
            ),
            format!(
                "<message type='error' id='nothing' from='juliet@{domain}' to='{to}'>{}</message>",
                error("cancel", "gone")
            ),
            format!(
                "<message from='juliet@{domain}/balcony' to='{to}'><active xmlns='http://jabber.org/protocol/chatstates'/></message>"
            ),
            format!("<message from='juliet@{domain}/balcony' to='@@'><body>x</body></message>"),
            format!("<iq type='result' id='stray' from='{domain}' to='sip.{domain}'/>"),
        ];
        for text in texts {
            link.server_writes(stage, session, FromServer::Other(text.into()));
        }
    }
}

fn error(kind: &str, condition: &str) -> String {
    format!(
        "<error type='{kind}'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    )
}

fn bounce(message: &Message, kind: &str, condition: &str) -> Bytes {
    let jid = |jid: &Option<stox::codec::xmpp::Jid>| {
        jid.as_ref().map(|jid| jid.as_str().to_owned()).unwrap_or_default()
    };
    let (from, to) = (jid(&message.to), jid(&message.from));
    let id = message.id.as_deref().unwrap_or_default();
    format!(
        "<message type='error' id='{id}' from='{from}' to='{to}'>{}</message>",
        error(kind, condition)
    )
    .into()
}
