//! What the scenarios with presence are told.

use clap::{Args, ValueEnum};

use super::stage::Stage;

/// Who watches whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Watching {
    /// Half of each, of different pairs of users.
    Both,
    /// Half of each, and each pair watches each other.
    Mutual,
    /// XMPP users watch SIP users.
    Xmpp,
    /// SIP users watch XMPP users.
    Sip,
}

/// Many watchers.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct FanOut {
    /// SIP users who watch one XMPP user, each with one dialog.
    #[arg(long, default_value_t = 10_000)]
    pub watchers: u32,
    /// XMPP users who are watched, each by so many.
    #[arg(long, default_value_t = 1)]
    pub users: u32,
    /// How often each of them changes presence.
    #[arg(long, default_value_t = 10)]
    pub changes: u32,
    /// Not once more with twice the watchers.
    #[arg(long)]
    pub once: bool,
    /// Subscriptions that are brought up at once.
    #[arg(long, default_value_t = 64)]
    pub window: u32,
    /// How long all may take to see one change, seconds.
    #[arg(long, default_value_t = 60.0)]
    pub patience: f64,
    /// The world round the gateway.
    #[command(flatten)]
    pub stage: Stage,
}

/// Quiet subscriptions.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct Idle {
    /// How many subscriptions.
    #[arg(long, default_value_t = 100_000)]
    pub subscriptions: u32,
    /// Who watches whom.
    #[arg(long, value_enum, default_value_t = Watching::Both)]
    pub watching: Watching,
    /// Pairs that an XMPP user is in.
    #[arg(long, default_value_t = 10)]
    pub contacts: u32,
    /// Subscriptions that are brought up at once.
    #[arg(long, default_value_t = 256)]
    pub window: u32,
    /// How long they are quiet before the memory is looked at, seconds.
    #[arg(long, default_value_t = 60.0)]
    pub quiet_seconds: f64,
    /// How long nothing may come up before that is the end, seconds.
    #[arg(long, default_value_t = 60.0)]
    pub patience: f64,
    /// The world round the gateway.
    #[command(flatten)]
    pub stage: Stage,
}

/// Kill and start again.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct Restart {
    /// How many subscriptions.
    #[arg(long, default_value_t = 100_000)]
    pub subscriptions: u32,
    /// Who watches whom.
    #[arg(long, value_enum, default_value_t = Watching::Both)]
    pub watching: Watching,
    /// Pairs that an XMPP user is in.
    #[arg(long, default_value_t = 10)]
    pub contacts: u32,
    /// Subscriptions that are brought up at once.
    #[arg(long, default_value_t = 256)]
    pub window: u32,
    /// How long the new process is looked at once it serves, seconds.
    #[arg(long, default_value_t = 30.0)]
    pub seconds: f64,
    /// How long nothing may come up before that is the end, seconds.
    #[arg(long, default_value_t = 60.0)]
    pub patience: f64,
    /// The world round the gateway.
    #[command(flatten)]
    pub stage: Stage,
}

/// Everybody at once.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct SubscribeStorm {
    /// XMPP users who come online.
    #[arg(long, default_value_t = 10_000)]
    pub users: u32,
    /// SIP users whom each asks to see, and as many ask to see each.
    #[arg(long, default_value_t = 1)]
    pub contacts: u32,
    /// Who watches whom.
    #[arg(long, value_enum, default_value_t = Watching::Mutual)]
    pub watching: Watching,
    /// SUBSCRIBEs of the SIP side in flight; XMPP users ask all at once.
    #[arg(long, default_value_t = 256)]
    pub window: u32,
    /// Messages in a second, in each direction.
    #[arg(long, default_value_t = 100.0)]
    pub rate: f64,
    /// How long messages flow alone before, seconds.
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// How long the storm may take, seconds.
    #[arg(long, default_value_t = 600.0)]
    pub patience: f64,
    /// The world round the gateway.
    #[command(flatten)]
    pub stage: Stage,
}

/// Short subscriptions, silence, an outage.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct Storm {
    /// How many subscriptions.
    #[arg(long, default_value_t = 100_000)]
    pub subscriptions: u32,
    /// Who watches whom.
    #[arg(long, value_enum, default_value_t = Watching::Both)]
    pub watching: Watching,
    /// Pairs that an XMPP user is in.
    #[arg(long, default_value_t = 10)]
    pub contacts: u32,
    /// Subscriptions that are brought up at once.
    #[arg(long, default_value_t = 256)]
    pub window: u32,
    /// For how long subscriptions are asked for and granted, seconds.
    #[arg(long, default_value_t = 60)]
    pub expires: u32,
    /// How long the SIP side answers nothing about presence, seconds.
    #[arg(long, default_value_t = 60.0)]
    pub silence: f64,
    /// How long messages flow alone at the beginning, and at the end, seconds.
    #[arg(long, default_value_t = 5.0)]
    pub alone: f64,
    /// How long the component link is gone, seconds.
    #[arg(long, default_value_t = 8.0)]
    pub outage: f64,
    /// Messages in a second, in each direction.
    #[arg(long, default_value_t = 100.0)]
    pub rate: f64,
    /// How long what was disturbed may take to come back, seconds.
    #[arg(long, default_value_t = 300.0)]
    pub patience: f64,
    /// The world round the gateway.
    #[command(flatten)]
    pub stage: Stage,
}
