//! Short subscriptions, a peer that says nothing, a link that comes back.

use std::io;
use std::time::Duration;

use super::idle::{mb, said, users};
use super::phase::{Outcome, Show};
use super::plan::{Plan, Way};
use super::talking::{talk, tell_latency, tell_messages};
use crate::measure::sheet::Sheet;
use crate::options::presence::Storm;

/// Plays it.
///
/// # Errors
/// When a socket or a stream breaks, or the gateway does not serve.
pub fn run(options: &Storm) -> io::Result<Sheet> {
    let plan = Plan {
        users: users(options.subscriptions, options.contacts),
        watching: options.watching,
        expires: options.expires,
        windows: [options.window; 2],
    };
    let mut show = Show::open(&options.stage, plan)?;
    let mut sheet = Sheet::new("storm");
    show.worlds.sip.grant(options.expires);
    let begun = show.mark();
    show.talk = Some(talk(options.rate));
    show.speak();
    let alone = show.pass("alone", options.alone)?;
    tell_phase(&mut show, &mut sheet, "alone", alone);
    short(options, &mut show, &mut sheet)?;
    silent(options, &mut show, &mut sheet)?;
    outage(options, &mut show, &mut sheet)?;
    let end = show.pass("after", options.alone)?;
    tell_phase(&mut show, &mut sheet, "after", end);
    show.hush()?;
    sheet.tell("counts", "traffic", show.people.counts, said(&show));
    tell_messages(&show, &mut sheet, false);
    sheet.machine(&begun, &show.mark());
    sheet.faults(&show.people.faults);
    Ok(sheet)
}

fn tell_phase(show: &mut Show, sheet: &mut Sheet, name: &str, outcome: Outcome) {
    let rss = show.mark().memory.rss;
    let words = format!(
        "{:.1} s, {:.1} MB at most, {:.1} at its end",
        outcome.seconds,
        mb(outcome.peak_rss),
        mb(rss)
    );
    let figures = (outcome.seconds, outcome.peak_rss, rss);
    sheet.tell(&format!("phase_{name}"), name, figures, words);
    tell_latency(show, sheet, name, "  messages");
}

/// They come up; those of SIP users lapse, those of XMPP users are refreshed.
fn short(options: &Storm, show: &mut Show, sheet: &mut Sheet) -> io::Result<()> {
    let patience = Duration::from_secs_f64(options.patience);
    let life = Duration::from_secs(options.expires.into());
    let mut rise = show.rise(options.subscriptions, options.patience)?;
    let missing = options.subscriptions - show.people.risen();
    sheet.fault("subscription that did not come up", missing.into());
    let lapse =
        show.until("lapsing", life + patience, |turn| Ok(turn.people.live(Way::SipWatches) == 0))?;
    let refresh = show.pass("refreshes", life.as_secs_f64())?;
    let late = u64::from(show.people.live(Way::SipWatches));
    sheet.fault("subscription that did not lapse", late);
    let reasons = std::mem::take(&mut show.people.reasons);
    for (why, count) in reasons.iter().filter(|(why, _)| *why != "timeout") {
        sheet.fault(&format!("subscription that ended: {why}"), *count);
    }
    let lapsed = reasons.get("timeout").copied().unwrap_or(0);
    let of_xmpp = show.people.live(Way::XmppWatches);
    let words = format!(
        "{lapsed} lapsed and were told so, {of_xmpp} of XMPP users live on, {} refreshes",
        show.people.counts.refreshes
    );
    sheet.tell("lapsed", "short subscriptions", (lapsed, of_xmpp), words);
    sheet.fault("subscription that was not refreshed", (begun_by_xmpp(show) - of_xmpp).into());
    rise.seconds += lapse.seconds + refresh.seconds;
    rise.peak_rss = rise.peak_rss.max(lapse.peak_rss).max(refresh.peak_rss);
    tell_phase(show, sheet, "short", rise);
    Ok(())
}

/// How many XMPP users ever saw whom they asked for.
fn begun_by_xmpp(show: &Show) -> u32 {
    show.people.risen_of(Way::XmppWatches)
}

/// The SIP side says nothing about presence, then it does again.
fn silent(options: &Storm, show: &mut Show, sheet: &mut Sheet) -> io::Result<()> {
    let before = show.people.counts;
    show.people.silent = true;
    let silence = show.pass("silence", options.silence)?;
    tell_phase(show, sheet, "silence", silence);
    let unanswered = show.people.counts.unanswered - before.unanswered;
    let gone = begun_by_xmpp(show) - show.people.live(Way::XmppWatches);
    let words =
        format!("{unanswered} requests unanswered, {gone} subscriptions given up meanwhile");
    sheet.tell("silence", "the peer is silent", (unanswered, gone), words);
    show.people.silent = false;
    let patience = Duration::from_secs_f64(options.patience);
    let wanted = begun_by_xmpp(show);
    let back =
        show.until("back", patience, |turn| Ok(turn.people.live(Way::XmppWatches) >= wanted))?;
    tell_phase(show, sheet, "recovery", back);
    let missing = wanted - show.people.live(Way::XmppWatches);
    sheet.fault("subscription that did not come back", missing.into());
    Ok(())
}

/// The component link is gone, and comes back.
fn outage(options: &Storm, show: &mut Show, sheet: &mut Sheet) -> io::Result<()> {
    show.hush()?;
    if let Some(component) = show.worlds.xmpp.component() {
        component.may_go();
        component.close();
    }
    let gone = show.pass("outage", options.outage)?;
    tell_phase(show, sheet, "outage", gone);
    let wanted = show.people.counts.shown + u64::from(show.people.live(Way::XmppWatches));
    if let Some(component) = show.worlds.xmpp.component() {
        component.open()?;
    }
    let patience = Duration::from_secs_f64(options.patience);
    let up = show.until("reconnect", patience, |turn| Ok(turn.worlds.xmpp.is_up()))?;
    sheet.fault("link that did not come back", u64::from(!up.done));
    show.speak();
    let shown =
        show.until("shown again", patience, |turn| Ok(turn.people.counts.shown >= wanted))?;
    let missing = wanted.saturating_sub(show.people.counts.shown);
    sheet.fault("subscription that was not shown again", missing);
    let words =
        format!("{:.1} s to connect, {:.1} s until all was shown again", up.seconds, shown.seconds);
    sheet.tell("link_back", "the link is back", (up.seconds, shown.seconds), words);
    tell_phase(show, sheet, "link", shown);
    Ok(())
}
