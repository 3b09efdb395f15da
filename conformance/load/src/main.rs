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

use measure::report::Report;
use measure::sheet::Sheet;
use net::udp::Udp;
use net::wait::wake_exactly;
use options::stage::Stage;
use options::{Options, Play, Subcommand};
use scenario::messages::Messages;
use scenario::presence::{fan_out, idle, restart, storm, subscribe_storm};
use scenario::ready::Ready;
use scenario::register::Register;
use scenario::{Worlds, play};
use sip::Sip;
use xmpp::{Xmpp, login};

fn main() -> ExitCode {
    let done = match Options::parse().subcommand {
        Subcommand::Messages(options) => messages(&options),
        Subcommand::FanOut(options) => presence(&options.stage, fan_out::run(&options)),
        Subcommand::Idle(options) => presence(&options.stage, idle::run(&options)),
        Subcommand::Restart(options) => presence(&options.stage, restart::run(&options)),
        Subcommand::SubscribeStorm(options) => {
            presence(&options.stage, subscribe_storm::run(&options))
        }
        Subcommand::Storm(options) => presence(&options.stage, storm::run(&options)),
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
    let gateway = options.stage.gateway()?;
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
    let report = Report::of(&messages, options.stage.transport, pacing, known, again);
    match options.stage.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => println!("{report}"),
    }
    Ok(report.passed || options.stage.report_only)
}

/// With users of a real server, if there is one.
fn worlds(options: &Play) -> io::Result<Worlds> {
    let Some(server) = options.xmpp_login else { return Worlds::of(&options.stage) };
    let stage = &options.stage;
    let names = stage.names();
    let user = |number: usize| {
        let (name, resource) = (format!("x{number}"), &stage.resource);
        login::login(server, &names.xmpp, &name, &options.password, resource)
    };
    let xmpp = Xmpp::Users((0..options.users).map(user).collect::<io::Result<_>>()?);
    let sip = Sip::new(stage.transport, stage.sip_listen, stage.gateway)?;
    Ok(Worlds { xmpp, sip, names })
}

/// Prints what a scenario with presence showed.
fn presence(stage: &Stage, sheet: io::Result<Sheet>) -> io::Result<bool> {
    let sheet = sheet?;
    match stage.json {
        true => println!("{}", serde_json::to_string_pretty(&sheet.json())?),
        false => println!("{sheet}"),
    }
    Ok(sheet.passed() || stage.report_only)
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
