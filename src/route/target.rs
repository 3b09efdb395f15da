//! The form of a message by what is known of its target, and what messages show of their senders'
//! user agents.

use super::View;
use super::peer::first;
use crate::codec::mime::cpim;
use crate::codec::sip::{HeaderName, Headers, Request, Response, Text};
use crate::codec::xmpp::Jid;
use crate::config::{Bodies, Service};
use crate::flow::{AgentStatus, Evidence, Forms, Inbound, Outbound, Profile, Routed, TargetStatus};
use crate::rules::{BodyProfile, Direction, Facts, Messages};
use crate::state::targets::Agent;

/// Chooses the form of a message: as a rule says, else as its peer wants it, else by what is known
/// of the target.
pub(super) fn choose(view: View<'_>, settings: &Messages, outbound: &mut Outbound) {
    let known = Known::of(view, settings, &outbound.recipient);
    outbound.shows = known.shows();
    (outbound.profile, outbound.forms) = known.form();
}

/// What is known of a target and counts.
struct Known<'a> {
    view: View<'a>,
    settings: &'a Messages,
    agents: &'a [Agent],
}

impl<'a> Known<'a> {
    fn of(view: View<'a>, settings: &'a Messages, target: &Jid) -> Self {
        Known { view, settings, agents: view.state.agents_of(target) }
    }

    fn lately(&self) -> impl Iterator<Item = &'a Agent> {
        let (now, within) = (self.view.now, self.settings.remember);
        self.agents.iter().filter(move |agent| agent.is_within(now, within))
    }

    fn shows(&self) -> Option<usize> {
        let names = &self.settings.short_agents;
        self.lately().any(|agent| is_named(agent, names)).then_some(self.settings.short_octets)
    }

    fn form(&self) -> (Profile, Forms) {
        match (self.settings.profile, bodies(self.view)) {
            (BodyProfile::Text, _) | (BodyProfile::Auto, Bodies::Text) => {
                (Profile::Text, Forms::One)
            }
            (BodyProfile::Cpim, _) | (BodyProfile::Auto, Bodies::Cpim) => {
                (Profile::Cpim, Forms::One)
            }
            (BodyProfile::Auto, Bodies::Auto) => {
                // A fork reaches all of them, and the 200 of one hides what another one shows.
                let all = self.lately().all(|agent| reads_cpim(agent, self.settings).0);
                let preferred = match all && self.lately().next().is_some() {
                    true => Profile::Cpim,
                    false => Profile::Text,
                };
                (preferred, Forms::Either { preferred })
            }
        }
    }
}

/// What is known of a SIP user as a target of messages from nobody in particular.
pub(crate) fn status(view: View<'_>, user: &Jid) -> TargetStatus {
    let facts = Facts { direction: Direction::ToSip, to: user.bare_str(), ..Facts::default() };
    let known = Known::of(view, view.rules.messages.of(&facts), user);
    let agent = |agent: &Agent| {
        let (reads_cpim, because) = reads_cpim(agent, known.settings);
        AgentStatus {
            name: agent.name.to_string(),
            reads_cpim,
            because: because.to_owned(),
            hours_ago: agent.hours_ago(view.now),
            expired: !agent.is_within(view.now, known.settings.remember),
        }
    };
    let form = if known.form().0 == Profile::Cpim { "cpim" } else { "text" };
    TargetStatus {
        address: address(view, user),
        form: form.to_owned(),
        agents: known.agents.iter().map(agent).collect(),
    }
}

/// Chooses anew for a message that waited: meanwhile more may be known. What was refused, made
/// shorter or cut already goes on as it is.
pub(super) fn choose_again(view: View<'_>, outbound: &mut Outbound) {
    let untouched =
        matches!(outbound.forms, Forms::Either { preferred } if preferred == outbound.profile);
    if untouched && outbound.part.is_none() {
        let settings = view.rules.messages.of(&outbound.facts());
        choose(view, settings, outbound);
    }
}

/// Whether an agent is known to read objects, and why: by what it sent, else by its name.
fn reads_cpim(agent: &Agent, settings: &Messages) -> (bool, &'static str) {
    match agent.cpim {
        _ if is_named(agent, &settings.text_agents) => (false, "text_agents"),
        Some(true) => (true, "it sent an object or said so"),
        Some(false) => (false, "an object was refused"),
        None if is_named(agent, &settings.cpim_agents) => (true, "cpim_agents"),
        None => (false, "nothing shows it"),
    }
}

fn is_named(agent: &Agent, names: &[String]) -> bool {
    let begins = |known: &String| {
        let begin = agent.name.get(..known.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(known))
    };
    names.iter().any(begins)
}

/// The form that the peer wants which is tried first.
fn bodies(view: View<'_>) -> Bodies {
    if view.config.sip.peers.iter().all(|peer| peer.bodies == Bodies::Auto) {
        return Bodies::Auto;
    }
    first(view, Service::Im).map_or(Bodies::Auto, |peer| peer.bodies)
}

/// What a MESSAGE shows of its sender's agent, if that is not known.
pub(super) fn of_message(view: View<'_>, inbound: &Inbound) -> Option<Box<Evidence>> {
    let headers = &inbound.request.headers;
    let is_object = headers.content_type().is_some_and(is_cpim);
    let cpim = (is_object || headers.accept_names(cpim::MEDIA_TYPE)).then_some(true);
    news(view, &inbound.from, agent(headers, &HeaderName::UserAgent), cpim)
}

/// What another request shows: only that it says itself what is read. It may come from a server.
pub(super) fn of_request(view: View<'_>, from: &Jid, request: &Request) -> Option<Box<Evidence>> {
    let headers = &request.headers;
    let reads = headers.accept_names(cpim::MEDIA_TYPE);
    reads.then(|| news(view, from, agent(headers, &HeaderName::UserAgent), Some(true))).flatten()
}

/// What the response to a MESSAGE shows of its target's agent: a 2xx that names it is the agent's
/// own, and any response may say what is read.
pub(super) fn of_response(view: View<'_>, to: &Jid, response: &Response) -> Option<Box<Evidence>> {
    let headers = &response.headers;
    let cpim = headers.accept_names(cpim::MEDIA_TYPE).then_some(true);
    let agent = match agent(headers, &HeaderName::Server) {
        "" => agent(headers, &HeaderName::UserAgent),
        server => server,
    };
    let shows = cpim.is_some() || (response.status.is_success() && !agent.is_empty());
    shows.then(|| news(view, to, agent, cpim)).flatten()
}

fn news(view: View<'_>, user: &Jid, agent: &str, cpim: Option<bool>) -> Option<Box<Evidence>> {
    let is_news = view.state.is_news(user, agent, cpim, view.now);
    is_news.then(|| {
        let (address, agent) = (Text::from(address(view, user)), Text::from(agent));
        Box::new(Evidence { address, agent, cpim })
    })
}

/// The address of a SIP user: its localpart at the SIP domain, the same for all components.
fn address(view: View<'_>, user: &Jid) -> String {
    let pair = view.config.domains.of_jid(user.domain());
    let domain = pair.map_or(user.domain(), |pair| &pair.sip);
    format!("{}@{domain}", user.node().unwrap_or_default())
}

/// The routed message with what it shows beside it.
pub(super) fn beside(learnt: Option<Box<Evidence>>, routed: Routed) -> Routed {
    match learnt {
        Some(evidence) => Routed::Learnt(evidence, Box::new(routed)),
        None => routed,
    }
}

fn is_cpim(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(cpim::MEDIA_TYPE)
}

/// How an agent names itself, as far as it is kept.
fn agent<'a>(headers: &'a Headers, header: &HeaderName) -> &'a str {
    let name = headers.get_text(header).unwrap_or_default().trim();
    let mut most = Evidence::NAME.min(name.len());
    while !name.is_char_boundary(most) {
        most -= 1;
    }
    name.get(..most).unwrap_or_default().trim_end()
}
