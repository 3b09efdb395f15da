//! One event of the log is one line, whatever stands in its values.

use std::io::{self, Write};

/// Writes events, each given whole, as one line each: a control character within one, as a server
/// or a user may have sent it, is written as an escape. Escape characters are left alone: the
/// subscriber escapes those of values, and those that are left are its own colours.
#[derive(Debug)]
pub(super) struct OneLine<W>(pub(super) W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let (line, end) = match text.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (&*text, ""),
        };
        if !line.contains(breaks) {
            self.0.write_all(event)?;
            return Ok(event.len());
        }
        let mut whole = String::with_capacity(line.len() + 16);
        for c in line.chars() {
            match breaks(c) {
                true => whole.extend(c.escape_default()),
                false => whole.push(c),
            }
        }
        whole.push_str(end);
        self.0.write_all(whole.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// What some reader of a log takes for the end of a line, or obeys.
fn breaks(c: char) -> bool {
    (c.is_control() && c != '\u{1b}') || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(event: &str) -> String {
        let mut line = OneLine(Vec::new());
        line.write_all(event.as_bytes()).unwrap();
        String::from_utf8(line.0).unwrap()
    }

    #[test]
    fn an_event_is_one_line_whatever_it_says() {
        assert_eq!(written("link down: gone\n"), "link down: gone\n");
        let forged = "link down: gone\r\nERROR alarm\u{85}\u{2028}\0\t\u{7f}\n";
        let expected = "link down: gone\\r\\nERROR alarm\\u{85}\\u{2028}\\u{0}\\t\\u{7f}\n";
        assert_eq!(written(forged), expected);
        assert_eq!(
            written("\u{1b}[31mERROR\u{1b}[0m caf\u{e9}\n\n"),
            "\u{1b}[31mERROR\u{1b}[0m caf\u{e9}\\n\n"
        );
    }

    #[test]
    fn what_the_subscriber_hands_over_is_one_event() {
        use std::sync::{Arc, Mutex};
        #[derive(Clone, Default)]
        struct Shared(Arc<Mutex<Vec<u8>>>);
        impl Write for Shared {
            fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(octets);
                Ok(octets.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let shared = Shared::default();
        let writer = shared.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || OneLine(writer.clone()))
            .with_ansi(true)
            .finish();
        let said = "policy-violation (x\nERROR all is lost\u{1b}[2J)";
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(component = "a\nb", id = %"c\nd", "component link down: {said}");
        });
        let text = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text:?}");
        assert!(!text.contains("\u{1b}[2J"), "{text:?}");
    }
}
