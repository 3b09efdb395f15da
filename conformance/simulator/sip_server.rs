//! SIP users that are written to: the non-INVITE server transaction of RFC 3261 §17.2.2 at their
//! proxies, and devices with habits.

use std::collections::BTreeMap;

use stox::codec::sip::{Method, Request, Status};

use crate::agenda::{Event, MS, Micros, Packet, S, SipTimer};
use crate::dice::Dice;
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
    dice: Dice,
}

impl Devices {
    pub(crate) fn new(dice: Dice) -> Self {
        Devices { transactions: BTreeMap::new(), out_of_service: [false; 2], dice }
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
            let how = How::Back(known.connection);
            let again = known.last.clone();
            return again
                .into_iter()
                .map(|packet| SipOut { proxy, how, packet, branch: None })
                .collect();
        }
        let request = request.clone();
        let method = request.method.clone();
        let answers = match (self.out_of_service[proxy], method) {
            (true, _) => vec![(0, 503)],
            (false, Method::Options) => vec![(0, 200)],
            (false, Method::Message) => self.decide(stage, &request),
            _ => vec![(0, 405)],
        };
        let transaction = Transaction { request, connection, last: None, ended: None };
        self.transactions.insert(key, transaction);
        for (after, status) in answers {
            let answer = SipTimer::Answer { proxy, branch: branch.clone(), status };
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
    ) -> Vec<SipOut> {
        let key = (proxy, branch.clone());
        let place = stage.ledger.place();
        let Some(transaction) = self.transactions.get_mut(&key) else { return Vec::new() };
        let Some(code) = Status::new(status) else { return Vec::new() };
        let mut response = transaction.request.response(code);
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
