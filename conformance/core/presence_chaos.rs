//! Whatever comes in whatever order: no document to whom juliet did not approve, no end of time
//! that never passes, and nothing left when both have gone.

use std::collections::BTreeSet;
use std::time::Duration;

use stox::codec::sip::{Method, Request};
use stox::flow::{Input, Record};

use crate::scene::{open, seconds, subscribe};
use crate::world::{SETTINGS, World};

/// A small generator: one seed is one story.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % sides
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.roll(among.len())]
    }
}

/// One story, with what both sides have seen of the gateway.
struct Story {
    world: World,
    dice: Dice,
    /// SUBSCRIBEs and NOTIFYs of the gateway without an answer.
    open: Vec<Request>,
    /// All its SUBSCRIBEs.
    asked: Vec<Request>,
    /// Romeo's dialogs: the Call-ID and the gateway's tag.
    watches: Vec<(String, String)>,
    /// Requests that were seen: Call-ID and CSeq.
    sent: BTreeSet<(String, u32)>,
    cseq: u32,
    up: bool,
}

/// What is remembered for long is forgotten in an hour.
const LIMITS: &str = "pending_limit: 1h, idle_limit: 1h";
const CODES: [u16; 12] = [200, 200, 200, 200, 202, 403, 404, 408, 423, 481, 500, 603];
const STATES: [&str; 10] = [
    "active;expires=3600",
    "active;expires=600",
    "active;expires=0",
    "pending;expires=600",
    "terminated;reason=rejected",
    "terminated;reason=timeout",
    "terminated;reason=deactivated",
    "terminated;reason=probation;retry-after=10",
    "terminated;reason=invariant",
    "other",
];
const WORDS: [&str; 6] =
    ["subscribe", "subscribe", "subscribed", "unsubscribe", "unsubscribed", "unavailable"];

impl Story {
    fn new(seed: u64) -> Self {
        let (open, asked, watches) = (Vec::new(), Vec::new(), Vec::new());
        let world = World::patient(LIMITS);
        let sent = BTreeSet::new();
        Story { world, dice: Dice(seed), open, asked, watches, sent, cseq: 1, up: true }
    }

    /// Takes in what the gateway sent.
    fn look(&mut self) {
        let due =
            |world: &World| world.gateway.deadline().is_some_and(|due| due <= world.now.instant);
        for _ in 0..100 {
            if due(&self.world) {
                self.world.feed(Input::Timer);
            }
        }
        assert!(!due(&self.world), "a deadline that never passes");
        let granted = self.granted();
        let (responses, requests) = self.world.sent();
        for ok in responses.iter().filter(|it| it.status.code() == 200) {
            if ok.cseq.method == Method::Subscribe {
                let tag = ok.to.tag().expect("a tag").to_owned();
                self.watches.push((ok.call_id.as_str().to_owned(), tag));
            }
        }
        for request in requests {
            // What was sent once may be sent once more.
            let is_new =
                self.sent.insert((request.call_id.as_str().to_owned(), request.cseq.number));
            if request.method == Method::Notify && is_new {
                assert!(request.body.is_empty() || granted, "shown without approval: {request:?}");
            } else if request.method == Method::Subscribe {
                self.asked.push(request.clone());
            }
            self.open.push(request);
        }
        self.world.stanzas();
    }

    /// Whether juliet lets romeo see juliet's presence, by what is on disk.
    fn granted(&self) -> bool {
        // There is one pair.
        let text = match self.world.records.last() {
            Some(Record::Pair { value: Some(text), .. }) => text.as_str(),
            _ => "",
        };
        text.contains("\"authorization\":{\"to\":true")
    }

    fn step(&mut self) {
        match self.dice.roll(10) {
            0 => self.world.juliet(self.dice.pick(&WORDS)),
            1 => self.world.juliet_probes(),
            2 => self.world.juliet_shows(self.dice.pick(&["a", "b"]), ""),
            3 => self.world.juliet_hides(self.dice.pick(&["a", "b"])),
            4 => {
                self.cseq += 1;
                let expires = self.dice.pick(&["Expires: 0\n", "Expires: 600\n", ""]);
                let watch = self.dice.roll(self.watches.len() + 2);
                let fresh = (format!("w{}", self.cseq), String::new());
                let (call, tag) = self.watches.get(watch).unwrap_or(&fresh).clone();
                self.world.sip(&subscribe(&call, &tag, self.cseq, expires));
            }
            5 | 6 => self.answer(),
            7 => self.notify(),
            8 => self.link(),
            _ => {
                let most = self.dice.pick(&[100, 5_000, 40_000, 4_000_000]);
                let pause = u64::try_from(self.dice.roll(most)).expect("short");
                self.pause(Duration::from_millis(pause));
            }
        }
        self.look();
    }

    fn answer(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let request = self.open.remove(self.dice.roll(self.open.len()));
        let code = self.dice.pick(&CODES);
        self.world.answer_with(&request, code, &["Min-Expires: 4000", "Retry-After: 7"]);
    }

    fn notify(&mut self) {
        if self.asked.is_empty() {
            return;
        }
        self.cseq += 1;
        let subscribe = self.dice.roll(self.asked.len());
        let (state, body) =
            (self.dice.pick(&STATES), self.dice.pick(&[&[][..], &["x"], &["x", "y"]]));
        let body = if self.dice.roll(3) == 0 { String::new() } else { open(body) };
        let text = crate::scene::notify(&self.asked[subscribe], self.cseq, state, &body);
        self.world.sip(&text);
    }

    fn link(&mut self) {
        match self.up {
            true => self.world.down(false),
            false => self.world.up(),
        }
        self.up = !self.up;
    }

    /// Time passes; what is sent meanwhile stays unanswered.
    fn pause(&mut self, time: Duration) {
        let end = self.world.now.instant + time;
        let mut turns = 0;
        while let Some(due) = self.world.gateway.deadline().filter(|due| *due <= end) {
            self.world.pass(due - self.world.now.instant);
            self.look();
            turns += 1;
            assert!(turns < 20_000, "time does not pass");
        }
        self.world.pass(end - self.world.now.instant);
    }

    /// Both give up all; the other sides answer as they should.
    fn end(mut self) {
        if !self.up {
            self.link();
        }
        for word in ["unsubscribe", "unsubscribed"] {
            self.world.juliet(word);
        }
        self.world.run(seconds(4 * 3_600), |world, request| world.answer(request, 200));
        assert_eq!(self.world.subscriptions(), (0, 0));
        assert!(self.world.left().is_empty(), "{:?}", self.world.left());
    }
}

#[test]
fn any_order_of_events_is_survived() {
    for seed in 0..40 {
        let mut story = Story::new(seed);
        for _ in 0..200 {
            story.step();
        }
        story.end();
    }
}

#[test]
fn any_order_of_events_is_survived_over_a_death() {
    for seed in 100..120 {
        let mut story = Story::new(seed);
        for _ in 0..5 {
            for _ in 0..40 {
                story.step();
            }
            let (milliseconds, before) = (story.dice.roll(100_000), story.granted());
            let settings = format!("{SETTINGS}presence: {{ {LIMITS} }}\n");
            let milliseconds = u64::try_from(milliseconds).expect("short");
            story.world = story.world.killed_under(&settings, milliseconds);
            story.world.pass_ms(0);
            story.up = false;
            story.open.clear();
            assert_eq!(story.granted(), before);
            story.look();
        }
        story.end();
    }
}
