//! What the gateway counts.

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What the gateway counts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Counter {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Counter {
            /// All counters in the order of their names here.
            pub const ALL: &'static [Counter] = &[$(Counter::$variant,)+];

            /// The name under which `stox status` shows it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Counter::$variant => $name,)+ }
            }
        }
    };
}

counters! {
    /// Messages from SIP that the XMPP server has.
    InboundConfirmed = "sip_to_xmpp_confirmed",
    /// Messages from SIP that an XMPP error ended.
    InboundBounced = "sip_to_xmpp_bounced",
    /// Messages from SIP that were not confirmed in time.
    InboundUnconfirmed = "sip_to_xmpp_unconfirmed",
    /// Messages from SIP refused because a link is down or full.
    InboundUnavailable = "sip_to_xmpp_unavailable",
    /// Messages from SIP that say only that their sender composes one (RFC 3994).
    InboundComposing = "sip_to_xmpp_composing",
    /// Messages from SIP that say what became of another one (RFC 5438).
    InboundDisposition = "sip_to_xmpp_dispositions",
    /// CPIM objects that name another sender than the SIP request.
    CpimForeignFrom = "sip_to_xmpp_foreign_cpim_from",
    /// Messages from XMPP that a 2xx ended.
    OutboundTaken = "xmpp_to_sip_taken",
    /// Messages from XMPP whose senders were told of a failure.
    OutboundFailed = "xmpp_to_sip_failed",
    /// Messages from XMPP sent once more in another form.
    OutboundRetried = "xmpp_to_sip_retried",
    /// Messages from XMPP that were too long for one request and went in parts.
    OutboundSplit = "xmpp_to_sip_split",
    /// Messages of an earlier process that were taken up again.
    OutboundRecovered = "xmpp_to_sip_recovered",
    /// Messages from XMPP that failed and whose senders could not be told.
    OutboundUntold = "xmpp_to_sip_untold",
    /// Messages from XMPP sent to another server of the peers, as the first one failed.
    OutboundRerouted = "xmpp_to_sip_rerouted",
    /// Requests sent once more with credentials, as the peer asked for them.
    SipAuthorized = "sip_authorized",
    /// Requests over 1300 octets sent once more by UDP, as the server takes no TCP.
    LargeByUdp = "sip_large_by_udp",
    /// Messages from XMPP refused as their sender had too many on their way.
    OutboundOverShare = "xmpp_to_sip_over_share",
    /// Servers of peers that stopped to serve.
    SipServerLost = "sip_servers_lost",
    /// SIP requests answered without state: refusals and OPTIONS.
    SipAnswered = "sip_answered",
    /// SIP requests that came again and were answered again.
    SipRetransmitted = "sip_retransmissions_received",
    /// SIP requests that the gateway sent again.
    SipRetransmissions = "sip_retransmissions_sent",
    /// Keep-alives of streams and datagrams without a message.
    SipKeepAlive = "sip_keep_alives",
    /// SIP messages that could not be read.
    SipMalformed = "sip_malformed",
    /// SIP responses that belong to no transaction.
    SipStray = "sip_stray_responses",
    /// SIP responses of another source, or with other fields, than the request that their branch names.
    SipForeign = "sip_foreign_responses",
    /// Requests of strangers dropped, as there were too many.
    StrangerDropped = "sip_strangers_dropped",
    /// Requests dropped as it was not known yet whether their address is a peer's.
    SipUntrusted = "sip_untrusted",
    /// Stanzas that could not be read.
    XmppMalformed = "xmpp_malformed",
    /// Stanzas answered with an error.
    XmppRefused = "xmpp_refused",
    /// Error stanzas that belong to nothing known.
    XmppStrayError = "xmpp_stray_errors",
    /// Messages without a body: chat states, receipts, markers.
    XmppBodiless = "xmpp_without_body",
    /// Headlines left out by rule.
    XmppHeadline = "xmpp_headlines",
    /// Wrapped copies and forwarded messages.
    XmppWrapped = "xmpp_wrapped_copies",
    /// Messages of the gateway's own that the server sent back to it.
    XmppCameBack = "xmpp_came_back",
    /// Presence stanzas that have no meaning here.
    XmppPresence = "xmpp_presence",
    /// Requests for information answered.
    XmppQuery = "xmpp_queries",
    /// Results and errors of requests that the gateway did not make.
    XmppStrayResult = "xmpp_stray_results",
    /// Presence of SIP users shown to XMPP users: stanzas.
    PresenceShown = "presence_to_xmpp",
    /// Subscription stanzas that could not be told, as a link is full.
    PresenceUntold = "presence_untold",
    /// SUBSCRIBE requests sent for XMPP users.
    SubscribeSent = "sip_subscribes_sent",
    /// SUBSCRIBE requests that had to wait, as too many were to be sent.
    SubscribePaced = "sip_subscribes_paced",
    /// NOTIFY requests of SIP users' presence that were taken.
    NotifyTaken = "sip_notifies_received",
    /// NOTIFY requests whose document could not be read.
    NotifyRefused = "sip_notifies_refused",
    /// NOTIFY requests whose document names another entity than the one that is watched.
    NotifyForeign = "sip_notifies_foreign_entity",
    /// SUBSCRIBE requests of SIP users that were taken.
    SubscribeTaken = "sip_subscribes_received",
    /// SUBSCRIBE requests of SIP users refused as one of the two users had too many already.
    SubscribeOverShare = "sip_subscribes_over_share",
    /// NOTIFY requests sent to SIP users.
    NotifySent = "sip_notifies_sent",
    /// NOTIFY requests that had to wait, as too many were under way to the peer.
    NotifyWaited = "sip_notifies_waited",
    /// Stanzas written again after a link was lost.
    Replayed = "xmpp_replayed",
    /// Stanzas put aside since they closed a stream twice.
    Quarantined = "xmpp_quarantined",
    /// Stanzas that nobody waits for and that were not written: the same was put aside before, or
    /// too many waited behind one that is tried alone.
    XmppWithheld = "xmpp_withheld",
    /// Stanzas larger than `limits.stanza_octets` that were written without what can be missed.
    XmppCut = "xmpp_too_large_cut",
    /// Stanzas larger than `limits.stanza_octets` that were not written.
    XmppTooLarge = "xmpp_too_large_dropped",
    /// SIP responses and documents that were too large and were sent without what can be missed.
    SipCut = "sip_too_large_cut",
    /// SIP messages too large for their transport that were not sent.
    SipTooLarge = "sip_too_large_dropped",
    /// SIP requests put aside since they closed their connection twice.
    SipQuarantined = "sip_quarantined",
    /// Messages with end-to-end encryption or a signature, both ways.
    Encrypted = "encrypted_messages",
}
