//! Messages for the comparison: made from a seed out of parts that are legal, and now and then
//! unusual; and damage to them.

/// Numbers from a seed, so that every run makes the same messages.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }

    fn one_in(&mut self, chance: usize) -> bool {
        self.below(chance) == 0
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// Parts on which the two parsers disagree, as the comparison of the parts shows: in a message they
/// would only hide what is to be seen there.
const DISPUTED: [&str; 11] =
    ["%zz", "Zo\u{eb}", "h : ", ":065535", ";LR", ".02.", "[:::", "x:", "\u{7}", "a,b", "\"q\""];

fn undisputed(dice: &mut Dice, make: fn(&mut Dice) -> String) -> String {
    loop {
        let part = make(dice);
        if !DISPUTED.iter().any(|disputed| part.contains(disputed)) {
            return part;
        }
    }
}

/// Optional white space, folded now and then.
fn space(dice: &mut Dice) -> &'static str {
    dice.pick(&["", "", "", "", " ", "  ", "\t", "\r\n ", " \r\n\t"])
}

pub(crate) fn uri(dice: &mut Dice) -> String {
    if dice.one_in(12) {
        return dice
            .pick(&[
                "tel:+1-201-555-0123;phone-context=x",
                "im:a@b.c",
                "urn:service:sos",
                "pres:x",
                "pres:x:",
            ])
            .to_owned();
    }
    let users = [
        "romeo@",
        "o'reilly@",
        "a.b+c@",
        "%C3%A9%20x@",
        "a;b=c@",
        "1?2/3@",
        "u:pass,w$@",
        "",
        "+1-2@",
        "(x)!~*_@",
        "%zz@",
        "a&b=c@",
    ];
    let hosts = [
        "example.com",
        "EXAMPLE.Net",
        "a-b.c1",
        "localhost",
        "192.0.2.1",
        "[2001:db8::1]",
        "x.y.",
        "my_host.org",
        "[::ffff:192.0.2.1]",
        "1.2.3.4.com",
        "a.b-c.d9e",
        "192.0.02.1",
        "[:::ffff:192.0.2.1]",
    ];
    let params = [
        "",
        "",
        ";lr",
        ";transport=tcp",
        ";gr=urn:uuid:f81d4fae-7dec",
        ";x=%41%20",
        ";a;b;c=d",
        ";lr;LR",
        ";maddr=[::1]",
        ";user=phone;ttl=5",
        ";X=a/b:c&d+e$f",
    ];
    let (user, at, params) = (dice.pick(&users), dice.pick(&hosts), dice.pick(&params));
    let port = dice.pick(&["", "", "", ":5060", ":1", ":65535", ":065535"]);
    let scheme = dice.pick(&["sip:", "sip:", "sips:", "SIP:", "Sips:"]);
    format!("{scheme}{user}{at}{port}{params}")
}

pub(crate) fn address(dice: &mut Dice) -> String {
    let plain = uri(dice).replace(['?', ',', ';'], "");
    let tags = [
        "",
        "",
        ";tag=abc",
        ";tag=1.2-3_x",
        ";TAG=y",
        ";x=y;tag=z",
        ";q=0.5;n",
        ";x=\"a;b,<c>\\\"d\"",
    ];
    let params = dice.pick(&tags).replace(';', &format!("{}; ", space(dice)));
    let names = [
        "",
        "Romeo ",
        "\"R. \\\"M\\\" \" ",
        "\"a, b; c <d>\"",
        "Zo\u{eb} ",
        "A. B. C ",
        "\"\"",
        "caller",
        "\"\u{1f98a}\" ",
        "\"\\\u{7}x\" ",
    ];
    if dice.one_in(40) {
        format!("sip:a,b@c.d{params}")
    } else if dice.one_in(3) {
        format!("{plain}{params}")
    } else {
        format!("{}<{}>{params}", dice.pick(&names), uri(dice))
    }
}

pub(crate) fn via(dice: &mut Dice) -> String {
    let (a, b, c) = (space(dice), space(dice), space(dice));
    let transport = dice.pick(&["UDP", "TCP", "TLS", "udp", "TLS-SCTP", "WSS", "X-Y"]);
    let at = dice.pick(&[
        "h.example.com",
        "192.0.2.7:5062",
        "[2001:db8::9]:5061",
        "h : 5060",
        "h:0506",
        "a.b",
    ]);
    let branch = dice.pick(&["z9hG4bKabc", "z9hG4bK", "old.1", "\"q\"", "z9hG4bK-%41!x"]);
    let more = dice.pick(&[
        "",
        ";rport",
        ";received=192.0.2.1",
        ";received=[::1];rport=5",
        ";ttl=1;maddr=x.y",
        ";x=\"q,w\"",
    ]);
    format!("SIP{a}/{b}2.0/{c}{transport} {at}{a};{b}branch={c}{branch}{more}")
}

pub(crate) fn message(dice: &mut Dice) -> Vec<u8> {
    let method = dice.pick(&["MESSAGE", "SUBSCRIBE", "NOTIFY", "message", "x-Y.z"]);
    let start = match dice.below(4) {
        0 => format!(
            "SIP/2.0 {} {}",
            dice.pick(&["200", "404", "699", "100"]),
            dice.pick(&["OK", "", "N\u{e4}h <x>"])
        ),
        _ => format!("{method} {} SIP/2.0", undisputed(dice, uri)),
    };
    let hops = if dice.one_in(3) {
        format!("{}{},{}", undisputed(dice, via), space(dice), undisputed(dice, via))
    } else {
        undisputed(dice, via)
    };
    let body = dice.pick(&["", "Hello", "a\r\n\r\nb\0"]);
    let mut fields = vec![
        (dice.pick(&["Via", "v", "VIA"]), hops),
        (dice.pick(&["From", "f", "FROM"]), undisputed(dice, address)),
        (dice.pick(&["To", "t"]), undisputed(dice, address)),
        (dice.pick(&["Call-ID", "i", "call-id"]), dice.pick(&["a@b", "x", "{1}<2>(3)"]).to_owned()),
        (
            dice.pick(&["CSeq", "cseq"]),
            format!("{} {method}", dice.pick(&["1", "0", "2147483647", "007"])),
        ),
        (
            dice.pick(&["Max-Forwards", "MAX-FORWARDS"]),
            dice.pick(&["70", "0", "255", "0068"]).to_owned(),
        ),
        (
            dice.pick(&["Contact", "m"]),
            format!("{}{},{}", undisputed(dice, address), space(dice), undisputed(dice, address)),
        ),
        (dice.pick(&["Subject", "s", "X-Foo"]), dice.pick(&["", "a, \"b", "\u{fc}"]).to_owned()),
        (dice.pick(&["Content-Length", "l", "L"]), body.len().to_string()),
    ];
    for _ in 0..4 {
        let (a, b) = (dice.below(fields.len()), dice.below(fields.len()));
        fields.swap(a, b);
    }
    let mut out = format!("{start}\r\n");
    for (name, value) in fields {
        out += &format!("{name}{}:{}{value}\r\n", dice.pick(&["", "", " ", "\t"]), space(dice));
    }
    out += "\r\n";
    out += body;
    out.into_bytes()
}

/// One to three octets replaced, put in or taken out.
pub(crate) fn damage(dice: &mut Dice, octets: &mut Vec<u8>) {
    const ALPHABET: &[u8] = b"\r\n\t\0 \"<>;,:@=?&%[]()/\\{}.-_0aZ~\x7f\x80\xc3\xff";
    for _ in 0..=dice.below(3) {
        let at = dice.below(octets.len());
        let octet = ALPHABET[dice.below(ALPHABET.len())];
        match dice.below(3) {
            0 => octets[at] = octet,
            1 => octets.insert(at, octet),
            _ => drop(octets.remove(at)),
        }
    }
}
