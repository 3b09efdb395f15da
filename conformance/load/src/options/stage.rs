//! The world round a gateway: addresses, names, its process, and how the report is told.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::gateway::Gateway;
use crate::scenario::Names;
use crate::sip::Transport;

/// The world round a gateway.
#[derive(Debug, Args)]
pub struct Stage {
    /// How SIP requests travel. Towards the gateway; it chooses by its own configuration.
    #[arg(long, value_enum, default_value_t = Transport::Udp)]
    pub transport: Transport,
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

impl Stage {
    /// The domains.
    pub fn names(&self) -> Names {
        Names {
            component: self.component.clone(),
            xmpp: self.xmpp_domain.clone(),
            sip: self.sip_domain.clone(),
            xmpp_in_sip: self.xmpp_in_sip.clone().unwrap_or_else(|| self.xmpp_domain.clone()),
        }
    }

    /// The gateway: started, or one that runs.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn gateway(&self) -> io::Result<Gateway> {
        match self.command.is_empty() {
            true => Ok(Gateway::running(self.pid)),
            false => Gateway::start(&self.command, self.gateway_log.as_deref()),
        }
    }
}
