//! A show in phases: both worlds, the people in them, the gateway between.

use std::io;
use std::time::{Duration, Instant};

use super::people::People;
use super::plan::{Plan, Way};
use crate::gateway::Gateway;
use crate::measure::mark::Mark;
use crate::measure::process::Tree;
use crate::net::wait::wake_exactly;
use crate::options::stage::Stage;
use crate::scenario::ready::Ready;
use crate::scenario::talk::Talk;
use crate::scenario::{IDLE, Scenario, Worlds, play};
use crate::sip::message::Message;
use crate::xmpp::stanza::Stanza;

/// The show.
pub struct Show {
    /// Both worlds.
    pub worlds: Worlds,
    /// Who watches.
    pub people: People,
    /// Who talks meanwhile.
    pub talk: Option<Talk>,
    /// Whether they talk now.
    pub talking: bool,
    /// The gateway.
    pub gateway: Gateway,
    progress: bool,
}

/// What a phase has at hand in each turn.
pub struct Turn<'a> {
    /// Now.
    pub now: Instant,
    /// Who watches.
    pub people: &'a mut People,
    /// Who talks.
    pub talk: Option<&'a Talk>,
    /// Both worlds.
    pub worlds: &'a mut Worlds,
}

/// What a phase came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// Whether it ended as it should, and not because its time was over.
    pub done: bool,
    /// How long it took, seconds.
    pub seconds: f64,
    /// The most resident memory that a look each second saw, KiB.
    pub peak_rss: u64,
}

impl Show {
    /// The gateway is started and serves; nobody watches yet.
    ///
    /// # Errors
    /// When a socket cannot be bound, or the gateway does not serve.
    pub fn open(stage: &Stage, plan: Plan) -> io::Result<Self> {
        wake_exactly();
        let worlds = Worlds::of(stage)?;
        let gateway = stage.gateway()?;
        let (people, progress) = (People::new(plan), !stage.quiet);
        let mut show = Show { worlds, people, talk: None, talking: false, gateway, progress };
        play(&mut show.worlds, &mut Ready::begin())?;
        match show.gateway.tree().is_none_or(Tree::runs) {
            true => Ok(show),
            false => Err(io::Error::other("the gateway ended: another one serves here")),
        }
    }

    /// Now.
    pub fn mark(&self) -> Mark {
        Mark::at(Instant::now(), self.gateway.tree())
    }

    /// Goes on until something is so, or the time is over.
    ///
    /// # Errors
    /// When a socket or a stream breaks.
    pub fn until(
        &mut self,
        name: &'static str,
        at_most: Duration,
        done: impl FnMut(&mut Turn<'_>) -> io::Result<bool>,
    ) -> io::Result<Outcome> {
        let now = Instant::now();
        let talk = self.talk.as_mut();
        let mut phase = Phase {
            name,
            people: &mut self.people,
            talk,
            talking: self.talking,
            gateway: self.gateway.tree(),
            progress: self.progress,
            begun: now,
            end: now + at_most,
            next_look: now + LOOK,
            done,
            outcome: Outcome::default(),
        };
        play(&mut self.worlds, &mut phase)?;
        let (mut outcome, begun) = (phase.outcome, phase.begun);
        outcome.seconds = begun.elapsed().as_secs_f64();
        if let Some(tree) = self.gateway.tree() {
            outcome.peak_rss = outcome.peak_rss.max(tree.memory(false).rss);
        }
        Ok(outcome)
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// When a socket or a stream breaks.
    pub fn pass(&mut self, name: &'static str, seconds: f64) -> io::Result<Outcome> {
        self.until(name, Duration::from_secs_f64(seconds), |_| Ok(false))
    }

    /// Lets time pass until no NOTIFY has come for a while, or the time is over.
    ///
    /// # Errors
    /// When a socket or a stream breaks.
    pub fn settle(&mut self, at_most: Duration) -> io::Result<Outcome> {
        let mut last = (self.people.counts.notifies, Instant::now());
        self.until("settling", at_most, |turn| {
            let notifies = turn.people.counts.notifies;
            if notifies != last.0 {
                last = (notifies, turn.now);
            }
            Ok(turn.now.saturating_duration_since(last.1) >= STILL)
        })
    }

    /// Brings up so many subscriptions; it ends early when none came up for a while.
    ///
    /// # Errors
    /// When a socket or a stream breaks.
    pub fn rise(&mut self, subscriptions: u32, patience: f64) -> io::Result<Outcome> {
        self.people.want(subscriptions);
        let patience = Duration::from_secs_f64(patience);
        let mut last = (0, Instant::now());
        let mut stuck = false;
        let mut outcome = self.until("rising", A_DAY, |turn| {
            let risen = turn.people.risen();
            if risen != last.0 {
                last = (risen, turn.now);
            }
            stuck = turn.now.saturating_duration_since(last.1) > patience;
            Ok(stuck || risen >= subscriptions)
        })?;
        outcome.done &= !stuck;
        Ok(outcome)
    }

    /// People talk, from now on.
    pub fn speak(&mut self) {
        self.talking = true;
        if let Some(talk) = &mut self.talk {
            talk.begin_again();
        }
    }

    /// Nobody says anything new; what was said has its outcome, or is given up.
    ///
    /// # Errors
    /// When a socket or a stream breaks.
    pub fn hush(&mut self) -> io::Result<()> {
        self.talking = false;
        self.until("hush", HUSH, |turn| Ok(turn.talk.is_none_or(|talk| talk.in_flight() == 0)))?;
        Ok(())
    }
}

const A_DAY: Duration = Duration::from_secs(86_400);
/// A time without NOTIFY after which none is under way.
const STILL: Duration = Duration::from_secs(1);
/// How long a message may take in the end.
const HUSH: Duration = Duration::from_secs(40);
/// The pause between two looks at the gateway's memory.
const LOOK: Duration = Duration::from_secs(1);

struct Phase<'a, Done> {
    name: &'static str,
    people: &'a mut People,
    talk: Option<&'a mut Talk>,
    talking: bool,
    gateway: Option<Tree>,
    progress: bool,
    begun: Instant,
    end: Instant,
    next_look: Instant,
    done: Done,
    outcome: Outcome,
}

impl<Done> Phase<'_, Done> {
    fn look(&mut self, now: Instant) {
        self.next_look = now + LOOK;
        let rss = self.gateway.map_or(0, |gateway| gateway.memory(false).rss);
        self.outcome.peak_rss = self.outcome.peak_rss.max(rss);
        if let Some(talk) = &mut self.talk {
            talk.flows.iter_mut().for_each(|flow| flow.give_up(now));
        }
        if self.progress {
            let people = &self.people;
            let counts = people.counts;
            eprintln!(
                "{:8} {:6.1} s   {} and {} up   {} NOTIFYs, {} SUBSCRIBEs, {} probes, {} faults   \
                 gateway {:.1} MB",
                self.name,
                (now - self.begun).as_secs_f64(),
                people.live(Way::XmppWatches),
                people.live(Way::SipWatches),
                counts.notifies,
                counts.subscribes + counts.refreshes,
                counts.probes,
                people.faults.values().sum::<u64>(),
                rss as f64 / 1_024.0
            );
        }
    }
}

impl<Done: FnMut(&mut Turn<'_>) -> io::Result<bool>> Scenario for Phase<'_, Done> {
    fn stanza(&mut self, now: Instant, stanza: &Stanza<'_>) {
        match &mut self.talk {
            Some(talk) if stanza.name == "message" => talk.stanza(now, stanza),
            _ => self.people.stanza(stanza),
        }
    }

    fn request(&mut self, now: Instant, request: &Message<'_>) -> u16 {
        match &mut self.talk {
            Some(talk) if request.method() == b"MESSAGE" => talk.request(now, request),
            _ => self.people.request(now, request),
        }
    }

    fn response(&mut self, now: Instant, key: u64, response: &Message<'_>) {
        self.people.response(key, response);
        if let Some(talk) = &mut self.talk {
            talk.response(now, key, response);
        }
    }

    fn expired(&mut self, _now: Instant, key: u64) {
        self.people.expired(key);
        if let Some(talk) = &mut self.talk {
            talk.expired(key);
        }
    }

    fn turn(&mut self, now: Instant, worlds: &mut Worlds) -> io::Result<Instant> {
        if now >= self.next_look {
            self.look(now);
        }
        self.people.turn(now, worlds)?;
        let talk = self.talk.as_deref();
        self.outcome.done = (self.done)(&mut Turn { now, people: self.people, talk, worlds })?;
        let mut next = now + IDLE;
        if let Some(talk) = self.talk.as_mut().filter(|_| self.talking) {
            talk.send(now, worlds, u64::MAX)?;
            next = next.min(talk.due().unwrap_or(next));
        }
        Ok(next)
    }

    fn finished(&self, now: Instant) -> bool {
        self.outcome.done || now >= self.end
    }
}
