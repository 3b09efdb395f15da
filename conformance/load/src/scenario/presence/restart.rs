//! The gateway is killed with many subscriptions, and is started again.

use std::io;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::idle::{mb, users};
use super::people::Counts;
use super::phase::{Show, Turn};
use super::plan::{Plan, Way};
use super::talking::{talk, tell_latency, tell_messages};
use crate::measure::sheet::Sheet;
use crate::options::presence::Restart;

/// Seconds until it serves.
const BAR: f64 = 2.0;
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(20);
/// Tries in a second, of messages in each direction.
const RATE: f64 = 50.0;
/// Dialogs whose refresh is tried.
const KEPT: usize = 2_000;
/// How long it may take at most.
const PATIENCE: Duration = Duration::from_secs(120);

/// Seconds from the start of the new process.
#[derive(Debug, Default, Serialize)]
struct Times {
    link: Option<f64>,
    message_to_xmpp: Option<f64>,
    message_to_sip: Option<f64>,
    refresh: Option<f64>,
}

/// Plays it.
///
/// # Errors
/// When a socket or a stream breaks, or the gateway does not serve.
pub fn run(options: &Restart) -> io::Result<Sheet> {
    let plan = Plan {
        users: users(options.subscriptions, options.contacts),
        watching: options.watching,
        expires: 3_600,
        windows: [options.window; 2],
    };
    let mut show = Show::open(&options.stage, plan)?;
    let mut sheet = Sheet::new("restart");
    let begun = show.mark();
    show.people.keep = KEPT;
    let rise = show.rise(options.subscriptions, options.patience)?;
    let missing = options.subscriptions - show.people.risen();
    sheet.fault("subscription that did not come up", missing.into());
    let words = format!("{} up after {:.1} s", show.people.risen(), rise.seconds);
    sheet.tell("subscriptions", "subscriptions", show.people.risen(), words);
    // What was said in the last second is on disk by then.
    show.pass("settling", 5.0)?;
    let size = show.gateway.tree().and_then(|tree| tree.store()).unwrap_or(0);
    sheet.tell("store_octets", "store", size, format!("{:.1} MB", size as f64 / 1_048_576.0));

    let (before, from) = (show.people.counts, Instant::now());
    let times = serves_again(&mut show)?;
    let told = |time: Option<f64>| time.map_or("never".to_owned(), |time| format!("{time:.2} s"));
    let words = format!(
        "link {}, message to XMPP {}, to SIP {}, refresh {}",
        told(times.link),
        told(times.message_to_xmpp),
        told(times.message_to_sip),
        told(times.refresh)
    );
    sheet.tell("times", "after the start", &times, words);
    let each = [times.message_to_xmpp, times.message_to_sip, times.refresh];
    match each.iter().copied().collect::<Option<Vec<f64>>>() {
        Some(each) => {
            let all = each.into_iter().fold(0.0, f64::max);
            let words = format!("after {all:.2} s, bar {BAR:.0} s");
            sheet.bar("serves_again_seconds", "serves again", all, words, all <= BAR);
        }
        None => sheet.fault("gateway that does not serve again", 1),
    }
    asks_anew(options, &mut show, &mut sheet, (before, from))?;
    sheet.machine(&begun, &show.mark());
    sheet.faults(&show.people.faults);
    Ok(sheet)
}

/// Kills it, starts it, and tries until all that counts was done once.
fn serves_again(show: &mut Show) -> io::Result<Times> {
    if let Some(component) = show.worlds.xmpp.component() {
        component.may_go();
    }
    show.gateway.kill()?;
    show.until("killed", PATIENCE, |turn| Ok(!turn.worlds.xmpp.is_up()))?;
    let start = Instant::now();
    show.gateway.start_again()?;
    show.talk = Some(talk(RATE));
    show.speak();
    let dialogs: Vec<u32> = show.people.kept.keys().copied().collect();
    let watched = !dialogs.is_empty();
    let mut tries = dialogs.into_iter().cycle();
    let (accepted, mut next) = (show.people.accepted, start);
    let mut times = Times::default();
    show.until("starting", PATIENCE, |turn| {
        let Turn { now, people, talk, worlds } = turn;
        if *now >= next {
            next = *now + PAUSE;
            if let Some(pair) = tries.next() {
                people.refresh(*now, worlds, pair)?;
            }
        }
        let since = (*now - start).as_secs_f64();
        let note = |time: &mut Option<f64>, so: bool| {
            if so {
                time.get_or_insert(since);
            }
        };
        let [to_sip, to_xmpp] = talk.map_or([0, 0], |talk| talk.arrived());
        note(&mut times.link, worlds.xmpp.is_up());
        note(&mut times.message_to_sip, to_sip > 0);
        note(&mut times.message_to_xmpp, to_xmpp > 0);
        note(&mut times.refresh, people.accepted > accepted || !watched);
        let Times { message_to_sip, message_to_xmpp, refresh, .. } = &times;
        Ok(message_to_sip.is_some() && message_to_xmpp.is_some() && refresh.is_some())
    })?;
    Ok(times)
}

/// The pace of what it asks anew since the start, and how messages fare meanwhile.
fn asks_anew(
    options: &Restart,
    show: &mut Show,
    sheet: &mut Sheet,
    (before, start): (Counts, Instant),
) -> io::Result<()> {
    tell_latency(show, sheet, "start", "messages at the start");
    let from = show.mark();
    let outcome = show.pass("after", options.seconds)?;
    tell_latency(show, sheet, "after", "messages after");
    let to = show.mark();
    let seconds = start.elapsed().as_secs_f64();
    show.hush()?;
    let now = show.people.counts;
    let asked = now.subscribes + now.refreshes - before.subscribes - before.refreshes;
    let rate = |count: u64| count as f64 / seconds;
    let (subscribes, probes) = (rate(asked), rate(now.probes - before.probes));
    let words = format!(
        "{subscribes:.0} SUBSCRIBE/s, {probes:.0} probes/s, {:.0} NOTIFY/s in {:.0} s",
        rate(now.notifies - before.notifies),
        seconds
    );
    sheet.tell("asked_per_second", "asked anew", [subscribes, probes], words);
    let cpu = to.gateway.since(from.gateway).total().as_secs_f64() / outcome.seconds;
    sheet.tell("cpu_after", "CPU after", cpu, format!("{:.0} % of a core", cpu * 100.0));
    let words = format!("{:.1} MB at most", mb(outcome.peak_rss));
    sheet.tell("rss_kib", "resident memory", outcome.peak_rss, words);
    tell_messages(show, sheet, true);
    let people = &show.people;
    let ended = people.risen() - people.all_live();
    sheet.fault("subscription that ended", ended.into());
    sheet.fault("watcher whose dialog ended", people.counts.ended);
    let up = [people.live(Way::XmppWatches), people.live(Way::SipWatches)];
    sheet.tell("live", "still up", up, format!("{} of XMPP users, {} of SIP users", up[0], up[1]));
    Ok(())
}
