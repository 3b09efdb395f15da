//! What a change of an XMPP user costs who is watched by many.

use std::io;
use std::time::Duration;

use serde::Serialize;

use super::phase::Show;
use super::plan::{Plan, Way};
use crate::measure::latency::Latency;
use crate::measure::sheet::Sheet;
use crate::options::presence::{FanOut, Watching};

/// NOTIFYs in a second of one core.
const BAR: f64 = 30_000.0;

/// One number of watchers.
#[derive(Debug, Serialize)]
struct Figures {
    watchers: u32,
    stanzas: u64,
    notifies: u64,
    notifies_per_second: f64,
    cpu_us_per_notify: f64,
    /// For each watcher who was told of a change, however many NOTIFYs that took.
    cpu_us_per_watcher: f64,
    seconds_per_change: f64,
}

/// Plays it.
///
/// # Errors
/// When a socket or a stream breaks, or the gateway does not serve.
pub fn run(options: &FanOut) -> io::Result<Sheet> {
    let plan = Plan {
        users: options.users,
        watching: Watching::Sip,
        expires: 3_600,
        windows: [options.window; 2],
    };
    let mut show = Show::open(&options.stage, plan)?;
    let mut sheet = Sheet::new("fan-out");
    let all = options.watchers.saturating_mul(options.users);
    let rounds = if options.once { 1 } else { 2 };
    let begun = show.mark();
    let mut figures = Vec::new();
    for round in 1..=rounds {
        figures.extend(changes(options, all * round, &mut show, &mut sheet)?);
    }
    for one in &figures {
        let name = format!("{} watchers", one.watchers);
        let words = format!(
            "{} stanzas in, {} NOTIFYs out, {:.0}/s, {:.1} us CPU each, {:.1} us for a watcher, {:.3} s a change",
            one.stanzas,
            one.notifies,
            one.notifies_per_second,
            one.cpu_us_per_notify,
            one.cpu_us_per_watcher,
            one.seconds_per_change
        );
        sheet.tell(&format!("watchers_{}", one.watchers), &name, one, words);
    }
    if let [first, second] = &figures[..] {
        let ratio = second.cpu_us_per_watcher / first.cpu_us_per_watcher;
        let words = format!("{ratio:.2} of the CPU for each watcher (1 is linear, 2 quadratic)");
        sheet.tell("cpu_ratio_of_twice", "twice the watchers", ratio, words);
    }
    if let Some(last) = figures.last().filter(|last| last.cpu_us_per_notify > 0.0) {
        let rate = 1e6 / last.cpu_us_per_notify;
        let words = format!("{rate:.0} NOTIFYs from a second of one core, bar {BAR:.0}");
        sheet.bar("notifies_per_core_second", "one core", rate, words, rate >= BAR);
    }
    sheet.machine(&begun, &show.mark());
    sheet.faults(&show.people.faults);
    Ok(sheet)
}

/// Brings up so many watchers, and changes the user's presence several times.
fn changes(
    options: &FanOut,
    watchers: u32,
    show: &mut Show,
    sheet: &mut Sheet,
) -> io::Result<Option<Figures>> {
    let rise = show.rise(watchers, options.patience)?;
    if !rise.done {
        sheet.fault("subscription that did not come up", (watchers - show.people.risen()).into());
        return Ok(None);
    }
    let rate = f64::from(watchers) / rise.seconds.max(0.001);
    let key = format!("rise_to_{watchers}_seconds");
    let words = format!("{:.1} s to {watchers} ({rate:.0}/s)", rise.seconds);
    sheet.tell(&key, "coming up", rise.seconds, words);
    let patience = Duration::from_secs_f64(options.patience);
    show.settle(patience)?;
    let (before, counts) = (show.mark(), show.people.counts);
    let mut each = Latency::default();
    for _ in 0..options.changes {
        show.people.change(&mut show.worlds);
        let outcome = show.until("change", patience, |turn| Ok(turn.people.behind() == 0))?;
        each.record(Duration::from_secs_f64(outcome.seconds));
        if !outcome.done {
            sheet.fault("watcher who missed the newest state", show.people.behind().into());
            return Ok(None);
        }
    }
    let (after, told) = (show.mark(), show.people.counts.notifies - counts.notifies);
    // Whoever has seen the newest state may be told it again.
    show.settle(patience)?;
    let now = show.people.counts;
    let notifies = now.notifies - counts.notifies;
    sheet.fault("NOTIFY with a state that was shown before", now.repeated - counts.repeated);
    let ended = watchers.saturating_sub(show.people.live(Way::SipWatches));
    sheet.fault("subscription that ended", ended.into());
    let cpu = show.mark().gateway.since(before.gateway).total().as_secs_f64() * 1e6;
    let seconds = after.seconds_since(&before);
    let seen = u64::from(watchers) * u64::from(options.changes);
    Ok(Some(Figures {
        watchers,
        stanzas: now.stanzas_sent - counts.stanzas_sent,
        notifies,
        notifies_per_second: told as f64 / seconds,
        cpu_us_per_notify: cpu / notifies.max(1) as f64,
        cpu_us_per_watcher: cpu / seen.max(1) as f64,
        seconds_per_change: each.summary().p50 / 1e3,
    }))
}
