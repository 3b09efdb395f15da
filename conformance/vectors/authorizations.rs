//! `authorizations.txt`: the nine states of RFC 6121 Appendix A, as the table of the gateway has
//! them and as what goes over the wire shows them.

use stox::codec::sip::{Method, Request};
use stox::flow::Record;
use stox::state::presence::authorization::{Authorization, Stanza};

use crate::Vector;
use crate::scene::{expires, open, substate};
use crate::world::World;

pub(crate) fn check(vector: Vector) {
    let (word, before) = vector.given.split_once(": ").expect("a stanza and a state");
    let (passes, after) = vector.expected.split_once(": ").expect("an answer and a state");
    let stanza = match word {
        "subscribe" => Stanza::Subscribe,
        "unsubscribe" => Stanza::Unsubscribe,
        "subscribed" => Stanza::Subscribed,
        "unsubscribed" => Stanza::Unsubscribed,
        other => panic!("no subscription stanza: {other}"),
    };
    let (before, passes, after) = (state(before), passes == "yes", state(after));
    let mut table = before;
    match vector.direction {
        "out" => {
            assert_eq!((table.outbound(stanza), table), (passes, after));
            romeo_causes(stanza, before, passes, after);
        }
        "in" => {
            let told = table.inbound(stanza);
            assert_eq!((told.deliver, table), (passes, after));
            assert_eq!(told.reply, reply(stanza, before, passes));
            juliet_says(stanza, before, passes, after);
        }
        other => panic!("no direction: {other}"),
    }
}

/// What the server of the SIP user answers by itself (§A.3.1 note 2, §A.3.2 note 1).
fn reply(stanza: Stanza, before: Authorization, passes: bool) -> Option<Stanza> {
    match stanza {
        Stanza::Subscribe => before.from.then_some(Stanza::Subscribed),
        Stanza::Unsubscribe => passes.then_some(Stanza::Unsubscribed),
        Stanza::Subscribed | Stanza::Unsubscribed => None,
    }
}

fn state(name: &str) -> Authorization {
    let (base, pending) = name.split_once(" + Pending ").unwrap_or((name, ""));
    Authorization {
        to: matches!(base, "To" | "Both"),
        from: matches!(base, "From" | "Both"),
        pending_out: pending.contains("Out"),
        pending_in: pending.contains("In"),
    }
}

/// A world in which the pair is in a state, and juliet's SUBSCRIBE if juliet watches romeo.
fn scene(state: Authorization) -> (World, Option<Request>) {
    let mut world = World::new();
    let mut subscribed = None;
    if state.from {
        subscribed = Some(world.juliet_sees(&["a"]));
    } else if state.pending_in {
        let subscribe = world.juliet_subscribes();
        world.answer(&subscribe, 200);
        world.notified(&subscribe, 1, "pending;expires=3600", "");
        subscribed = Some(subscribe);
    }
    if state.to || state.pending_out {
        world.romeo_watches("w1");
    }
    if state.to {
        world.juliet("subscribed");
        world.settle(200);
    }
    world.told();
    assert_eq!(stored(&world), state, "the scene is set");
    (world, subscribed)
}

/// What is stored of the pair.
fn stored(world: &World) -> Authorization {
    let left = world.left();
    let Some(Record::Pair { value: Some(text), .. }) = left.first() else {
        return Authorization::default();
    };
    let (_, rest) = text.split_once("\"authorization\":").expect("an authorization");
    let end = rest.find('}').expect("an end") + 1;
    serde_json::from_str(&rest[..end]).expect("it can be read")
}

/// Juliet says it, and SIP shows whether it reached romeo.
fn juliet_says(stanza: Stanza, before: Authorization, passes: bool, after: Authorization) {
    let (mut world, _) = scene(before);
    let (word, reached): (_, fn(&Request) -> bool) = match stanza {
        Stanza::Subscribe => {
            ("subscribe", |it| it.method == Method::Subscribe && it.to.tag().is_none())
        }
        Stanza::Unsubscribe => {
            ("unsubscribe", |it| it.method == Method::Subscribe && expires(it) == 0)
        }
        Stanza::Subscribed => ("subscribed", |it| substate(it).starts_with("active")),
        Stanza::Unsubscribed => ("unsubscribed", |it| substate(it) == "terminated;reason=rejected"),
    };
    world.juliet(word);
    let sent = world.settle(200);
    assert_eq!(sent.iter().filter(|it| reached(it)).count(), usize::from(passes), "{sent:#?}");
    let told = world.told();
    let answers = |word: &str| told.iter().any(|it| it == word);
    let reply = reply(stanza, before, passes);
    assert_eq!(answers("subscribed"), reply == Some(Stanza::Subscribed), "{told:?}");
    assert_eq!(answers("unsubscribed"), reply == Some(Stanza::Unsubscribed), "{told:?}");
    assert_eq!(stored(&world), after);
}

/// Romeo's side causes it as far as SIP has words for it: by the state of juliet's subscription.
fn romeo_causes(stanza: Stanza, before: Authorization, passes: bool, after: Authorization) {
    let (word, substate) = match stanza {
        Stanza::Subscribed => ("subscribed", "active;expires=3600"),
        Stanza::Unsubscribed => ("unsubscribed", "terminated;reason=rejected"),
        Stanza::Subscribe | Stanza::Unsubscribe => return,
    };
    let (mut world, subscribed) = scene(before);
    if let Some(subscribe) = subscribed {
        world.notified(&subscribe, 2, substate, &open(&["a"]));
    }
    assert_eq!(world.told().iter().any(|it| it == word), passes);
    assert_eq!(stored(&world), after);
}
