//! The words of errors: complete, in all languages, and fit for what they stand in.

use stox::codec::sip::ReasonPhrase;
use stox::codec::xmpp::Condition;
use stox::rules::{Rules, Saying, Worded};

const LANGUAGES: [&str; 5] = ["en", "de", "fr", "es", "cs"];
/// Those that have a number in them.
const WITH_NUMBER: [&str; 2] = ["retry", "later_part"];

fn built_in() -> Rules {
    Rules::load(None).expect("the built-in rules are right").0
}

#[test]
fn d_111_every_text_is_there_in_every_language() {
    let words = built_in().errors.words;
    for (name, saying) in Saying::ALL {
        let mut texts: Vec<String> = Vec::new();
        for lang in LANGUAGES {
            let Worded { lang: of, text } = words.say(*saying, lang);
            assert_eq!(&*of, lang, "{name}");
            assert!(text.len() > 8 && text.trim() == &*text, "{name}.{lang}: {text}");
            let has_number = WITH_NUMBER.contains(name);
            assert_eq!(text.contains("{number}"), has_number, "{name}.{lang}: {text}");
            assert_eq!(text.contains(['{', '}', '$']), has_number, "{name}.{lang}: {text}");
            // A reason phrase goes whole and without another character in it; a sentence ends.
            match name.starts_with("sip_") {
                true => assert_eq!(ReasonPhrase::text(&text).to_text(), *text, "{name}.{lang}"),
                false => assert!(text.ends_with('.'), "{name}.{lang}: {text}"),
            }
            texts.push(text.to_string());
        }
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), LANGUAGES.len(), "{name}");
    }
}

#[test]
fn d_111_every_code_and_condition_of_the_tables_names_its_words() {
    let errors = built_in().errors;
    for code in 300..=699 {
        assert!(errors.key_to_xmpp(code).is_some(), "{code}");
        for seen in [false, true] {
            let saying = errors.says(code, seen);
            let class_of_4xx = errors.key_to_xmpp(code).as_deref() == Some("4xx");
            // `refused` stands for what nothing is known of, and for nothing else.
            assert_eq!(saying == Saying::Refused, class_of_4xx, "{code}");
        }
    }
    for name in Condition::all_names() {
        let says = errors.to_sip(name).expect("an entry").says();
        assert_eq!(says == Saying::SipRefused, name == "undefined-condition", "{name}");
    }
}
