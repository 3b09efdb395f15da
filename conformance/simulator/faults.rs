//! What breaks, and how it is mended.

use crate::agenda::{End, Event, MS, S};
use crate::network::Weather;
use crate::plan::Fault;
use crate::process::{Ending, In};
use crate::simulation::Simulation;

/// How long a gateway that is told to stop waits for what is in flight, as `wire` does.
const DRAIN: u64 = 5 * S;

impl Simulation {
    pub(crate) fn fault(&mut self, fault: Fault) {
        let now = self.stage.now;
        self.stage.trace.note(now, b"fault", || format!("FAULT {fault:?}"));
        let wait = match fault {
            Fault::CutLink { link } => {
                if let Some(session) = self.links[link].current() {
                    self.stage.coverage.hit("link.cut");
                    self.links[link].cut(&mut self.stage, session);
                }
                return;
            }
            Fault::HalfOpenLink { link } => {
                if let Some(session) = self.links[link].current() {
                    self.stage.coverage.hit("link.half_open");
                    self.links[link].go_silent(&mut self.stage, session);
                }
                return;
            }
            Fault::RestartServer { link, down } => {
                self.restart_server(link);
                down
            }
            Fault::StallServer { link, wait } => {
                self.stage.coverage.hit("server.stalled");
                self.servers[link].stalled_until = now + wait;
                return;
            }
            Fault::CutConnections => return self.connections.cut_all(&mut self.stage),
            Fault::CutInFlight { times } => {
                self.connections.deadly = times;
                return;
            }
            Fault::ProxyDown { proxy, wait } => {
                self.stage.coverage.hit("sip.proxy_down");
                self.down[proxy] = true;
                let ip = self.address(proxy).ip();
                self.connections.end_died(&mut self.stage, End::Sip, Some(ip));
                wait
            }
            Fault::ProxyOutOfService { proxy, wait } => {
                self.stage.coverage.hit("sip.proxy_out_of_service");
                self.devices.out_of_service[proxy] = true;
                wait
            }
            Fault::NoRoute { proxy, wait } => {
                self.network.no_route = Some(self.address(proxy));
                wait
            }
            Fault::Kill { down } => return self.kill(down),
            Fault::KillAfterMessage { after, down } => {
                self.deadly = Some((after, down));
                return;
            }
            Fault::Drain { down } => return self.drain(down),
            Fault::Garbage { proxy } => {
                let outs = self.clients.garbage(proxy);
                self.sip_outs(outs);
                for (server, link) in self.servers.iter_mut().zip(&mut self.links) {
                    server.chatter(&mut self.stage, link);
                }
                return;
            }
            Fault::Storm { wait } => {
                self.network.weather = Weather { lost: 600, doubled: 100, delay: (MS, 400 * MS) };
                wait
            }
        };
        self.stage.agenda.set(now + wait, Event::Mended(fault));
    }

    pub(crate) fn mended(&mut self, fault: Fault) {
        let now = self.stage.now;
        self.stage.trace.note(now, b"mended", || format!("MENDED {fault:?}"));
        match fault {
            Fault::RestartServer { link, .. } => self.servers[link].up = true,
            Fault::ProxyDown { proxy, .. } => self.down[proxy] = false,
            Fault::ProxyOutOfService { proxy, .. } => self.devices.out_of_service[proxy] = false,
            Fault::NoRoute { .. } => self.network.no_route = None,
            Fault::Storm { .. } if !self.stage.calm => self.network.weather = self.plan.weather,
            _ => {}
        }
    }

    /// A server stops, with a word or without one, and forgets what it has not worked yet.
    fn restart_server(&mut self, link: usize) {
        self.stage.coverage.hit("server.restarted");
        let server = &mut self.servers[link];
        if let Some(session) = server.session {
            let crash = self.stage.now.is_multiple_of(3);
            match crash {
                true => self.links[link].server_closes(&mut self.stage, session, false),
                false => {
                    server.close_stream(&mut self.stage, &mut self.links[link], session, false);
                }
            }
        }
        server.forget();
        server.up = false;
    }

    /// A message was read, and the process may be about to be killed.
    pub(crate) fn kill_soon(&mut self) {
        if let Some((after, down)) = self.deadly.take() {
            self.stage.coverage.hit("process.killed_after_a_message");
            self.stage.agenda.set(self.stage.now + after, Event::Fault(Fault::Kill { down }));
        }
    }

    fn kill(&mut self, down: u64) {
        if !self.process.runs() {
            return;
        }
        self.stage.coverage.hit("process.killed");
        self.end_process(Ending::Killed);
        self.stage.agenda.set(self.stage.now + down, Event::Start);
    }

    fn drain(&mut self, down: u64) {
        if !self.process.runs() {
            return;
        }
        self.stage.coverage.hit("process.drained");
        self.feed(In::Drain);
        let until = self.stage.now + DRAIN;
        let incarnation = self.process.incarnation;
        self.stage.agenda.set(self.stage.now, Event::Stopping { incarnation, until });
        self.stage.agenda.set(until + down, Event::Start);
    }
}
