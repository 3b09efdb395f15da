//! A scene for presence: what juliet and romeo say in one line each, and what each is told.

use std::time::Duration;

use stox::codec::sip::{self, HeaderName, Message, Request, Response};
use stox::codec::xmpp::{Presence, Stanza};
use stox::flow::{Record, Stored};

use crate::world::{SETTINGS, World};

/// A document with these tuples.
pub(crate) fn pidf(tuples: &str) -> String {
    format!(
        "<?xml version='1.0' encoding='UTF-8'?>\
         <presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@sip.test'>\
         {tuples}</presence>"
    )
}

/// A tuple that is open or closed, with more in its status.
pub(crate) fn tuple(id: &str, basic: &str, more: &str) -> String {
    format!("<tuple id='{id}'><status><basic>{basic}</basic>{more}</status></tuple>")
}

/// A NOTIFY of romeo's user agent for a SUBSCRIBE of the gateway.
pub(crate) fn notify(subscribe: &Request, cseq: u32, state: &str, body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/pidf+xml\n" };
    format!(
        "NOTIFY sip:juliet@127.0.0.20:5060 SIP/2.0\n\
         Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bK{}-{cseq}\n\
         Max-Forwards: 70\n\
         From: <sip:romeo@sip.test>;tag=ffd2\n\
         To: <sip:juliet@xmpp.test>;tag={}\n\
         Call-ID: {}\n\
         CSeq: {cseq} NOTIFY\n\
         Event: presence\n\
         Contact: <sip:romeo@127.0.0.30:5070>\n\
         Subscription-State: {state}\n\
         {kind}\n{body}",
        subscribe.call_id.as_str(),
        subscribe.from.tag().expect("a tag"),
        subscribe.call_id.as_str(),
    )
}

/// A document in which these devices are open.
pub(crate) fn open(resources: &[&str]) -> String {
    let each = resources.iter().map(|resource| tuple(&format!("ID-{resource}"), "open", ""));
    pidf(&each.collect::<String>())
}

/// The Subscription-State of a NOTIFY.
pub(crate) fn substate(request: &Request) -> String {
    header(request, &HeaderName::SubscriptionState)
}

/// The Expires of a SUBSCRIBE.
pub(crate) fn expires(request: &Request) -> u32 {
    header(request, &HeaderName::Expires).parse().expect("a number")
}

pub(crate) fn header(request: &Request, name: &HeaderName) -> String {
    request.headers.get_text(name).unwrap_or_default().to_owned()
}

/// The body, with double quotes alone.
pub(crate) fn body(request: &Request) -> String {
    String::from_utf8_lossy(&request.body).replace('\'', "\"")
}

/// What a document says of a device: `open`, `closed`, or nothing.
pub(crate) fn basic(request: &Request, resource: &str) -> String {
    let text = body(request);
    let Some((_, rest)) = text.split_once(&format!("<tuple id=\"ID-{resource}\"")) else {
        return String::new();
    };
    let (_, rest) = rest.split_once("<basic>").expect("a basic status");
    rest.split_once('<').expect("an end").0.to_owned()
}

/// A SUBSCRIBE of romeo's user agent, with further header lines.
pub(crate) fn subscribe(call: &str, to_tag: &str, cseq: u32, headers: &str) -> String {
    let to_tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
    let absent = |name: &str, line: &'static str| if headers.contains(name) { "" } else { line };
    let event = absent("Event:", "Event: presence\n");
    let contact = absent("Contact:", "Contact: <sip:romeo@127.0.0.30:5070>\n");
    format!(
        "SUBSCRIBE sip:juliet@xmpp.test SIP/2.0\n\
         Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bK{call}-{cseq}\n\
         Max-Forwards: 70\n\
         From: <sip:romeo@sip.test>;tag=w{call}\n\
         To: <sip:juliet@xmpp.test>{to_tag}\n\
         Call-ID: {call}\n\
         CSeq: {cseq} SUBSCRIBE\n\
         {event}{contact}{headers}\n"
    )
}

/// One subscription of romeo's.
#[derive(Debug, Clone)]
pub(crate) struct Watcher {
    pub(crate) call: String,
    pub(crate) tag: String,
    pub(crate) cseq: u32,
}

impl Watcher {
    /// A further SUBSCRIBE in the dialog: its answer, and what else was sent.
    pub(crate) fn again(&mut self, world: &mut World, headers: &str) -> (Response, Vec<Request>) {
        self.cseq += 1;
        world.sip(&subscribe(&self.call, &self.tag, self.cseq, headers));
        world.answered()
    }
}

/// A stanza in short: `available /orchard away`, `error item-not-found`.
fn short(presence: &Presence) -> String {
    let from = presence.from.as_ref().expect("a sender");
    let to = presence.to.as_ref().expect("an addressee");
    assert_eq!((from.bare_str(), to.as_str()), ("romeo@sip.xmpp.test", "juliet@xmpp.test"));
    let mut words = vec![format!("{:?}", presence.kind).to_lowercase()];
    words.extend(from.resource().map(|resource| format!("/{resource}")));
    words.extend(presence.show.map(|show| format!("{show:?}").to_lowercase()));
    words.extend(presence.error.as_ref().map(|error| error.condition.name().to_owned()));
    words.join(" ")
}

impl World {
    /// The presence stanzas written since the last look.
    pub(crate) fn presences(&mut self) -> Vec<Presence> {
        self.confirm_all();
        let presence = |stanza| match stanza {
            Stanza::Presence(presence) => *presence,
            other => panic!("not presence: {other:?}"),
        };
        self.stanzas().into_iter().map(presence).collect()
    }

    /// Juliet asks to see romeo; the answer is the SUBSCRIBE.
    pub(crate) fn juliet_subscribes(&mut self) -> Request {
        self.xmpp(
            "<presence from='juliet@xmpp.test' to='romeo@sip.xmpp.test' id='s1' type='subscribe'/>",
        );
        self.request()
    }

    /// A NOTIFY of romeo's is answered; the answer is the status.
    pub(crate) fn notified(
        &mut self,
        subscribe: &Request,
        cseq: u32,
        state: &str,
        body: &str,
    ) -> u16 {
        self.sip(&notify(subscribe, cseq, state, body));
        self.response().status.code()
    }

    /// A world of presence settings of its own, its link up.
    pub(crate) fn patient(presence: &str) -> Self {
        let mut world = World::with(&format!("{SETTINGS}presence: {{ {presence} }}\n"));
        world.up();
        world
    }

    /// The records that are on disk, by pair.
    pub(crate) fn left(&self) -> Vec<Record> {
        let mut last = std::collections::BTreeMap::new();
        for record in &self.records {
            if let Record::Pair { id, value } = record {
                last.insert(*id, value.clone());
            }
        }
        let left = last.into_iter().filter(|(_, value)| value.is_some());
        left.map(|(id, value)| Record::Pair { id, value }).collect()
    }

    /// The world after the process was killed and started again, so much later; its link is down.
    pub(crate) fn killed(self, milliseconds: u64) -> Self {
        self.killed_under(SETTINGS, milliseconds)
    }

    /// The same, with settings of its own.
    pub(crate) fn killed_under(self, settings: &str, milliseconds: u64) -> Self {
        let records = self.left();
        let mut now = self.now;
        now.unix_ms += milliseconds;
        let rules = crate::world::built_in();
        let mut world = World::begun(settings, rules, 8, now, &Stored { records, lost: false });
        world.records = self.records;
        world
    }

    /// A process whose store is lost.
    pub(crate) fn bereft(self) -> Self {
        let mut now = self.now;
        now.unix_ms += 1_000;
        let rules = crate::world::built_in();
        let stored = Stored { records: Vec::new(), lost: true };
        World::begun(SETTINGS, rules, 9, now, &stored)
    }

    /// How many subscriptions there are: those of XMPP users, and those of SIP users.
    pub(crate) fn subscriptions(&self) -> (u64, u64) {
        let gauges = self.gateway.status(self.now).gauges;
        (gauges["subscriptions_of_xmpp_users"], gauges["subscriptions_of_sip_users"])
    }

    /// Juliet's server says something of this type to romeo.
    pub(crate) fn juliet(&mut self, kind: &str) {
        let to = "romeo@sip.xmpp.test";
        self.xmpp(&format!("<presence from='juliet@xmpp.test' to='{to}' type='{kind}'/>"));
    }

    /// A device of juliet's is shown to romeo; empty words say that it is there.
    pub(crate) fn juliet_shows(&mut self, resource: &str, inner: &str) {
        self.xmpp(&format!(
            "<presence from='juliet@xmpp.test/{resource}' to='romeo@sip.xmpp.test'>{inner}\
             </presence>"
        ));
    }

    /// A device of juliet's goes, as romeo is told.
    pub(crate) fn juliet_hides(&mut self, resource: &str) {
        self.xmpp(&format!(
            "<presence from='juliet@xmpp.test/{resource}' to='romeo@sip.xmpp.test' \
             type='unavailable'/>"
        ));
    }

    /// A device of juliet's comes, and its server asks how romeo is.
    pub(crate) fn juliet_probes(&mut self) {
        self.xmpp(
            "<presence from='juliet@xmpp.test/yn0' to='romeo@sip.xmpp.test' id='p1' \
             type='probe'/>",
        );
    }

    /// What juliet was told since the last look.
    pub(crate) fn told(&mut self) -> Vec<String> {
        self.presences().iter().map(short).collect()
    }

    /// What was sent by SIP since the last look.
    pub(crate) fn sent(&mut self) -> (Vec<Response>, Vec<Request>) {
        let (mut responses, mut requests) = (Vec::new(), Vec::new());
        for (_, octets) in std::mem::take(&mut self.sip) {
            match sip::parse(octets) {
                Ok(Message::Response(response)) => responses.push(response),
                Ok(Message::Request(request)) => requests.push(request),
                Err(error) => panic!("not SIP: {error:?}"),
            }
        }
        (responses, requests)
    }

    /// The one response that was sent, and what else was.
    pub(crate) fn answered(&mut self) -> (Response, Vec<Request>) {
        let (mut responses, requests) = self.sent();
        assert_eq!(responses.len(), 1, "{responses:#?}");
        (responses.remove(0), requests)
    }

    /// A NOTIFY of romeo's: the status of its answer, and what else was sent.
    pub(crate) fn told_by_romeo(
        &mut self,
        subscribe: &Request,
        cseq: u32,
        state: &str,
        body: &str,
    ) -> (u16, Vec<Request>) {
        self.sip(&notify(subscribe, cseq, state, body));
        let (response, requests) = self.answered();
        (response.status.code(), requests)
    }

    /// Juliet watches romeo and sees these devices; the answer is the SUBSCRIBE.
    pub(crate) fn juliet_sees(&mut self, resources: &[&str]) -> Request {
        let subscribe = self.juliet_subscribes();
        self.answer_with(&subscribe, 200, &["Expires: 3600"]);
        assert_eq!(self.notified(&subscribe, 1, "active;expires=3600", &open(resources)), 200);
        assert_eq!(self.told().len(), 1 + resources.len());
        subscribe
    }

    /// A SUBSCRIBE of romeo's that makes a dialog: its answer, and what else was sent.
    pub(crate) fn romeo_subscribes(
        &mut self,
        call: &str,
        headers: &str,
    ) -> (Response, Vec<Request>) {
        self.sip(&subscribe(call, "", 1, headers));
        self.answered()
    }

    /// Romeo watches juliet, who has not decided; what romeo is told is answered.
    pub(crate) fn romeo_watches(&mut self, call: &str) -> Watcher {
        let (ok, notifies) = self.romeo_subscribes(call, "Expires: 3600\n");
        assert_eq!((ok.status.code(), notifies.len()), (200, 1));
        self.answer(&notifies[0], 200);
        let tag = ok.to.tag().expect("a tag").to_owned();
        Watcher { call: call.to_owned(), tag, cseq: 1 }
    }

    /// Romeo watches juliet, who lets romeo, and romeo sees juliet's balcony.
    pub(crate) fn romeo_sees(&mut self, call: &str) -> Watcher {
        let watcher = self.romeo_watches(call);
        self.juliet("subscribed");
        self.juliet_shows("balcony", "");
        self.settle(200);
        self.told();
        self.run(Duration::from_secs(20), |world, request| world.answer(request, 200));
        assert_eq!(self.told(), Vec::<String>::new());
        watcher
    }

    /// Answers all requests that were sent since the last look.
    pub(crate) fn settle(&mut self, code: u16) -> Vec<Request> {
        let mut all = Vec::new();
        loop {
            let requests = self.requests();
            if requests.is_empty() {
                return all;
            }
            for request in &requests {
                self.answer(request, code);
            }
            all.extend(requests);
        }
    }

    /// Lets time pass; each request that is sent meanwhile is dealt with when it is sent.
    pub(crate) fn run(&mut self, time: Duration, mut each: impl FnMut(&mut World, &Request)) {
        let end = self.now.instant + time;
        loop {
            // What an answer gives rise to is sent in the same moment.
            while !self.sip.is_empty() {
                for request in self.requests() {
                    each(self, &request);
                }
            }
            if self.now.instant >= end {
                return;
            }
            let next = self.gateway.deadline().filter(|due| *due <= end).unwrap_or(end);
            self.pass(next - self.now.instant);
        }
    }

    /// Lets time pass until a request is sent.
    pub(crate) fn awaited(&mut self, within: Duration) -> Request {
        let end = self.now.instant + within;
        while self.sip.is_empty() {
            let next = self.gateway.deadline().filter(|due| *due <= end).expect("a request");
            self.pass(next - self.now.instant);
        }
        self.request()
    }

    /// As [`World::run`]: all requests are answered 200, and given back with the time at which
    /// they were sent, in milliseconds from now.
    pub(crate) fn run_quietly(&mut self, time: Duration) -> Vec<(u128, Request)> {
        let begin = self.now.instant;
        let mut all = Vec::new();
        self.run(time, |world, request| {
            all.push(((world.now.instant - begin).as_millis(), request.clone()));
            world.answer(request, 200);
        });
        all
    }
}

/// So many seconds.
pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
