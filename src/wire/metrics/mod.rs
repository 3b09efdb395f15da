//! Numbers for a monitoring system: `GET /metrics`, and `stox status --metrics`.

mod exposition;
mod families;
mod http;

pub(super) use families::text;
pub(super) use http::keep_answering;
