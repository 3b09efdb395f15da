//! SIP users that are written to: the non-INVITE server transaction of RFC 3261 §17.2.2 at their
//! proxies, and devices with habits.

use std::collections::BTreeMap;

use stox::codec::sip::{HeaderName, HeaderValue, Method, Request, Status};

use crate::agenda::{Event, MS, Micros, Packet, S, SipTimer};
use crate::challenges::{Asking, Gate};
use crate::dice::{Dice, Throws};
use crate::plan::{Device, SIP_USERS};
use crate::sip_client::{How, SipOut};
use crate::stage::Stage;
use crate::words::{number, text_of};

/// Timer J.
const TIMER_J: Micros = 32 * S;

#[derive(Debug)]
struct Transaction {
    request: Request,
    connection: Option<u64>,
    last: Option<Packet>,
    ended: Option<Micros>,
}

#[derive(Debug)]
pub(crate) struct Devices {
    transactions: BTreeMap<(usize, String), Transaction>,
    /// Proxies that answer 503 to everything.
    pub(crate) out_of_service: [bool; 2],
    gate: Gate,
    dice: Dice,
}

impl Devices {
    pub(crate) fn new(asking: Option<Asking>, mut dice: Dice) -> Self {
        let gate = Gate::new(asking, Dice::new(dice.number(), Throws::Sip));
        Devices { transactions: BTreeMap::new(), out_of_service: [false; 2], gate, dice }
    }

    /// A request of the gateway reaches a proxy.
    pub(crate) fn request(
        &mut self,
        stage: &mut Stage,
        proxy: usize,
        request: &Request,
        connection: Option<u64>,
    ) -> Vec<SipOut> {
        let branch = request.via[0].branch().unwrap_or_default().to_owned();
        let key = (proxy, branch.clone());
        let alive = |transaction: &&mut Transaction| {
            transaction.ended.is_none_or(|ended| stage.now < ended + TIMER_J)
        };
        if let Some(known) = self.transactions.get_mut(&key).filter(alive) {
            stage.coverage.hit("sip.copy_absorbed");
            // It is answered where it came from.
            known.connection = connection.or(known.connection);
            let how = How::Back(known.connection);
            let again = known.last.clone();
            return again
                .into_iter()
                .map(|packet| SipOut { proxy, how, packet, branch: None })
                .collect();
        }
        let request = request.clone();
        let mut challenge = None;
        let answers = match (self.out_of_service[proxy], &request.method) {
            (true, _) => vec![(0, 503)],
            (false, Method::Options) => vec![(0, 200)],
            (false, Method::Message) => {
                if self.transactions.contains_key(&key) {
                    copy_after_timer_j(stage, &request);
                }
                match self.gate.admit(stage, &request) {
                    Ok(()) => self.decide(stage, &request),
                    Err(refused) => {
                        challenge = Some(refused.challenge);
                        vec![(self.dice.between(MS, 5 * MS), refused.status)]
                    }
                }
            }
            _ => vec![(0, 405)],
        };
        let transaction = Transaction { request, connection, last: None, ended: None };
        self.transactions.insert(key, transaction);
        for (after, status) in answers {
            let (branch, challenge) = (branch.clone(), challenge.clone());
            let answer = SipTimer::Answer { proxy, branch, status, challenge };
            stage.agenda.set(stage.now + after, Event::Sip(answer));
        }
        Vec::new()
    }

    /// What a device answers, and when.
    fn decide(&mut self, stage: &mut Stage, request: &Request) -> Vec<(Micros, u16)> {
        let user = request.uri.user();
        let known = SIP_USERS.iter().find(|(name, _)| Some(*name) == user);
        let Some((_, device)) = known else { return vec![(0, 404)] };
        let soon = self.dice.between(MS, 30 * MS);
        let device = match device {
            // When all is quiet nobody keeps others waiting.
            Device::Moody if stage.calm => Device::Takes(200),
            Device::Moody => self.dice.pick(&[
                Device::Takes(200),
                Device::Takes(200),
                Device::Refuses(480),
                Device::Refuses(600),
                Device::Late { trying: false },
                Device::TextOnly(406),
            ]),
            device => *device,
        };
        match device {
            Device::Takes(status) | Device::Refuses(status) => vec![(soon, status)],
            Device::TextOnly(status) => {
                let cpim = request.headers.content_type() == Some("message/cpim");
                if cpim {
                    stage.coverage.hit("sip.refused_cpim");
                }
                vec![(soon, if cpim { status } else { 200 })]
            }
            Device::Silent | Device::Moody => {
                stage.coverage.hit("sip.silent");
                Vec::new()
            }
            Device::Late { trying } => {
                stage.coverage.hit("sip.answered_late");
                let late = self.dice.between(S, 36 * S);
                let hundred = trying.then_some((soon, 100)).filter(|_| soon < late);
                hundred.into_iter().chain([(late, 200)]).collect()
            }
        }
    }

    /// A server transaction sends a response.
    pub(crate) fn answer(
        &mut self,
        stage: &mut Stage,
        proxy: usize,
        branch: String,
        status: u16,
        challenge: Option<String>,
    ) -> Vec<SipOut> {
        let key = (proxy, branch.clone());
        let place = stage.ledger.place();
        let Some(transaction) = self.transactions.get_mut(&key) else { return Vec::new() };
        let Some(code) = Status::new(status) else { return Vec::new() };
        let mut response = transaction.request.response(code);
        if let Some(challenge) = challenge {
            let header = match status {
                401 => HeaderName::WwwAuthenticate,
                _ => HeaderName::ProxyAuthenticate,
            };
            response.headers.push(header, HeaderValue::text(&challenge));
        }
        if status == 100 {
            stage.coverage.hit("sip.100_sent");
        } else {
            response.to = response.to.with_tag(&format!("d{branch}"));
            transaction.ended = Some(stage.now);
        }
        if transaction.request.method == Method::Message
            && (200..300).contains(&status)
            && let Some(number) = number(&text_of(&transaction.request.body), 'x')
            && let Some(message) = stage.ledger.to_sip.get_mut(number as usize)
        {
            message.taken.push((place, branch));
        }
        let packet = Packet::new(response.to_bytes());
        transaction.last = Some(packet.clone());
        vec![SipOut { proxy, how: How::Back(transaction.connection), packet, branch: None }]
    }
}

/// A request comes again when its transaction is over: to its device it is another one.
fn copy_after_timer_j(stage: &mut Stage, request: &Request) {
    stage.coverage.hit("sip.copy_after_timer_j");
    if let Some(number) = number(&text_of(&request.body), 'x')
        && let Some(message) = stage.ledger.to_sip.get_mut(number as usize)
    {
        message.late_copies += 1;
    }
}
