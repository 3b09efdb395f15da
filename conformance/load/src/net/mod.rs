//! Sockets without a runtime: one thread, one `ppoll`, many datagrams to a system call.

pub mod stream;
pub mod udp;
pub mod wait;
