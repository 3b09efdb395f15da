//! What of the pairs outlives the process, and what waits for the disk.

use std::time::Duration;

use super::State;
use super::pair::{Dirty, PairState};
use super::record::{Restoring, StoredPair};
use crate::flow::{CommitId, DialogId, Effect, Instant, Now, PairId, Record};
use crate::state::client::Owner;
use crate::state::timer::Timer;

/// How long a record may be behind in what is learnt again after a crash.
const BEHIND: Duration = Duration::from_secs(1);
/// How fast subscriptions of an earlier process are refreshed: 100 in a second.
const PACE: Duration = Duration::from_millis(10);

/// A request that waits for the disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unsent {
    /// The group that must be on disk first.
    commit: CommitId,
    /// The branch of its transaction.
    branch: u64,
    /// When it was made.
    since: Instant,
}

impl State {
    /// Stores what was changed of a pair. What must be on disk before it is seen holds back the
    /// effects since `mark`, and all later ones of the pair.
    pub(super) fn commit(&mut self, now: Now, id: PairId, mark: usize, effects: &mut Vec<Effect>) {
        let Some(pair) = self.presence.pairs.get_mut(&id) else { return };
        if pair.dirty == Dirty::Deferred {
            pair.dirty = Dirty::No;
            self.commit_later(now, id);
        }
        let Some(pair) = self.presence.pairs.get_mut(&id) else { return };
        let waits = pair.commit.is_some_and(|commit| commit > self.presence.committed);
        let before_send = pair.dirty == Dirty::BeforeSend;
        let holds = waits && effects.len() > mark;
        if !before_send && !holds {
            return;
        }
        pair.dirty = Dirty::No;
        self.commits += 1;
        let commit = CommitId(self.commits);
        let records = if before_send { vec![record(pair, now)] } else { Vec::new() };
        // What is written to a link has its place among all that the link holds: it never waits.
        let (at_once, then): (Vec<Effect>, Vec<Effect>) = effects
            .split_off(mark)
            .into_iter()
            .partition(|effect| matches!(effect, Effect::Xmpp { .. } | Effect::Reopen { .. }));
        effects.extend(at_once);
        // What follows from it in a pass of its own waits, too.
        if before_send || !then.is_empty() {
            pair.commit = Some(commit);
        }
        self.hold_launched(now, commit);
        effects.push(Effect::Commit { id: commit, records, then });
    }

    /// The requests that were made in this pass wait for a group.
    fn hold_launched(&mut self, now: Now, commit: CommitId) {
        for branch in std::mem::take(&mut self.presence.launched) {
            if let Some(client) = self.clients.get_mut(&branch) {
                client.unsent = true;
                self.presence.unsent.push_back(Unsent { commit, branch, since: now.instant });
            }
        }
    }

    /// Whether what goes for a pair waits for the disk.
    pub(in crate::state) fn is_unwritten(&self, pair: Option<PairId>) -> bool {
        let pair = pair.and_then(|pair| self.presence.pair(pair));
        pair.is_some_and(|pair| pair.commit > Some(self.presence.committed))
    }

    /// The record of a pair is written in a while.
    pub(super) fn commit_later(&mut self, now: Now, id: PairId) {
        self.presence.deferred.push(id);
        if self.presence.deferred.len() == 1 {
            self.timers.set(now.instant + BEHIND, Timer::Soiled);
        }
    }

    /// Records up to this group are on disk, or the gateway goes on without them: what waited for
    /// them leaves now.
    pub(in crate::state) fn committed(&mut self, now: Now, id: CommitId) {
        self.presence.committed = self.presence.committed.max(id);
        while let Some(Unsent { commit, branch, since }) = self.presence.unsent.front().copied() {
            if commit > id {
                return;
            }
            self.presence.unsent.pop_front();
            if let Some(Owner::Subscribe(pair, dialog)) = self.sent_late(now, branch) {
                self.postpone(pair, dialog, now.instant - since);
            }
        }
    }

    /// A SUBSCRIBE left later than it was made: Timer N (RFC 6665 §4.1.2.4) begins with it.
    fn postpone(&mut self, pair: PairId, dialog: DialogId, by: Duration) {
        let Some(known) = self.presence.pairs.get_mut(&pair) else { return };
        if let Some(poll) = known.poll.as_mut().filter(|poll| poll.dialog.0 == dialog) {
            poll.timer_n = poll.timer_n + by;
        }
        let side = known.subscriber_side.as_mut();
        let of = |name: &Option<(DialogId, _)>| name.as_ref().is_some_and(|(id, _)| *id == dialog);
        if let Some(side) = side.filter(|side| of(&side.dialog)) {
            side.machine.postpone(by);
        }
    }

    /// Writes the records that are behind.
    pub(in crate::state) fn fire_soiled(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let mut deferred = std::mem::take(&mut self.presence.deferred);
        deferred.sort_unstable();
        deferred.dedup();
        let records: Vec<Record> = deferred
            .into_iter()
            .map(|id| match self.presence.pairs.get_mut(&id) {
                Some(pair) => record(pair, now),
                // It was forgotten meanwhile.
                None => Record::Pair { id, value: None },
            })
            .collect();
        if !records.is_empty() {
            self.commits += 1;
            effects.push(Effect::Commit { id: CommitId(self.commits), records, then: Vec::new() });
        }
    }

    /// The process is about to end: the records say exactly how far the dialogs are.
    pub(in crate::state) fn store_all(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let mut records = Vec::new();
        for id in self.presence.all() {
            let Some(pair) = self.presence.pairs.get_mut(&id) else { continue };
            let subscriber = pair.subscriber_side.iter_mut().filter_map(|one| one.dialog.as_mut());
            let notifier = pair.notifier_side.iter_mut().flat_map(|one| &mut one.dialogs);
            let dialogs =
                subscriber.map(|(_, dialog)| dialog).chain(notifier.map(|one| &mut one.dialog));
            let mut any = false;
            for dialog in dialogs {
                any |= dialog.ceiling != dialog.local_cseq;
                dialog.ceiling = dialog.local_cseq;
            }
            if any {
                records.push(record(pair, now));
            }
        }
        if !records.is_empty() {
            self.commits += 1;
            effects.push(Effect::Commit { id: CommitId(self.commits), records, then: Vec::new() });
        }
    }

    /// The store is a new one: all that is known is written to it.
    pub(in crate::state) fn store_anew(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let mut records = self.targets.records();
        for id in self.presence.all() {
            records.extend(self.presence.pairs.get_mut(&id).map(|pair| record(pair, now)));
        }
        self.commit_targets(records, effects);
    }

    /// Takes up a pair of an earlier process.
    pub(in crate::state) fn restore_pair(&mut self, now: Now, text: &str, all: usize) {
        let Ok(stored) = serde_json::from_str::<StoredPair<'_>>(text) else { return };
        let count = u32::try_from(all).unwrap_or(u32::MAX);
        let spread = PACE.saturating_mul(count).max(Duration::from_secs(1));
        let random = self.ids.random();
        let restoring = Restoring {
            now,
            timer_n: self.timing.lifetime(),
            spread,
            random,
            pair_id: &|contact, user| self.pair_id(contact, user),
            dialog_id: &|dialog| self.dialog_id(dialog.call_id(), dialog.local_tag()),
        };
        let state = stored.restore(&restoring);
        let Some(mut state) = state else { return };
        if state.names.link.0 >= self.links.len() {
            return;
        }
        let id = state.names.id;
        let shown = state.subscriber_side.as_ref().is_some_and(|side| side.shows_any());
        if shown || state.notifier_dialogs().next().is_some() {
            self.note_seen(&state.names.contact);
        }
        if let Some(dialog) = state.subscriber_dialog() {
            self.presence.dialogs.add_subscriber(dialog, id);
        }
        for dialog in state.notifier_dialogs() {
            self.presence.dialogs.add_notifier(dialog, id);
        }
        state.stored = true;
        self.add_pair(state);
        self.note_retrying(id);
        self.schedule(now, id);
    }
}

/// The record of a pair; one that is not worth keeping is deleted.
fn record(pair: &mut PairState, now: Now) -> Record {
    let stored = pair.stored(now);
    let (kept, value) =
        (stored.is_some(), stored.and_then(|stored| serde_json::to_string(&stored).ok()));
    pair.stored = kept;
    Record::Pair { id: pair.names.id, value }
}
