//! The memory of subscriptions that are up and quiet.

use std::io;

use super::phase::Show;
use super::plan::{Plan, Way};
use crate::measure::process::Memory;
use crate::measure::sheet::Sheet;
use crate::options::presence::Idle;

/// Octets of a subscription.
const BAR: f64 = 1_024.0;

/// Plays it.
///
/// # Errors
/// When a socket or a stream breaks, or the gateway does not serve.
pub fn run(options: &Idle) -> io::Result<Sheet> {
    let plan = Plan {
        users: users(options.subscriptions, options.contacts),
        watching: options.watching,
        expires: 3_600,
        windows: [options.window; 2],
    };
    let mut show = Show::open(&options.stage, plan)?;
    let mut sheet = Sheet::new("idle");
    let wanted = options.subscriptions;
    let before = show.mark();
    let rise = show.rise(wanted, options.patience)?;
    let up = show.mark();
    let quiet = show.pass("quiet", options.quiet_seconds)?;
    let after = show.mark();
    let people = &show.people;
    let (of_xmpp, of_sip) = (people.live(Way::XmppWatches), people.live(Way::SipWatches));
    let words = format!(
        "{of_xmpp} of XMPP users, {of_sip} of SIP users, {} pairs an XMPP user",
        options.contacts
    );
    sheet.tell("subscriptions", "subscriptions", [of_xmpp, of_sip], words);
    let rate = f64::from(people.risen()) / rise.seconds.max(0.001);
    sheet.tell(
        "rise_seconds",
        "coming up",
        rise.seconds,
        format!("{:.1} s ({rate:.0}/s)", rise.seconds),
    );
    let cpu = up.gateway.since(before.gateway).total().as_secs_f64();
    let each = cpu * 1e6 / f64::from(people.risen().max(1));
    sheet.tell(
        "cpu_us_per_subscription",
        "CPU",
        each,
        format!("{each:.0} us for each that came up"),
    );
    let [start, high, end] =
        [before.memory.rss, quiet.peak_rss.max(rise.peak_rss), after.memory.rss];
    let words =
        format!("{:.1} MB before, {:.1} at most, {:.1} quiet", mb(start), mb(high), mb(end));
    sheet.tell("rss_kib", "resident memory", [start, high, end], words);
    // Of a gateway with several processes this is what counts.
    let shared = |memory: Memory| memory.pss as f64 * 1_024.0;
    let pss = (shared(after.memory) - shared(before.memory)) / f64::from(people.all_live().max(1));
    let words = format!("{pss:.0} octets a subscription");
    sheet.tell("pss_per_subscription", "shared parts once", pss, words);
    let octets = (end as f64 - start as f64) * 1_024.0 / f64::from(people.all_live().max(1));
    let words = format!("{octets:.0} octets resident, bar {BAR:.0}");
    sheet.bar("octets_per_subscription", "a subscription", octets, words, octets <= BAR);
    if let Some(store) = show.gateway.tree().and_then(|tree| tree.store()) {
        let each = store as f64 / f64::from(people.all_live().max(1));
        let words =
            format!("{:.1} MB, {each:.0} octets a subscription", store as f64 / 1_048_576.0);
        sheet.tell("store_octets", "store", store, words);
    }
    sheet.tell("counts", "traffic", people.counts, said(&show));
    sheet.machine(&before, &after);
    sheet.fault("subscription that did not come up", (wanted - people.risen()).into());
    sheet.fault("subscription that ended", (people.risen() - people.all_live()).into());
    sheet.faults(&people.faults);
    Ok(sheet)
}

/// So many that each is in as many pairs as wanted.
pub fn users(subscriptions: u32, contacts: u32) -> u32 {
    (subscriptions / contacts.max(1)).max(1)
}

/// KiB as MB.
pub fn mb(kib: u64) -> f64 {
    kib as f64 / 1_024.0
}

/// What came and went, in one line.
pub fn said(show: &Show) -> String {
    let counts = &show.people.counts;
    let again = show.worlds.sip.retransmissions();
    format!(
        "{} NOTIFYs ({} with nothing new), {} SUBSCRIBEs ({} in a dialog that was over), {} probes; \
         requests again: {} received, {} sent",
        counts.notifies,
        counts.repeated,
        counts.subscribes + counts.refreshes + counts.late,
        counts.late,
        counts.probes,
        again.0,
        again.1
    )
}
