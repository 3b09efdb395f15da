//! Where log lines go: standard error, by a thread of its own. Whoever does not read them holds
//! nobody up; lines that find no room are dropped and counted.

use std::io::IsTerminal;

use tracing::Level;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use super::log_line::OneLine;

/// Lines that wait for the reader: what a pipe that stands still for a moment leaves behind.
const LINES: usize = 10_000;

/// The log of a process, from its start on; what waits is written when it is dropped, unless
/// nobody reads it.
#[derive(Debug)]
pub struct LogOutput {
    _guard: WorkerGuard,
    dropped: ErrorCounter,
}

impl LogOutput {
    /// Lines of this level and above go to standard error from now on.
    #[must_use]
    pub fn start(level: Level) -> Self {
        let lines = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES);
        let (writer, guard) = lines.thread_name("log").finish(std::io::stderr());
        let dropped = writer.error_counter();
        // Of the libraries only what goes wrong is of use.
        let filter = EnvFilter::new(format!("warn,stox={level}"));
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(move || OneLine(writer.clone()))
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .init();
        LogOutput { _guard: guard, dropped }
    }

    pub(super) fn counter(&self) -> ErrorCounter {
        self.dropped.clone()
    }
}

/// The level that `STOX_LOG` names; nothing, or an empty value, is `info`.
///
/// # Errors
/// What is wrong with another value.
pub fn log_level(value: Option<&str>) -> Result<Level, String> {
    let word = value.unwrap_or_default().trim().to_ascii_lowercase();
    Ok(match word.as_str() {
        "error" => Level::ERROR,
        "warn" | "warning" => Level::WARN,
        "" | "info" => Level::INFO,
        "debug" => Level::DEBUG,
        _ => {
            return Err(format!(
                "error: STOX_LOG: `{}` is no level: write error, warn, info or debug",
                word.escape_debug()
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_one_of_four_words() {
        assert_eq!(log_level(None), Ok(Level::INFO));
        for (value, level) in [
            ("", Level::INFO),
            (" info ", Level::INFO),
            ("WARNING", Level::WARN),
            ("warn", Level::WARN),
            ("error", Level::ERROR),
            ("Debug", Level::DEBUG),
        ] {
            assert_eq!(log_level(Some(value)), Ok(level), "{value:?}");
        }
        for value in ["verbose", "stox=debug", "trace", "2", "off"] {
            let error = log_level(Some(value)).expect_err(value);
            assert!(error.contains(value) && error.contains("write error, warn"), "{error}");
        }
    }
}
