//! The command line.

pub mod presence;
pub mod stage;

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};

use crate::scenario::flow::{Direction, Pacing};
use crate::scenario::messages::Settings;
use crate::scenario::talk::Manner;
use presence::{FanOut, Idle, Restart, Storm, SubscribeStorm};
use stage::Stage;

/// Plays the XMPP server and the SIP peer of one gateway at once, under load, and tells what the
/// gateway did.
#[derive(Debug, Parser)]
#[command(name = "stox-load", version)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    pub subcommand: Subcommand,
}

/// What can be done.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Messages through a gateway, one way or both ways at once.
    ///
    /// Ends with 0 when every message arrived once and in order, and with 1 when any was lost,
    /// doubled, re-ordered, refused or never answered.
    Messages(Box<Play>),
    /// One XMPP user, or several, and many SIP users who watch: what a change of presence costs.
    ///
    /// Each watcher has one dialog. The user's presence changes again and again, a stanza of the
    /// server to each contact (RFC 6121 section 4.4.2), and the next time when all have seen the
    /// last. All of it once with so many watchers and once with twice as many: the ratio of the
    /// CPU time for each NOTIFY says whether the cost is linear.
    ///
    /// Ends with 1 when a watcher did not get exactly the newest state: when one missed it, got it
    /// twice, or saw an older one after a newer one.
    ///
    /// The gateway needs `presence: { notify_interval: 0s }`, else it waits between two documents,
    /// and `limits: { pairs_per_user: ... }` above twice the number of watchers.
    FanOut(Box<FanOut>),
    /// Subscriptions that are up and quiet: the memory of each.
    ///
    /// Brings them up, half in each direction unless told otherwise, waits until the gateway has
    /// forgotten the transactions (Timer J of RFC 3261 is 32 s), and divides what its resident
    /// memory has grown by. The size of its store is that of the open `.redb` file.
    ///
    /// Ends with 1 when a subscription did not come up or was lost.
    ///
    /// Where SUBSCRIBE has a rate, `presence: { subscribe_rate: ... }` decides how long it takes.
    Idle(Box<Idle>),
    /// Kill -9 with many subscriptions, and start again: how long until it serves.
    ///
    /// Messages and refreshes of dialogs of before are tried every 20 ms. The times count from the
    /// start of the new process: until a message from SIP has arrived and was answered, one from
    /// XMPP has arrived, a refresh was answered 200. After that the pace of what the new process
    /// asks anew is counted for a while.
    ///
    /// Ends with 1 when a dialog of before was unknown (481), a CSeq was used twice, or a message
    /// was lost.
    Restart(Box<Restart>),
    /// Everybody comes online at once while messages flow.
    ///
    /// Messages flow at a low rate in both directions, first alone, then while all users ask to
    /// see their contacts in both directions, until all subscriptions are up.
    ///
    /// Ends with 1 when a message or a subscription was lost or refused.
    SubscribeStorm(Box<SubscribeStorm>),
    /// Short subscriptions, a silent peer, a link that comes back: messages and memory meanwhile.
    ///
    /// Four phases, messages at a low rate through all of them: subscriptions of both directions
    /// that expire within a minute, where those of the SIP side are not refreshed and lapse; the
    /// SIP side answers no SUBSCRIBE and no NOTIFY; it answers again; the component link is gone
    /// for a while and comes back, where messages pause for the time that it is gone.
    ///
    /// Ends with 1 when a message was lost, a lapse was not told, or what XMPP users watch does
    /// not come back.
    Storm(Box<Storm>),
    /// How fast this program is with a plain UDP echo instead of a gateway.
    SelfTest {
        /// Datagrams in flight.
        #[arg(long, default_value_t = 64)]
        window: usize,
        /// Octets of a datagram.
        #[arg(long, default_value_t = 400)]
        octets: usize,
        /// How long.
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
    },
    /// A plain UDP echo, until it is killed.
    Echo {
        /// Its address.
        #[arg(long, default_value = "127.0.0.1:5070")]
        listen: SocketAddr,
    },
}

/// Which ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Ways {
    /// From XMPP users to SIP users.
    XmppToSip,
    /// From SIP users to XMPP users.
    SipToXmpp,
    /// Both at once.
    Both,
}

/// A run with messages.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct Play {
    /// Which ways.
    #[arg(long, value_enum, default_value_t = Ways::Both)]
    pub direction: Ways,
    /// Closed loop: messages in flight, in each direction.
    #[arg(long, default_value_t = 64)]
    pub window: usize,
    /// Open loop: messages in a second, in each direction, however long they take.
    #[arg(long, conflicts_with = "window")]
    pub rate: Option<f64>,
    /// Messages of each direction to measure.
    #[arg(long, default_value_t = 60_000)]
    pub count: u64,
    /// How long to measure at most, seconds.
    #[arg(long, default_value_t = 3_600.0)]
    pub seconds: f64,
    /// Messages of each direction before the measuring begins.
    #[arg(long, default_value_t = 5_000)]
    pub warm_up: u64,
    /// Users on each side; user N of one side talks with user N of the other.
    #[arg(long, default_value_t = 200)]
    pub users: usize,
    /// Messages of one XMPP user in flight. One SIP user has one (RFC 3428 section 8).
    #[arg(long, default_value_t = 1)]
    pub each: usize,
    /// Octets of a body.
    #[arg(long, default_value_t = 60)]
    pub body: usize,
    /// How long a message may keep its place in flight, seconds.
    #[arg(long, default_value_t = 10.0)]
    pub patience: f64,

    /// A real XMPP server in the path: users x0, x1, ... log in there (PLAIN, no TLS).
    #[arg(long, value_name = "ADDRESS")]
    pub xmpp_login: Option<SocketAddr>,
    /// The password of all of them.
    #[arg(long, default_value = "load")]
    pub password: String,
    /// A real SIP proxy in the path: users s0, s1, ... register with it.
    #[arg(long)]
    pub register: bool,

    /// The world round the gateway.
    #[command(flatten)]
    pub stage: Stage,
}

impl Play {
    /// What the scenario needs of it.
    pub fn settings(&self) -> Settings {
        let directions = match self.direction {
            Ways::XmppToSip => vec![Direction::XmppToSip],
            Ways::SipToXmpp => vec![Direction::SipToXmpp],
            Ways::Both => vec![Direction::XmppToSip, Direction::SipToXmpp],
        };
        let manner = Manner {
            directions,
            pacing: self.rate.map_or(Pacing::Window(self.window), Pacing::Rate),
            users: self.users,
            each: self.each.max(1),
            body: self.body,
            patience: Duration::from_secs_f64(self.patience),
            resource: self.stage.resource.clone(),
        };
        Settings {
            manner,
            warm_up: self.warm_up,
            count: self.count,
            time: Duration::from_secs_f64(self.seconds),
            progress: !self.stage.quiet,
        }
    }
}
