//! Which ids of the requests that carry a message stay the same and which do not: the table of
//! docs/rules.md, "Which ids stay the same".

use std::time::Duration;

use stox::codec::sip::Request;
use stox::config::Transport;
use stox::flow::{Input, Stored};
use stox::rules::ThreadForm;

use crate::bodies::ruled;
use crate::recovery::unfinished;
use crate::world::{PEER, SETTINGS, World};

/// What two requests have in common: Call-ID, From tag, branch; and how the CSeq went on.
#[derive(Debug, PartialEq, Eq)]
struct Alike {
    call_id: bool,
    tag: bool,
    cseq: std::cmp::Ordering,
    branch: bool,
}

fn compared(before: &Request, after: &Request) -> Alike {
    let branch = |request: &Request| request.via[0].branch().map(str::to_owned);
    Alike {
        call_id: before.call_id == after.call_id,
        tag: before.from.tag() == after.from.tag(),
        cseq: after.cseq.number.cmp(&before.cseq.number),
        branch: branch(before) == branch(after),
    }
}

const ANOTHER: Alike =
    Alike { call_id: false, tag: false, cseq: std::cmp::Ordering::Equal, branch: false };
const SAME: Alike =
    Alike { call_id: true, tag: true, cseq: std::cmp::Ordering::Equal, branch: true };
const ANOTHER_SERVER: Alike = Alike { branch: false, ..SAME };
const ASKED_ANEW: Alike = Alike { cseq: std::cmp::Ordering::Greater, branch: false, ..SAME };

fn says(world: &mut World, id: &str, body: &str) -> Request {
    world.xmpp(&format!(
        "<message type='chat' id='{id}'><body>{body}</body><thread>t1</thread></message>"
    ));
    world.request()
}

#[test]
fn another_message_of_a_thread_and_each_part_have_ids_of_their_own() {
    let mut world = World::new();
    let first = says(&mut world, "m1", "one");
    world.answer(&first, 200);
    let second = says(&mut world, "m2", "two");
    assert_eq!(compared(&first, &second), ANOTHER);
    world.answer(&second, 200);
    let part = says(&mut world, "m3", &"word ".repeat(400));
    world.answer(&part, 200);
    let next = world.request();
    assert_eq!(compared(&part, &next), ANOTHER);
    assert_eq!((part.cseq.number, next.cseq.number), (1, 1));
}

#[test]
fn the_same_request_again_is_the_same() {
    let mut world = World::new();
    let first = says(&mut world, "m1", "one");
    world.pass(Duration::from_secs(1));
    for again in world.requests() {
        assert_eq!((compared(&first, &again), &again.body), (SAME, &first.body));
    }
    // After the death of the process.
    let mut now = world.now;
    now.unix_ms += 2_000;
    let rules = crate::world::built_in();
    let mut after = World::begun(SETTINGS, rules, 8, now, &Stored::default());
    for left in unfinished(&world.journal) {
        after.feed(Input::Recovered(Box::new(left)));
    }
    assert_eq!(compared(&first, &after.request()), SAME);
    // After the loss of the connection that carried it.
    let mut world = World::with(&SETTINGS.replace("transport=udp", "transport=tcp"));
    world.up();
    let first = says(&mut world, "m1", "one");
    let remote = PEER.parse().expect("an address");
    world.feed(Input::Closed { remote, transport: Transport::Tcp });
    assert_eq!(compared(&first, &world.request()), SAME);
}

#[test]
fn another_server_gets_the_same_under_another_branch() {
    let spare = "peers: [ { name: spare, uri: \"sip:127.0.0.14:5060;transport=udp\" }, ";
    let mut world = World::with(&SETTINGS.replace("peers: [ ", spare));
    world.up();
    let first = says(&mut world, "m1", "one");
    let remote = "127.0.0.14:5060".parse().expect("an address");
    world.feed(Input::Unreachable { remote, transport: Transport::Udp });
    assert_eq!(compared(&first, &world.request()), ANOTHER_SERVER);
}

#[test]
fn what_is_asked_anew_goes_on_with_the_next_cseq() {
    let account = "auth: { realm: sip.test, username: gateway, password: trunkpw } }";
    let settings = SETTINGS.replace("transport=udp\" }", &format!("transport=udp\", {account}"));
    let mut world = World::with(&settings);
    world.up();
    let first = says(&mut world, "m1", "one");
    let challenge = "Proxy-Authenticate: Digest realm=\"sip.test\", nonce=\"n\", qop=\"auth\"";
    world.answer_with(&first, 407, &[challenge]);
    assert_eq!(compared(&first, &world.request()), ASKED_ANEW, "with credentials");

    let mut world = World::with_reader();
    let object = says(&mut world, "m1", "one");
    world.answer(&object, 488);
    let text = world.request();
    assert_ne!(object.body, text.body);
    assert_eq!(compared(&object, &text), ASKED_ANEW, "in the other form");
}

#[test]
fn by_rule_a_thread_is_one_call() {
    let mut world = ruled(|messages| messages.thread_to_sip = ThreadForm::CallId);
    let first = says(&mut world, "m1", "one");
    world.answer(&first, 200);
    assert_eq!(compared(&first, &says(&mut world, "m2", "two")), ASKED_ANEW);
}
