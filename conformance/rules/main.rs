//! The rules language: what it does, what it says about mistakes, and that its documents are true.

#![allow(clippy::panic, reason = "a test fails by it")]

mod address_pairs;
mod documents;
mod elements;
mod encryption;
mod explained;
mod language;
mod mistakes;
mod presence;
mod profiles;
mod rehearsals;
mod round_trips;
mod standards;
mod words;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stox::dry_run::{self, Case, Outcome};
use stox::flow::{Instant, Now};
use stox::rules::{Given, Rules};

/// A directory of rule files that goes with the value.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("stox-language-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        for (name, text) in files {
            std::fs::write(path.join(name), text).expect("a file");
        }
        Directory(path)
    }

    /// The rules, or all that is told about them, with the directory shown as `rules`.
    pub(crate) fn load(&self) -> Result<(Rules, Vec<String>), Vec<String>> {
        let told = |findings: Vec<stox::codec::yaml::Finding>| -> Vec<String> {
            let own = self.0.display().to_string();
            findings.iter().map(|finding| finding.to_string().replace(&own, "rules")).collect()
        };
        match Rules::load(Some(&self.0)) {
            Ok((rules, findings)) => Ok((rules, told(findings))),
            Err(findings) => Err(told(findings)),
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Rules of one file over the built-in ones, without a word about them.
pub(crate) fn rules(file: &str, text: &str) -> Arc<Rules> {
    let (rules, told) =
        Directory::new(&[(file, text)]).load().unwrap_or_else(|told| panic!("{told:#?}"));
    assert_eq!(told, Vec::<String>::new());
    Arc::new(rules)
}

/// Rules with a profile over the built-in ones.
pub(crate) fn profile(name: &str) -> Arc<Rules> {
    let loaded = Rules::load_with(&[name.to_owned()], None);
    let (rules, findings) = loaded.unwrap_or_else(|findings| panic!("{findings:#?}"));
    assert_eq!(findings, []);
    Arc::new(rules)
}

pub(crate) fn scene(rules: &Arc<Rules>, given: Given) -> Case {
    let now = Now { instant: Instant(1_000_000), unix_ms: 1_700_000_000_000 };
    // The target reads objects, so that it is seen what of a message goes into them.
    let rules = Arc::clone(rules);
    Case {
        rules,
        config: None,
        as_configured: false,
        given,
        answer: None,
        peer: None,
        reads_cpim: true,
        now,
    }
}

/// What goes out for a stanza.
pub(crate) fn stanza(rules: &Arc<Rules>, text: &str) -> Outcome {
    dry_run::run(&scene(rules, Given::Stanza(text.to_owned()))).expect("a stanza")
}

/// What goes out for a SIP message.
pub(crate) fn sip(rules: &Arc<Rules>, text: &str) -> Outcome {
    dry_run::run(&scene(rules, Given::Sip(text.to_owned()))).expect("a SIP message")
}

/// What goes out for a SIP message or a stanza that the other side refuses.
pub(crate) fn answered(
    rules: &Arc<Rules>,
    given: Given,
    answer: &str,
    peer: Option<&str>,
) -> Outcome {
    let (answer, peer) = (Some(answer.to_owned()), peer.map(str::to_owned));
    dry_run::run(&Case { answer, peer, ..scene(rules, given) }).expect("a message")
}

/// The CPIM object of a MESSAGE from romeo to juliet.
pub(crate) fn object(head: &str, mime: &str, body: &str) -> String {
    format!(
        "MESSAGE sip:juliet@example.com SIP/2.0\nFrom: <sip:romeo@example.net>\n\
         To: <sip:juliet@example.com>\nContent-Type: message/cpim\n\n{head}\n\n{mime}\n\n{body}"
    )
}
