//! Everybody comes online at once.

use std::io;
use std::time::Duration;

use super::idle::{mb, said};
use super::phase::Show;
use super::plan::{Plan, Way};
use super::talking::{talk, tell_latency, tell_messages};
use crate::measure::sheet::Sheet;
use crate::options::presence::{SubscribeStorm, Watching};

/// Plays it.
///
/// # Errors
/// When a socket or a stream breaks, or the gateway does not serve.
pub fn run(options: &SubscribeStorm) -> io::Result<Sheet> {
    let plan = Plan {
        users: options.users,
        watching: options.watching,
        expires: 3_600,
        windows: [u32::MAX, options.window],
    };
    let mut show = Show::open(&options.stage, plan)?;
    let mut sheet = Sheet::new("subscribe-storm");
    let pairs = options.users.saturating_mul(options.contacts);
    let wanted = match options.watching {
        Watching::Both | Watching::Mutual => pairs.saturating_mul(2),
        Watching::Xmpp | Watching::Sip => pairs,
    };
    let begun = show.mark();
    show.talk = Some(talk(options.rate));
    show.speak();
    show.pass("alone", options.seconds)?;
    tell_latency(&mut show, &mut sheet, "alone", "messages alone");
    show.people.want(wanted);
    let (before, patience) = (show.mark(), Duration::from_secs_f64(options.patience));
    let storm = show.until("storm", patience, |turn| Ok(turn.people.risen() >= wanted))?;
    let after = show.mark();
    tell_latency(&mut show, &mut sheet, "storm", "messages in the storm");
    show.hush()?;
    let people = &show.people;
    let (of_xmpp, of_sip) = (people.live(Way::XmppWatches), people.live(Way::SipWatches));
    let words =
        format!("{of_xmpp} of XMPP users and {of_sip} of SIP users after {:.1} s", storm.seconds);
    sheet.tell("storm_seconds", "all is up", storm.seconds, words);
    let cpu = after.gateway.since(before.gateway).total().as_secs_f64();
    let each = cpu * 1e6 / f64::from(people.risen().max(1));
    sheet.tell(
        "cpu_us_per_subscription",
        "CPU",
        each,
        format!("{each:.0} us for each that came up"),
    );
    let words =
        format!("{:.1} MB before, {:.1} at most", mb(before.memory.rss), mb(storm.peak_rss));
    sheet.tell("rss_kib", "resident memory", [before.memory.rss, storm.peak_rss], words);
    sheet.tell("counts", "traffic", people.counts, said(&show));
    tell_messages(&show, &mut sheet, false);
    sheet.machine(&begun, &show.mark());
    sheet.fault("subscription that did not come up", (wanted - people.risen()).into());
    sheet.fault("subscription that ended", (people.risen() - people.all_live()).into());
    sheet.faults(&people.faults);
    Ok(sheet)
}
