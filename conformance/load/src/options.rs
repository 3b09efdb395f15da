//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};

use crate::scenario::flow::{Direction, Pacing};
use crate::scenario::messages::Settings;
use crate::sip::Transport;

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
    /// How SIP requests travel. Towards the gateway; it chooses by its own configuration.
    #[arg(long, value_enum, default_value_t = Transport::Udp)]
    pub transport: Transport,
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

    /// Where the gateway finds its XMPP server.
    #[arg(long, default_value = "127.0.0.11:5347")]
    pub xmpp_listen: SocketAddr,
    /// The component's name: the domain of SIP users as XMPP sees them.
    #[arg(long, default_value = "sip.xmpp.test")]
    pub component: String,
    /// The component's secret.
    #[arg(long, default_value = "s3cret")]
    pub secret: String,
    /// The domain of XMPP users.
    #[arg(long, default_value = "xmpp.test")]
    pub xmpp_domain: String,
    /// Where the SIP peer is, UDP and TCP.
    #[arg(long, default_value = "127.0.0.13:5060")]
    pub sip_listen: SocketAddr,
    /// The domain of SIP users.
    #[arg(long, default_value = "sip.test")]
    pub sip_domain: String,
    /// The domain of XMPP users as SIP sees them [default: that of XMPP].
    #[arg(long)]
    pub xmpp_in_sip: Option<String>,
    /// Where the gateway takes SIP requests; with a real proxy before it, where the proxy does.
    #[arg(long, default_value = "127.0.0.20:5060")]
    pub gateway: SocketAddr,
    /// The resource of XMPP users.
    #[arg(long, default_value = "load")]
    pub resource: String,

    /// A real XMPP server in the path: users x0, x1, ... log in there (PLAIN, no TLS).
    #[arg(long, value_name = "ADDRESS")]
    pub xmpp_login: Option<SocketAddr>,
    /// The password of all of them.
    #[arg(long, default_value = "load")]
    pub password: String,
    /// A real SIP proxy in the path: users s0, s1, ... register with it.
    #[arg(long)]
    pub register: bool,

    /// The gateway's process, to measure it and its descendants.
    #[arg(long, conflicts_with = "command")]
    pub pid: Option<u32>,
    /// What a gateway that is started for the run says goes into this file.
    #[arg(long, value_name = "FILE")]
    pub gateway_log: Option<PathBuf>,
    /// The report as JSON.
    #[arg(long)]
    pub json: bool,
    /// No line each second.
    #[arg(long)]
    pub quiet: bool,
    /// End with 0 whatever was lost.
    #[arg(long)]
    pub report_only: bool,
    /// Start this gateway for the run, once both sides listen.
    #[arg(last = true)]
    pub command: Vec<String>,
}

impl Play {
    /// What the scenario needs of it.
    pub fn settings(&self) -> Settings {
        let directions = match self.direction {
            Ways::XmppToSip => vec![Direction::XmppToSip],
            Ways::SipToXmpp => vec![Direction::SipToXmpp],
            Ways::Both => vec![Direction::XmppToSip, Direction::SipToXmpp],
        };
        Settings {
            directions,
            pacing: self.rate.map_or(Pacing::Window(self.window), Pacing::Rate),
            users: self.users,
            each: self.each.max(1),
            body: self.body,
            warm_up: self.warm_up,
            count: self.count,
            time: Duration::from_secs_f64(self.seconds),
            patience: Duration::from_secs_f64(self.patience),
            resource: self.resource.clone(),
            progress: !self.quiet,
        }
    }
}
