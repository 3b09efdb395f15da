//! The SIP side: a proxy, behind it bystanders, attackers, and who never answers.

use std::collections::BTreeMap;

use bytes::Bytes;
use stox::codec::pidf;
use stox::codec::sip::{self, Message, Method, Request, Response};
use stox::config::Transport;

use super::books::{Books, To};
use super::plan::{Plan, SIP_DOMAIN, XMPP_DOMAIN};
use super::sip_attacks;
use crate::agenda::{MS, Micros};
use crate::coverage::Coverage;
use crate::dice::Dice;
use crate::plan::PROXIES;
use crate::words::{number, text_of};

/// What the proxy sends: after a while, by the connection of the request or by its own.
#[derive(Debug)]
pub(super) struct Sends {
    pub(super) after: Micros,
    pub(super) back: bool,
    pub(super) octets: Bytes,
}

/// One side of a dialog.
#[derive(Debug, Clone)]
pub(super) struct Leg {
    /// The user at home here.
    pub(super) user: String,
    /// From and To of a request in it.
    pub(super) from: String,
    pub(super) to: String,
    pub(super) call_id: String,
    pub(super) target: String,
    cseq: u32,
}

/// What a request of the proxy's is for.
#[derive(Debug, Clone, Copy)]
enum What {
    Message(usize),
    Subscribe(usize),
    Notify(usize),
}

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) dice: Dice,
    pub(super) transport: Transport,
    /// Octets of a message that users may send through it.
    pub(super) most: usize,
    requests: BTreeMap<String, What>,
    /// Dialogs of the gateway's subscriptions, by the user whom they watch.
    pub(super) watched: Vec<Leg>,
    /// Tags of the bystanders' own subscriptions, by pair.
    watching: BTreeMap<String, usize>,
    answered: BTreeMap<String, Option<Bytes>>,
    pub(super) states: Vec<usize>,
    count: u64,
    out: Vec<Sends>,
}

impl Peer {
    pub(super) fn new(plan: &Plan, dice: Dice) -> Self {
        // It adds its own Via and what else a proxy adds, within its bound.
        let tcp = plan.transport == Transport::Tcp;
        let most = if tcp { plan.peer - 2_000 } else { 65_507 };
        Peer {
            dice,
            transport: plan.transport,
            most,
            requests: BTreeMap::new(),
            watched: Vec::new(),
            watching: BTreeMap::new(),
            answered: BTreeMap::new(),
            states: vec![0; plan.bystanders],
            count: 0,
            out: Vec::new(),
        }
    }

    pub(super) fn sent(&mut self) -> Vec<Sends> {
        std::mem::take(&mut self.out)
    }

    pub(super) fn send(&mut self, octets: Bytes) {
        if octets.len() <= self.most {
            self.out.push(Sends { after: 0, back: false, octets });
        }
    }

    pub(super) fn token(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// The first line and the headers that each request of the proxy's has.
    pub(super) fn head(&self, method: &str, uri: &str, branch: &str, leg: &Leg) -> String {
        let (transport, proxy) = (self.transport.to_string().to_uppercase(), PROXIES[0]);
        let Leg { user, from, to, call_id, cseq, .. } = leg;
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {proxy};branch={branch}\r\nMax-Forwards: 70\r\n\
             From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{user}@{proxy};transport={}>\r\n",
            self.transport
        )
    }

    /// A leg of a new dialog, or of none.
    pub(super) fn leg(&mut self, user: &str, to: &str) -> Leg {
        let token = self.token();
        Leg {
            user: user.to_owned(),
            from: format!("<sip:{user}@{SIP_DOMAIN}>;tag=f{token}"),
            to: format!("<sip:{to}@{XMPP_DOMAIN}>"),
            call_id: format!("c{token}"),
            target: format!("sip:{to}@{XMPP_DOMAIN}"),
            cseq: 1,
        }
    }

    fn bystander(&mut self, method: &str, what: What, leg: &Leg, headers: &str, body: &str) {
        let branch = format!("z9hG4bKs{}", self.token());
        let head = self.head(method, &leg.target, &branch, leg);
        let length = body.len();
        self.requests.insert(branch, what);
        self.send(format!("{head}{headers}Content-Length: {length}\r\n\r\n{body}").into());
    }

    /// A bystander writes.
    pub(super) fn says(&mut self, pair: usize, said: usize) {
        let leg = self.leg(&format!("rb{pair}"), &format!("jb{pair}"));
        let body = format!("{}{said}.", To::Xmpp.letter());
        self.bystander("MESSAGE", What::Message(said), &leg, "Content-Type: text/plain\r\n", &body);
    }

    /// A bystander begins to watch.
    pub(super) fn watches(&mut self, pair: usize) {
        let leg = self.leg(&format!("rb{pair}"), &format!("jb{pair}"));
        self.watching.insert(leg.call_id.clone(), pair);
        self.bystander(
            "SUBSCRIBE",
            What::Subscribe(pair),
            &leg,
            "Event: presence\r\nExpires: 3600\r\n",
            "",
        );
    }

    /// A bystander shows something new, to all who watch.
    pub(super) fn shows(&mut self, pair: usize) {
        let (user, state) = (format!("rb{pair}"), self.states[pair]);
        for at in 0..self.watched.len() {
            // Of an attacker's subscription nothing is promised.
            let bystander = self.watched[at].to.contains("sip:jb");
            if self.watched[at].user != user || !bystander {
                continue;
            }
            self.watched[at].cseq += 1;
            let leg = self.watched[at].clone();
            let body = format!(
                "<?xml version='1.0'?><presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:{user}@{SIP_DOMAIN}'>\
                 <tuple id='d'><status><basic>open</basic></status><note>n{state}.</note></tuple></presence>"
            );
            let headers = "Event: presence\r\nSubscription-State: active;expires=3600\r\n\
                 Content-Type: application/pidf+xml\r\n";
            self.bystander("NOTIFY", What::Notify(pair), &leg, headers, &body);
        }
    }

    /// A message of the gateway's.
    pub(super) fn read(
        &mut self,
        octets: &Bytes,
        now: Micros,
        books: &mut Books,
        coverage: &mut Coverage,
    ) -> Result<(), String> {
        match sip::parse(octets.clone()) {
            Ok(Message::Request(request)) => self.request(&request, now, books, coverage),
            Ok(Message::Response(response)) => self.response(&response, books),
            // The answer to a broken request repeats what is broken in it.
            Err(_) => Ok(()),
        }
    }

    fn response(&mut self, response: &Response, books: &mut Books) -> Result<(), String> {
        let branch = response.via.first().and_then(|via| via.branch()).unwrap_or_default();
        let status = response.status.code();
        if status < 200 {
            return Ok(());
        }
        let Some(what) = self.requests.remove(branch) else { return Ok(()) };
        match what {
            What::Message(said) => books.answered(said, status),
            What::Subscribe(pair) | What::Notify(pair) if !(200..300).contains(&status) => {
                Err(format!("a bystander's {what:?} of pair {pair} failed with {status}"))
            }
            What::Subscribe(_) | What::Notify(_) => Ok(()),
        }
    }

    fn request(
        &mut self,
        request: &Request,
        now: Micros,
        books: &mut Books,
        coverage: &mut Coverage,
    ) -> Result<(), String> {
        let branch =
            request.via.first().and_then(|via| via.branch()).unwrap_or_default().to_owned();
        if let Some(answer) = self.answered.get(&branch) {
            coverage.hit("hostile.request_came_again");
            let again = answer.clone().map(|octets| Sends { after: 0, back: true, octets });
            self.out.extend(again);
            return Ok(());
        }
        self.answered.insert(branch.clone(), None);
        let user = request.uri.user().unwrap_or_default().to_owned();
        if request.method == Method::Options {
            self.answer(request, &branch, "200 OK", "");
        } else if user.starts_with("rb") {
            return self.for_bystander(request, &branch, &user, now, books);
        } else if user.starts_with("sh") {
            coverage.hit("hostile.device_asked");
            self.for_attacker(request, &branch, &user);
        } else if user.starts_with("busy") {
            self.answer(request, &branch, "503 Service Unavailable", "Retry-After: 600\r\n");
        } else if !user.starts_with("silent") {
            self.answer(request, &branch, "404 Not Found", "");
        }
        Ok(())
    }

    fn for_bystander(
        &mut self,
        request: &Request,
        branch: &str,
        user: &str,
        now: Micros,
        books: &mut Books,
    ) -> Result<(), String> {
        self.answer(request, branch, "200 OK", "Expires: 3600\r\n");
        match request.method {
            Method::Message => {
                let known = request.from.uri().user().is_some_and(|user| user.starts_with("jb"));
                let said = number(&text_of(&request.body), To::Sip.letter()).filter(|_| known);
                said.map_or(Ok(()), |said| books.came(To::Sip, said as usize, now))
            }
            Method::Subscribe => {
                self.subscribed(request, user);
                if let Some(pair) = user.strip_prefix("rb").and_then(|rest| rest.parse().ok()) {
                    self.shows(pair);
                }
                Ok(())
            }
            Method::Notify => {
                let Some(pair) = self.watching.get(request.call_id.as_str()).copied() else {
                    return Ok(());
                };
                let text = String::from_utf8_lossy(&request.body).into_owned();
                let document = pidf::Document::parse(&(&*text).into(), pidf::Limits::DEFAULT).ok();
                let notes =
                    document.iter().flat_map(|it| &it.tuples).flat_map(|tuple| &tuple.notes);
                let state = notes.filter_map(|note| number(&note.text, 'p')).next_back();
                if let Some(state) = state {
                    books.sees(To::Sip, pair, state as usize, now);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A dialog of the gateway's begins, or goes on.
    fn subscribed(&mut self, request: &Request, user: &str) {
        let call_id = request.call_id.as_str();
        if self.watched.iter().any(|leg| leg.call_id == call_id) {
            return;
        }
        let contact = request.headers.contacts().next().and_then(Result::ok);
        let leg = Leg {
            user: user.to_owned(),
            from: format!("{};tag=t", request.to.to_value().to_text()),
            to: request.from.to_value().to_text().to_string(),
            call_id: call_id.to_owned(),
            target: contact.map(|it| it.uri().as_str().to_owned()).unwrap_or_default(),
            cseq: 0,
        };
        self.watched.push(leg);
    }

    fn for_attacker(&mut self, request: &Request, branch: &str, user: &str) {
        if request.method == Method::Subscribe && self.dice.chance(800) {
            self.answer(request, branch, "200 OK", "Expires: 3600\r\n");
            self.subscribed(request, user);
            return;
        }
        for (after, line, headers, body) in sip_attacks::answers(&mut self.dice, request) {
            let octets = response(request, &line, &headers, &body);
            if octets.len() <= self.most {
                self.out.push(Sends { after, back: true, octets });
            }
        }
    }

    /// A request in a dialog of the gateway's with an attacker.
    pub(super) fn in_dialog(&mut self, user: &str, method: &str, headers: &str, body: &str) {
        let Some(at) = self.watched.iter().rposition(|leg| leg.user == user) else { return };
        self.watched[at].cseq += 1;
        let leg = self.watched[at].clone();
        let branch = format!("z9hG4bKh{}", self.token());
        let head = self.head(method, &leg.target, &branch, &leg);
        let length = body.len();
        self.send(format!("{head}{headers}Content-Length: {length}\r\n\r\n{body}").into());
    }

    fn answer(&mut self, request: &Request, branch: &str, line: &str, headers: &str) {
        let octets = response(request, line, headers, "");
        self.answered.insert(branch.to_owned(), Some(octets.clone()));
        let after = self.dice.between(0, 5 * MS);
        self.out.push(Sends { after, back: true, octets });
    }
}

/// A response, with what each repeats of its request (RFC 3261 §8.2.6.2).
fn response(request: &Request, line: &str, headers: &str, body: &str) -> Bytes {
    let vias: String =
        request.via.iter().map(|via| format!("Via: {}\r\n", via.to_value().to_text())).collect();
    let to = request.to.to_value().to_text();
    let tag = if request.to.tag().is_some() { "" } else { ";tag=t" };
    format!(
        "SIP/2.0 {line}\r\n{vias}From: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {} {}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        request.from.to_value().to_text(),
        request.call_id.as_str(),
        request.cseq.number,
        request.cseq.method,
        body.len()
    )
    .into()
}
