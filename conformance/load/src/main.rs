//! The load generator: it plays both worlds round one gateway between XMPP and SIP, any gateway
//! that is a component (XEP-0114) there and a SIP element here, and tells what it did.

mod echo;
mod gateway;
mod measure;
mod net;
mod options;
mod scenario;
mod sip;
mod token;
mod xmpp;

use std::io;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::Parser;

use gateway::Gateway;
use measure::report::Report;
use net::udp::Udp;
use net::wait::wake_exactly;
use options::{Options, Play, Subcommand};
use scenario::messages::Messages;
use scenario::ready::Ready;
use scenario::register::Register;
use scenario::{Names, Worlds, play};
use sip::Sip;
use xmpp::component::Component;
use xmpp::{Xmpp, login};

fn main() -> ExitCode {
    let done = match Options::parse().subcommand {
        Subcommand::Messages(options) => messages(&options),
        Subcommand::SelfTest { window, octets, seconds } => self_test(window, octets, seconds),
        Subcommand::Echo { listen } => {
            { Udp::bind(listen).and_then(|mut udp| echo::serve(&mut udp, &AtomicBool::new(false))) }
                .map(|()| true)
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("stox-load: {error}");
            ExitCode::from(2)
        }
    }
}

fn messages(options: &Play) -> io::Result<bool> {
    wake_exactly();
    let mut worlds = worlds(options)?;
    let gateway = match options.command.is_empty() {
        true => Gateway::running(options.pid),
        false => Gateway::start(&options.command, options.gateway_log.as_deref())?,
    };
    if options.xmpp_login.is_none() {
        play(&mut worlds, &mut Ready::begin())?;
    }
    if options.register {
        play(&mut worlds, &mut Register::new(options.users))?;
    }
    let mut messages = Messages::new(options.settings(), gateway.tree());
    play(&mut worlds, &mut messages)?;
    let known = gateway.tree().is_some_and(measure::process::Tree::runs);
    let pacing = (options.rate.is_none().then_some(options.window), options.rate);
    let again = worlds.sip.retransmissions();
    let report = Report::of(&messages, options.transport, pacing, known, again);
    match options.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => println!("{report}"),
    }
    Ok(report.passed || options.report_only)
}

fn worlds(options: &Play) -> io::Result<Worlds> {
    let names = Names {
        component: options.component.clone(),
        xmpp: options.xmpp_domain.clone(),
        sip: options.sip_domain.clone(),
        xmpp_in_sip: options.xmpp_in_sip.clone().unwrap_or_else(|| options.xmpp_domain.clone()),
    };
    let xmpp = match options.xmpp_login {
        Some(server) => {
            let user = |number: usize| {
                let (name, resource) = (format!("x{number}"), &options.resource);
                login::login(server, &names.xmpp, &name, &options.password, resource)
            };
            Xmpp::Users((0..options.users).map(user).collect::<io::Result<_>>()?)
        }
        None => {
            let component =
                Component::listen(options.xmpp_listen, &names.component, &options.secret)?;
            Xmpp::Component(component)
        }
    };
    let sip = Sip::new(options.transport, options.sip_listen, options.gateway)?;
    Ok(Worlds { xmpp, sip, names })
}

fn self_test(window: usize, octets: usize, seconds: f64) -> io::Result<bool> {
    let figures = echo::self_test(window, octets, Duration::from_secs_f64(seconds))?;
    println!(
        "{:.0} round trips/s, {:.0} datagrams/s, {} lost\nround trip {}",
        figures.per_second,
        figures.per_second * 2.0,
        figures.lost,
        figures.latency
    );
    Ok(figures.lost == 0)
}
