//! The shape of the source tree, held by tests: who may import whom, the hold on `rsip`, what
//! the core may not touch, dead files, length with a ratchet, and a tree that speaks of itself
//! alone. A failure names file and line, what is wrong, why, and the mend.
//!
//! A small hand-written scanner is enough: it blanks comments, literals and test code, and reads
//! words and paths from the rest. Its own tests stand at the end of this file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom; every module may import itself. Crate roots (`lib.rs`, `main.rs`) may
/// import everything.
const LAYERS: [(&str, &[&str]); 11] = [
    ("codec", &[]),
    ("rules", &["codec"]),
    ("config", &["codec", "rules"]),
    ("flow", &["codec", "rules", "config"]),
    ("translate", &["codec", "rules", "flow"]),
    ("route", &["codec", "rules", "config", "flow", "state"]),
    ("state", &["codec", "rules", "config", "flow"]),
    ("gateway", &["codec", "rules", "config", "flow", "translate", "route", "state"]),
    ("dry_run", &["codec", "rules", "config", "flow", "route", "gateway"]),
    ("wire", &["codec", "rules", "config", "flow", "gateway", "dry_run"]),
    ("commands", &["codec", "rules", "config", "flow", "gateway", "dry_run", "wire"]),
];

/// The modules that are a function of (state, now, input).
const CORE: [&str; 8] =
    ["codec", "route", "translate", "state", "rules", "flow", "gateway", "dry_run"];

/// Where bytes from outside are read: nothing there may end the process.
const OUTSIDE: [&str; 2] = ["codec", "wire"];

/// The only place that knows `rsip`, and all it may know of it.
const VOCABULARY_HOME: &str = "src/codec/sip/";
const VOCABULARY: [&str; 4] = ["Method", "StatusCode", "Transport", "Version"];

const RATCHET: &str = "conformance/ratchet.toml";
const MAX_FUNCTION_LINES: usize = 50;
/// Test code does not count: tests stand beside what they test.
const MAX_FILE_LINES: usize = 400;

#[test]
fn imports_go_one_way() {
    demand_none(&import_faults(&Tree::of_project()));
}

#[test]
fn rsip_is_vocabulary_only() {
    demand_none(&rsip_faults(&Tree::of_project()));
}

#[test]
fn the_core_is_a_function_of_its_inputs() {
    demand_none(&purity_faults(&Tree::of_project()));
}

#[test]
fn nothing_from_outside_ends_the_process() {
    demand_none(&panic_faults(&Tree::of_project()));
}

#[test]
fn octets_leave_the_core_in_one_file() {
    demand_none(&outgoing_faults(&Tree::of_project()));
}

#[test]
fn every_source_file_is_alive() {
    demand_none(&dead_source_faults(&Tree::of_project()));
}

#[test]
fn every_mapping_is_compiled_in() {
    let mappings = files_under(&root(), "mappings");
    demand_none(&dead_mapping_faults(&Tree::of_project(), &mappings));
}

#[test]
fn length_has_a_ratchet() {
    let path = root().join(RATCHET);
    let recorded = fs::read_to_string(&path).ok().map(|text| Lengths::parse(&text));
    let measured = Lengths::measure(&Tree::of_project());
    if std::env::var_os("RATCHET_WRITE").is_some() {
        let lowered = recorded
            .as_ref()
            .map_or_else(|| measured.clone(), |recorded| recorded.lowered_to(&measured));
        fs::write(&path, lowered.render()).expect("the ratchet file can be written");
        return demand_none(&lowered.faults(&measured));
    }
    demand_none(&recorded.unwrap_or_default().faults(&measured));
}

#[test]
fn the_project_speaks_of_itself_alone() {
    let mut files = vec!["README.md".to_owned()];
    for folder in ["src", "mappings", "conformance", "examples", "docs"] {
        files.extend(files_under(&root(), folder));
    }
    // Cargo writes the registry's name into a lock file.
    files.retain(|file| !file.ends_with("/Cargo.lock"));
    let mut faults = Vec::new();
    // A lock file names the registry that its packages come from.
    for file in files.into_iter().filter(|file| !file.ends_with("Cargo.lock")) {
        // What is not UTF-8 is no text: captures and corpora.
        if let Ok(text) = fs::read_to_string(root().join(&file)) {
            faults.extend(foreign_faults(&file, &text));
        }
    }
    demand_none(&faults);
}

/// A role has a name of the RFCs: who reads "presentity" or "watcher" can look it up.
#[test]
fn roles_have_names() {
    const PRONOUNS: [&str; 8] = ["she", "he", "her", "hers", "his", "him", "herself", "himself"];
    let mut faults = Vec::new();
    for file in files_under(&root(), "src") {
        let text = fs::read_to_string(root().join(&file)).expect("a source file is text");
        for (number, line) in text.lines().enumerate() {
            let words = line.split(|c: char| !c.is_ascii_alphanumeric());
            for word in words.filter(|word| PRONOUNS.contains(&&*word.to_ascii_lowercase())) {
                let place = number + 1;
                faults.push(format!("{file}:{place}: `{word}`; name the role: xmpp_user, sip_user, presentity, watcher, subscriber, notifier"));
            }
        }
    }
    demand_none(&faults);
}

/// Fails with all faults, one to a line.
fn demand_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} fault(s):\n\n{}\n", faults.len(), faults.join("\n"));
}

// ---------------------------------------------------------------------------------------------
// The checks
// ---------------------------------------------------------------------------------------------

fn import_faults(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for source in tree.production() {
        let Some(layer) = source.layer() else { continue };
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
            faults.push(source.fault(
                0,
                &format!("the top-level module `{layer}` has no place in LAYERS"),
                "give it one",
            ));
            continue;
        };
        for path in source.paths() {
            faults.extend(import_fault(source, layer, allowed, &path));
        }
    }
    faults
}

fn import_fault(
    source: &Source,
    layer: &str,
    allowed: &[&str],
    path: &CodePath<'_>,
) -> Option<String> {
    let (module, rest) = source.imported_module(path)?;
    if !LAYERS.iter().any(|(name, _)| *name == module) {
        // What climbs by `super` may well be an item of the file's own module.
        let what =
            format!("`crate::{module}` hides where it comes from: imports are checked by module");
        let mend = "name the module of the table that owns it";
        return (path.segments[0] == "crate").then(|| source.fault(path.at, &what, mend));
    }
    if layer == "state" && module == "rules" {
        let profile = rest
            .iter()
            .any(|segment| segment.contains("Profile") || segment.starts_with("profile"));
        let what = "state imports from rules more than a profile: it would start to translate";
        let mend = "decide in route or translate and hand the decision over in a carrier of flow";
        return (!profile).then(|| source.fault(path.at, what, mend));
    }
    if module == layer || allowed.contains(&module) {
        return None;
    }
    let what = format!("{layer} imports crate::{module}, against the one way through the gateway");
    let mend = match allowed {
        [] => format!("move what both need into {layer}"),
        _ => format!(
            "{layer} may import {}; carry the rest as a value of flow, or move it",
            allowed.join(", ")
        ),
    };
    Some(source.fault(path.at, &what, &mend))
}

fn rsip_faults(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for source in tree.production() {
        let tokens = tokens(&source.live);
        for path in paths(&tokens).iter().filter(|path| path.segments[0] == "rsip") {
            faults.extend(rsip_fault(source, path));
        }
        for window in tokens.windows(3) {
            let what = match window.iter().map(|token| token.text).collect::<Vec<_>>()[..] {
                ["typed", "(", ")"] => "`typed()` is rsip's lossy header parser",
                ["unique_push", ..] => "`unique_push` is rsip's header list",
                ["rsip", "as", _] => "another name for rsip hides its uses",
                _ => continue,
            };
            faults.push(source.fault(
                window[0].at,
                what,
                "name the vocabulary; parse and print with the codec's own types",
            ));
        }
    }
    faults
}

fn rsip_fault(source: &Source, path: &CodePath<'_>) -> Option<String> {
    if !source.path.starts_with(VOCABULARY_HOME) {
        let mend = format!("use the types of {VOCABULARY_HOME}, the only place that knows it");
        return Some(source.fault(path.at, "rsip is named here", &mend));
    }
    let word = path.segments.get(1).is_some_and(|word| VOCABULARY.contains(word));
    let parses = path.segments.iter().any(|segment| ["try_from", "from_str"].contains(segment));
    let what = format!("`{}`: rsip misreads and misprints the wire", path.segments.join("::"));
    let mend = format!(
        "of rsip take {} alone, by name, and convert them value by value",
        VOCABULARY.join(", ")
    );
    (!word || parses).then(|| source.fault(path.at, &what, &mend))
}

fn purity_faults(tree: &Tree) -> Vec<String> {
    const TIME: &str = "time is an input: take it from the flow";
    const RANDOM: &str = "ids come from the seeded source in state";
    const SOCKETS: &str = "sockets live in wire; ask with an Effect";
    const RULES: [(&[&str], &str); 15] = [
        (&["async"], "async lives in wire; return an Effect"),
        (&["await"], "async lives in wire; return an Effect"),
        (&["tokio"], "async lives in wire; return an Effect"),
        (&["Instant", "now"], TIME),
        (&["SystemTime", "now"], TIME),
        (&["thread_rng"], RANDOM),
        (&["rand", "rng"], RANDOM),
        (&["getrandom"], RANDOM),
        (&["UdpSocket"], SOCKETS),
        (&["TcpStream"], SOCKETS),
        (&["TcpListener"], SOCKETS),
        (&["UnixStream"], SOCKETS),
        (&["UnixListener"], SOCKETS),
        (&["UnixDatagram"], SOCKETS),
        (&["std", "fs"], "files are read where config and rules are loaded, and in wire"),
    ];
    let mut faults = Vec::new();
    for source in
        tree.production().filter(|source| source.layer().is_some_and(|layer| CORE.contains(&layer)))
    {
        for path in source.paths() {
            for (forbidden, mend) in RULES {
                let loads_files = source.layer() == Some("rules") && forbidden == ["std", "fs"];
                if path.holds(forbidden) && !loads_files {
                    let what = format!(
                        "`{}` in the core, a function of (state, now, input)",
                        forbidden.join("::")
                    );
                    faults.push(source.fault(path.at, &what, mend));
                }
            }
            faults.extend(map_fault(source, &path));
        }
    }
    faults
}

/// The maps of std take their seed from the system: two runs walk them in two orders.
fn map_fault(source: &Source, path: &CodePath<'_>) -> Option<String> {
    let name =
        ["HashMap", "HashSet", "*"].into_iter().find(|name| path.holds(&["collections", name]))?;
    let what = format!("`std::collections::{name}`: an order that no input decides");
    Some(source.fault(path.at, &what, "use the seeded map of crate::flow, or a BTreeMap"))
}

fn panic_faults(tree: &Tree) -> Vec<String> {
    const MACROS: [&str; 4] = ["panic", "todo", "unimplemented", "dbg"];
    let mut faults = Vec::new();
    for source in tree.production() {
        faults.extend(wordless_expects(source));
        if !source.layer().is_some_and(|layer| OUTSIDE.contains(&layer)) {
            continue;
        }
        for window in tokens(&source.live).windows(4) {
            let texts = window.iter().map(|token| token.text).collect::<Vec<_>>();
            if texts == [".", "unwrap", "(", ")"] {
                faults.push(source.fault(
                    window[1].at,
                    "unwrap() where bytes from outside are handled",
                    "return a typed error",
                ));
            } else if MACROS.contains(&texts[0]) && texts[1] == "!" && texts[2] != "=" {
                let what = format!("{}! where bytes from outside are handled", texts[0]);
                faults.push(source.fault(window[0].at, &what, "return a typed error"));
            }
        }
    }
    faults
}

fn wordless_expects(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, call) in source.live.match_indices(".expect(") {
        let argument = at + call.len();
        let before =
            |start: usize| start >= argument && source.live[argument..start].trim().is_empty();
        let text = source
            .literals
            .iter()
            .find(|literal| before(literal.at))
            .filter(|literal| literal.is_text);
        if text.is_some_and(|literal| literal.text.split_whitespace().count() < 3) {
            let mend = "say the invariant in three words or more; a parser's own method is better called `require`";
            faults.push(source.fault(at, "this expect does not say why it cannot fail", mend));
        }
    }
    faults
}

/// What goes out is measured in one file: no other makes the effects that carry octets.
fn outgoing_faults(tree: &Tree) -> Vec<String> {
    const HOME: &str = "src/state/outgoing.rs";
    const MADE: [&str; 2] = ["Effect::Sip {", "Effect::Xmpp {"];
    let mut faults = Vec::new();
    for source in tree.production().filter(|it| it.path.starts_with("src/state/")) {
        for made in MADE.iter().filter(|_| source.path != HOME) {
            let found = source.live.match_indices(made);
            let is_made = |at: &usize| !source.live[at + made.len()..].starts_with(" ..");
            faults.extend(found.map(|(at, _)| at).filter(is_made).map(|at| {
                source.fault(at, "octets leave unmeasured", &format!("go through {HOME}"))
            }));
        }
    }
    faults
}

fn dead_source_faults(tree: &Tree) -> Vec<String> {
    let reached = tree.reached();
    let dead = tree.sources.iter().filter(|source| !reached.contains_key(&source.path));
    dead.map(|source| {
        source.fault(
            0,
            "no `mod` leads here from lib.rs or main.rs",
            "declare the module or delete the file",
        )
    })
    .collect()
}

fn dead_mapping_faults(tree: &Tree, mappings: &[String]) -> Vec<String> {
    let named = |file: &str| {
        tree.sources
            .iter()
            .any(|source| source.literals.iter().any(|text| text.text.ends_with(file)))
    };
    let dead = mappings.iter().filter(|file| !file.ends_with("README.md") && !named(file));
    dead.map(|file| {
        format!(
            "{file}:1: no source includes this file; include_str! it where rules are loaded, or delete it"
        )
    })
    .collect()
}

/// Names of places that only the writer of a line has. Written in two halves, so that this file
/// passes its own check.
fn foreign_faults(file: &str, text: &str) -> Vec<String> {
    const NAMES: [&str; 8] = [
        concat!("/wo", "rk/"),
        concat!("/fa", "rm/"),
        concat!("/ro", "ot/"),
        concat!("crates", ".io"),
        concat!("pypi", ".org"),
        concat!("pythonhosted", ".org"),
        concat!("deb.debian", ".org"),
        concat!("proxy.golang", ".org"),
    ];
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for name in NAMES.iter().filter(|name| line.contains(**name)) {
            let place = number + 1;
            faults.push(format!("{file}:{place}: names {name}, which means nothing to a reader elsewhere; say what it stands for"));
        }
    }
    faults
}

// ---------------------------------------------------------------------------------------------
// Length
// ---------------------------------------------------------------------------------------------

/// What is over the limit, by name, with its number of lines.
#[derive(Debug, Clone, Default, PartialEq)]
struct Lengths {
    functions: BTreeMap<String, usize>,
    files: BTreeMap<String, usize>,
}

impl Lengths {
    fn measure(tree: &Tree) -> Lengths {
        let mut lengths = Lengths::default();
        for source in tree.production() {
            if source.live_lines() > MAX_FILE_LINES {
                lengths.files.insert(source.path.clone(), source.live_lines());
            }
            for function in functions(&source.live)
                .into_iter()
                .filter(|function| function.lines > MAX_FUNCTION_LINES)
            {
                // Of two functions with one name in a file the longer counts.
                let longest = lengths
                    .functions
                    .entry(format!("{}::{}", source.path, function.name))
                    .or_default();
                *longest = function.lines.max(*longest);
            }
        }
        lengths
    }

    /// Reads `"name" = number` under `[functions]` and `[files]`.
    fn parse(text: &str) -> Lengths {
        let mut lengths = Lengths::default();
        let mut in_files = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                in_files = line == "[files]";
            } else if let Some((name, number)) =
                line.split_once('=').filter(|_| !line.starts_with('#'))
            {
                let number =
                    number.trim().parse().expect("the ratchet holds a number behind each name");
                let section = if in_files { &mut lengths.files } else { &mut lengths.functions };
                section.insert(name.trim().trim_matches('"').to_owned(), number);
            }
        }
        lengths
    }

    fn render(&self) -> String {
        let mut text = format!(
            "# What is longer than {MAX_FUNCTION_LINES} lines (functions) or {MAX_FILE_LINES} (files, without their tests).\n\
             # The numbers only go down. Checked by conformance/architecture.rs; RATCHET_WRITE=1 lowers them.\n"
        );
        for (section, entries) in [("functions", &self.functions), ("files", &self.files)] {
            text += &format!("\n[{section}]\n");
            for (name, lines) in entries {
                text += &format!("\"{name}\" = {lines}\n");
            }
        }
        text
    }

    /// The same entries, each as low as it has become; what is no longer too long goes.
    fn lowered_to(&self, measured: &Lengths) -> Lengths {
        let lower = |recorded: &BTreeMap<String, usize>, measured: &BTreeMap<String, usize>| {
            let still_long = recorded
                .iter()
                .filter_map(|(name, lines)| Some((name.clone(), *lines.min(measured.get(name)?))));
            still_long.collect()
        };
        Lengths {
            functions: lower(&self.functions, &measured.functions),
            files: lower(&self.files, &measured.files),
        }
    }

    fn faults(&self, measured: &Lengths) -> Vec<String> {
        let mut faults = length_faults(&self.functions, &measured.functions, MAX_FUNCTION_LINES);
        faults.extend(length_faults(&self.files, &measured.files, MAX_FILE_LINES));
        faults
    }
}

fn length_faults(
    recorded: &BTreeMap<String, usize>,
    measured: &BTreeMap<String, usize>,
    limit: usize,
) -> Vec<String> {
    let names: BTreeSet<&String> = recorded.keys().chain(measured.keys()).collect();
    let fault = |name: &String| match (recorded.get(name), measured.get(name)) {
        (None, Some(lines)) => Some(format!(
            "{name}: {lines} lines, more than a reader holds at once (limit {limit}); split it"
        )),
        (Some(was), Some(lines)) if lines > was => Some(format!(
            "{name}: grew from {was} to {lines} lines, and the ratchet only turns down; split it"
        )),
        (Some(was), Some(lines)) if lines < was => Some(format!(
            "{name}: {lines} lines instead of {was}; lower the ratchet: RATCHET_WRITE=1, then commit {RATCHET}"
        )),
        (Some(was), None) => Some(format!(
            "{name}: gone or within the limit, but {RATCHET} has {was}; lower the ratchet: RATCHET_WRITE=1"
        )),
        _ => None,
    };
    names.into_iter().filter_map(fault).collect()
}

// ---------------------------------------------------------------------------------------------
// The source tree
// ---------------------------------------------------------------------------------------------

/// All Rust files of `src/`.
struct Tree {
    sources: Vec<Source>,
}

/// One Rust file.
struct Source {
    /// From the project's root, with `/`.
    path: String,
    /// The text with comments and literals blanked, place for place.
    code: String,
    /// `code` with the test items blanked as well.
    live: String,
    literals: Vec<Literal>,
}

impl Tree {
    fn of_project() -> Tree {
        let root = root();
        let mut sources = Vec::new();
        for path in files_under(&root, "src").into_iter().filter(|path| path.ends_with(".rs")) {
            let text =
                fs::read_to_string(root.join(&path)).expect("a source file is readable UTF-8");
            sources.push(Source::new(&path, &text));
        }
        Tree { sources }
    }

    /// The files that are not there for tests alone.
    fn production(&self) -> impl Iterator<Item = &Source> {
        let reached = self.reached();
        self.sources.iter().filter(move |source| reached.get(&source.path) != Some(&true))
    }

    /// The files that `mod` declarations lead to, each with whether only test code leads there.
    fn reached(&self) -> BTreeMap<String, bool> {
        let mut reached = BTreeMap::new();
        let mut queue = vec![("src/lib.rs".to_owned(), false), ("src/main.rs".to_owned(), false)];
        while let Some((path, only_test)) = queue.pop() {
            let Some(source) = self.sources.iter().find(|source| source.path == path) else {
                continue;
            };
            if reached.get(&path).is_some_and(|known| !known || only_test) {
                continue;
            }
            reached.insert(path, only_test);
            for module in source.module_files() {
                queue.extend(
                    module.candidates.into_iter().map(|file| (file, only_test || module.only_test)),
                );
            }
        }
        reached
    }
}

impl Source {
    fn new(path: &str, text: &str) -> Source {
        let (code, literals) = mask(text);
        let live = blank_tests(&code);
        Source { path: path.to_owned(), code, live, literals }
    }

    /// The top-level module this file belongs to; none for the crate's roots.
    fn layer(&self) -> Option<&str> {
        let path = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let module = path.split('/').next()?;
        (!["lib", "main"].contains(&module)).then_some(module)
    }

    fn paths(&self) -> Vec<CodePath<'_>> {
        paths(&tokens(&self.live))
    }

    /// The module of the crate's root that a path leads into, and what follows it.
    fn imported_module<'a>(&self, path: &'a CodePath<'_>) -> Option<(&'a str, &'a [&'a str])> {
        let supers = path.segments.iter().take_while(|segment| **segment == "super").count();
        let climbs_out = supers > 0 && supers >= self.depth();
        let start = if path.segments[0] == "crate" { 1 } else { supers };
        let absolute = path.segments[0] == "crate" || climbs_out;
        let (module, rest) = path.segments.get(start..)?.split_first()?;
        absolute.then_some((*module, rest))
    }

    /// How many `super` lead from this file to the crate's root.
    fn depth(&self) -> usize {
        let inner =
            self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        inner.split('/').count()
    }

    /// The lines outside test code.
    fn live_lines(&self) -> usize {
        let test_lines =
            self.code.lines().zip(self.live.lines()).filter(|(code, live)| code != live).count();
        self.code.lines().count() - test_lines
    }

    /// The files that this file's `mod name;` may mean.
    fn module_files(&self) -> Vec<ModuleFile> {
        let (folder, file) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let own = match file {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            _ => self.path.trim_end_matches(".rs").to_owned(),
        };
        let mut found = Vec::new();
        for declared in declared_modules(&self.code) {
            let inside: String = declared.within.iter().map(|name| format!("/{name}")).collect();
            let name = declared.name;
            let mut candidates =
                vec![format!("{own}{inside}/{name}.rs"), format!("{own}{inside}/{name}/mod.rs")];
            candidates
                .extend(self.path_attribute(declared.at).map(|path| format!("{folder}/{path}")));
            // In the live text the declaration is blank when it belongs to test code.
            let only_test = self.live[declared.at..].starts_with(' ');
            found.push(ModuleFile { candidates, only_test });
        }
        found
    }

    /// The file of `#[path = "..."]` right before a declaration.
    fn path_attribute(&self, at: usize) -> Option<&str> {
        let literal = self.literals.iter().rfind(|literal| literal.at < at)?;
        let attribute = self.code[..literal.at].trim_end().strip_suffix('=')?.trim_end();
        let between = self.code[literal.at..at].trim();
        let directly = attribute.ends_with("path")
            && between.starts_with(']')
            && !between.contains([';', '}', '{']);
        directly.then_some(literal.text.as_str())
    }

    /// A fault at a place: what is wrong, and the mend.
    fn fault(&self, at: usize, what: &str, mend: &str) -> String {
        let line = self.code[..at].matches('\n').count() + 1;
        format!("{}:{line}: {what}; {mend}", self.path)
    }
}

struct ModuleFile {
    candidates: Vec<String>,
    only_test: bool,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder, from the root, in order; what tools leave behind is left out.
fn files_under(root: &Path, folder: &str) -> Vec<String> {
    const LEFT_BEHIND: [&str; 4] = ["target", "__pycache__", "corpus-new", ".pytest_cache"];
    let mut found = Vec::new();
    let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}/{name}");
        if entry.path().is_dir() && !LEFT_BEHIND.contains(&name.as_str()) {
            found.extend(files_under(root, &path));
        } else if entry.path().is_file() {
            found.push(path);
        }
    }
    found.sort();
    found
}

// ---------------------------------------------------------------------------------------------
// The scanner
// ---------------------------------------------------------------------------------------------

/// A literal: where it starts, its content, and whether it is text (and no character).
#[derive(Debug, PartialEq)]
struct Literal {
    at: usize,
    text: String,
    is_text: bool,
}

/// What starts at some place of a text.
enum Lexeme {
    Comment { end: usize },
    Literal { content: std::ops::Range<usize>, end: usize, is_text: bool },
    Other { end: usize },
}

/// The text with comments and literals blanked, and the literals.
fn mask(text: &str) -> (String, Vec<Literal>) {
    let mut masked = text.as_bytes().to_vec();
    let mut literals = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let end = match lexeme(text, at) {
            Lexeme::Other { end } => {
                at = end;
                continue;
            }
            Lexeme::Comment { end } => end,
            Lexeme::Literal { content, end, is_text } => {
                literals.push(Literal {
                    at,
                    text: text.get(content).unwrap_or_default().to_owned(),
                    is_text,
                });
                end
            }
        };
        blank(&mut masked[at..end]);
        at = end;
    }
    (String::from_utf8(masked).expect("blanking takes whole characters away"), literals)
}

/// Blanks everything but the ends of lines.
fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

fn lexeme(text: &str, at: usize) -> Lexeme {
    let rest = &text[at..];
    let first = rest.chars().next().unwrap_or_default();
    if rest.starts_with("//") {
        return Lexeme::Comment { end: at + rest.find('\n').unwrap_or(rest.len()) };
    }
    if rest.starts_with("/*") {
        return Lexeme::Comment { end: at + block_comment_length(rest) };
    }
    if first == '"' {
        let end = at + quoted_length(rest, '"');
        return Lexeme::Literal { content: at + 1..end - 1, end, is_text: true };
    }
    if first == '\'' && is_character(rest) {
        let end = at + quoted_length(rest, '\'');
        return Lexeme::Literal { content: at + 1..end - 1, end, is_text: false };
    }
    let word = rest.find(|c: char| !is_word_character(c)).unwrap_or(rest.len());
    if ["r", "br", "cr"].contains(&&rest[..word])
        && let Some((opening, end)) = raw_text(text, at + word)
    {
        return Lexeme::Literal {
            content: opening..end - (opening - at - word),
            end,
            is_text: true,
        };
    }
    Lexeme::Other { end: at + word.max(first.len_utf8()) }
}

fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Comments nest.
fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// From the opening quote to behind the closing one.
fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + quote.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// A character literal and no lifetime.
fn is_character(rest: &str) -> bool {
    let mut characters = rest.chars().skip(1);
    match characters.next() {
        Some('\\') => true,
        Some(_) => characters.next() == Some('\''),
        None => false,
    }
}

/// Where the content of `#"..."#` starts, and its end; `at` is behind the `r`.
fn raw_text(text: &str, at: usize) -> Option<(usize, usize)> {
    let hashes = text[at..].bytes().take_while(|byte| *byte == b'#').count();
    let opening = at + hashes + 1;
    if text.as_bytes().get(at + hashes) != Some(&b'"') {
        return None;
    }
    let closing = format!("\"{}", "#".repeat(hashes));
    let length = text[opening..].find(&closing)?;
    Some((opening, opening + length + closing.len()))
}

/// Blanks items under `#[cfg(test)]` or `#[test]`, and the whole text under `#![cfg(test)]`.
fn blank_tests(code: &str) -> String {
    let mut live = code.as_bytes().to_vec();
    let mut at = 0;
    while let Some(found) = code[at..].find('#') {
        let start = at + found;
        let Some(attribute) = attribute(code, start) else {
            at = start + 1;
            continue;
        };
        at = attribute.end;
        if attribute.of_tests {
            at = if attribute.inner { code.len() } else { item_end(code, attribute.end) };
            blank(&mut live[start..at]);
        }
    }
    String::from_utf8(live).expect("code is blanked by whole items")
}

struct Attribute {
    end: usize,
    inner: bool,
    of_tests: bool,
}

fn attribute(code: &str, at: usize) -> Option<Attribute> {
    let inner = code[at..].starts_with("#![");
    let open = at + if inner { 2 } else { 1 };
    if code.as_bytes().get(open) != Some(&b'[') {
        return None;
    }
    let end = bracket_end(code, open);
    let content: String = code[open + 1..end - 1].split_whitespace().collect();
    let of_tests =
        content == "test" || content == "cfg(test)" || content.starts_with("cfg(all(test");
    Some(Attribute { end, inner, of_tests })
}

/// Behind the bracket that closes the one at `open`.
fn bracket_end(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code[open..].bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return open + at + 1;
        }
    }
    code.len()
}

/// Behind the item, field or arm that starts at `at`, further attributes included.
fn item_end(code: &str, mut at: usize) -> usize {
    const ITEMS: [&str; 15] = [
        "fn",
        "mod",
        "impl",
        "use",
        "struct",
        "enum",
        "const",
        "static",
        "type",
        "trait",
        "async",
        "unsafe",
        "extern",
        "macro_rules",
        "let",
    ];
    let mut is_item = false;
    while at < code.len() {
        let rest = &code[at..];
        let word = rest.find(|c: char| !is_word_character(c)).unwrap_or(rest.len());
        is_item = is_item || ITEMS.contains(&&rest[..word]);
        match rest.as_bytes()[0] {
            b'{' => return bracket_end(code, at),
            b'(' | b'[' => at = bracket_end(code, at),
            b';' => return at + 1,
            b',' if !is_item => return at + 1,
            b')' | b']' | b'}' => return at,
            _ => at += word.max(rest.chars().next().map_or(1, char::len_utf8)),
        }
    }
    code.len()
}

/// A word, `::`, or a single mark.
#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    text: &'a str,
    at: usize,
}

fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let rest = &code[at..];
        let word = rest.find(|c: char| !is_word_character(c)).unwrap_or(rest.len());
        let length = match word {
            0 if rest.starts_with("::") => 2,
            0 => rest.chars().next().map_or(1, char::len_utf8),
            _ => word,
        };
        let text = &rest[..length];
        if !text.trim().is_empty() {
            found.push(Token { text, at });
        }
        at += length;
    }
    found
}

/// A path as `a::b::c`; a group of imports is written out.
#[derive(Debug)]
struct CodePath<'a> {
    segments: Vec<&'a str>,
    at: usize,
}

impl CodePath<'_> {
    /// Whether the segments stand somewhere in this path, one after the other.
    fn holds(&self, segments: &[&str]) -> bool {
        self.segments.windows(segments.len()).any(|window| window == segments)
    }
}

fn paths<'a>(tokens: &[Token<'a>]) -> Vec<CodePath<'a>> {
    let mut found = Vec::new();
    let mut next = 0;
    while next < tokens.len() {
        if is_word(tokens[next].text) {
            walk_path(tokens, &mut next, &[], &mut found);
        } else {
            next += 1;
        }
    }
    found
}

fn is_word(text: &str) -> bool {
    text.starts_with(is_word_character)
}

/// Reads one path behind a prefix, its groups included.
fn walk_path<'a>(
    tokens: &[Token<'a>],
    next: &mut usize,
    prefix: &[&'a str],
    found: &mut Vec<CodePath<'a>>,
) {
    let at = tokens[*next].at;
    let mut segments = prefix.to_vec();
    let text = |index: usize| tokens.get(index).map_or("", |token| token.text);
    loop {
        segments.push(text(*next));
        *next += 1;
        if text(*next) != "::" {
            break;
        }
        *next += 1;
        match text(*next) {
            "{" => return walk_group(tokens, next, &segments, found),
            "*" => {}
            other if is_word(other) => {}
            _ => break,
        }
    }
    found.push(CodePath { segments, at });
}

/// Reads `{a, b::c, d as e}` behind a prefix.
fn walk_group<'a>(
    tokens: &[Token<'a>],
    next: &mut usize,
    prefix: &[&'a str],
    found: &mut Vec<CodePath<'a>>,
) {
    *next += 1;
    while let Some(token) = tokens.get(*next) {
        match token.text {
            "}" => break,
            "as" => *next += 2,
            word if is_word(word) || word == "*" => walk_path(tokens, next, prefix, found),
            _ => *next += 1,
        }
    }
    *next += 1;
}

struct DeclaredModule<'a> {
    name: &'a str,
    /// The inline modules around it.
    within: Vec<&'a str>,
    at: usize,
}

/// Every `mod name;`.
fn declared_modules(code: &str) -> Vec<DeclaredModule<'_>> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    // For each open brace: the inline module it opens, if it does.
    let mut open: Vec<Option<&str>> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let back = |steps: usize| index.checked_sub(steps).map_or("", |at| tokens[at].text);
        match token.text {
            "{" => open.push((back(2) == "mod").then(|| back(1))),
            "}" => drop(open.pop()),
            ";" if back(2) == "mod" => {
                let within = open.iter().flatten().copied().collect();
                found.push(DeclaredModule { name: back(1), within, at: tokens[index - 2].at });
            }
            _ => {}
        }
    }
    found
}

struct Function<'a> {
    name: &'a str,
    lines: usize,
}

/// Every function with a body: from `fn` to its closing brace.
fn functions(code: &str) -> Vec<Function<'_>> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    for pair in tokens.windows(2) {
        let [keyword, name] = pair else { continue };
        if keyword.text == "fn" && is_word(name.text) {
            let end = item_end(code, keyword.at);
            let text = &code[keyword.at..end];
            if text.ends_with('}') {
                found.push(Function { name: name.text, lines: text.lines().count() });
            }
        }
    }
    found
}

// ---------------------------------------------------------------------------------------------
// Tests of the checks and of the scanner
// ---------------------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        Tree { sources: files.iter().map(|(path, text)| Source::new(path, text)).collect() }
    }

    /// The places of the faults that a check finds in one file.
    fn places(check: fn(&Tree) -> Vec<String>, path: &str, text: &str) -> Vec<usize> {
        let faults = check(&tree(&[(path, text)]));
        let line = |fault: &String| fault.split(':').nth(1).and_then(|line| line.parse().ok());
        faults.iter().map(|fault| line(fault).expect("a fault starts with file and line")).collect()
    }

    #[test]
    fn comments_and_literals_are_blanked_in_place() {
        let text =
            "a /* x /* y */ z */ b // c\nd \"q\\\"r\" e r#\"s\"t\"# f 'g' '\\'' 'h: b\"i\" r#mod";
        let (code, literals) = mask(text);
        assert_eq!(code.len(), text.len());
        assert_eq!(
            code.split_whitespace().collect::<Vec<_>>(),
            ["a", "b", "d", "e", "f", "'h:", "b", "r#mod"]
        );
        let texts: Vec<&str> = literals.iter().map(|literal| literal.text.as_str()).collect();
        assert_eq!(texts, ["q\\\"r", "s\"t", "g", "\\'", "i"]);
        assert!(
            literals
                .iter()
                .all(|literal| literal.is_text != (literal.text == "g" || literal.text == "\\'"))
        );
    }

    #[test]
    fn characters_of_several_octets_keep_their_place() {
        let (code, _) = mask("let é = 'é'; // ü\nlet b = \"ä\";");
        assert_eq!(code.lines().nth(1).map(str::trim_end), Some("let b =     ;"));
    }

    #[test]
    fn test_items_are_blanked_and_nothing_else() {
        let code = "fn a() {}\n#[cfg(test)]\n#[x(y)]\nmod tests { fn b() { } }\nfn c() {}\n#[test]\nfn d<T, U>() {}\n\
                    struct S {\n #[cfg(test)] e: u8,\n f: u8 }\n#[cfg(not(test))] fn g() {}\n#[cfg(test)] use h::{i};";
        let live = blank_tests(code);
        let words = tokens(&live)
            .iter()
            .filter(|token| is_word(token.text))
            .map(|token| token.text)
            .collect::<Vec<_>>();
        assert_eq!(
            words,
            ["fn", "a", "fn", "c", "struct", "S", "f", "u8", "cfg", "not", "test", "fn", "g"]
        );
        assert_eq!(blank_tests("#![cfg(test)]\nfn a() {}").trim(), "");
    }

    #[test]
    fn groups_of_imports_are_written_out() {
        let tokens =
            tokens("use crate::{a, b::{c as d, *}, e::f::g}; let x = h::<u8>::i as crate::j;");
        let found: Vec<String> =
            paths(&tokens).iter().map(|path| path.segments.join("::")).collect();
        let expected = [
            "use",
            "crate::a",
            "crate::b::c",
            "crate::b::*",
            "crate::e::f::g",
            "let",
            "x",
            "h",
            "u8",
            "i",
            "as",
            "crate::j",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn imports_against_the_way_are_found() {
        let text = "use crate::flow::X;\nuse crate::{rules, state::Y};\nfn f() { crate::wire::g(); }\nuse super::super::route;\n";
        assert_eq!(places(import_faults, "src/translate/message.rs", text), [2, 3, 4]);
        assert_eq!(
            places(import_faults, "src/wire/udp.rs", "use crate::gateway;\nuse crate::state::Z;"),
            [2]
        );
        assert_eq!(
            places(
                import_faults,
                "src/codec/sip/uri.rs",
                "use super::super::mime;\nuse super::super::super::flow;"
            ),
            [2]
        );
        assert_eq!(places(import_faults, "src/main.rs", "use crate::wire;"), []);
        assert_eq!(
            places(
                import_faults,
                "src/gateway.rs",
                "use crate::{route, state, translate};\nuse crate::wire;"
            ),
            [2]
        );
    }

    #[test]
    fn state_takes_profiles_alone_from_the_rules() {
        let text = "use crate::rules::BodyProfile;\nuse crate::rules::{Rules, profile::X};\nuse crate::rules;";
        assert_eq!(places(import_faults, "src/state/delivery.rs", text), [2, 3]);
    }

    #[test]
    fn unknown_modules_are_found() {
        assert_eq!(places(import_faults, "src/helper.rs", "fn f() {}"), [1]);
        assert_eq!(
            places(import_faults, "src/codec/a.rs", "use crate::Everything;\nuse super::Beside;"),
            [1]
        );
    }

    #[test]
    fn imports_of_tests_and_words_in_text_are_free() {
        let text = "//! crate::wire\nconst A: &str = \"crate::wire\";\n#[cfg(test)]\nmod tests { use crate::wire; }";
        assert_eq!(places(import_faults, "src/codec/a.rs", text), []);
        let files = [
            ("src/lib.rs", "mod codec;"),
            ("src/codec.rs", "#[cfg(test)] mod t;"),
            ("src/codec/t.rs", "use crate::wire;"),
        ];
        assert_eq!(import_faults(&tree(&files)), [""; 0]);
    }

    #[test]
    fn rsip_is_held() {
        let home = "use rsip::Method;\nuse rsip::{StatusCode, Uri};\nuse rsip as r;\nlet m = rsip::Method::try_from(x);\n\
                    fn f() { h.typed(); h.unique_push(x); }\nuse rsip::*;\nuse rsip::headers::Via;\n\
                    impl TryFrom<rsip::StatusCode> for S {}\nimpl TryFrom<rsip::Request> for R {}";
        let mut found = places(rsip_faults, "src/codec/sip/method.rs", home);
        found.sort_unstable();
        assert_eq!(found, [2, 3, 3, 4, 5, 5, 6, 7, 9]);
        assert_eq!(places(rsip_faults, "src/wire/udp.rs", "fn a() {}\nuse rsip::Method;"), [2]);
    }

    #[test]
    fn the_core_stays_pure() {
        let text = "async fn f() { g().await }\nuse tokio::net;\nlet a = std::time::Instant::now();\nuse std::net::{IpAddr, UdpSocket};\n\
                    use std::{collections::HashMap, fs};\ntype M = hashbrown::HashMap<u8, u8>;\nlet b = rand::rng();\nstruct Instant;";
        assert_eq!(places(purity_faults, "src/state/a.rs", text), [1, 1, 2, 3, 4, 5, 5, 7]);
        assert_eq!(
            places(purity_faults, "src/rules/a.rs", "use std::fs;\nlet a = std::fs::read(b);"),
            []
        );
        assert_eq!(places(purity_faults, "src/wire/a.rs", text), []);
    }

    #[test]
    fn panics_on_outside_bytes_are_found() {
        let text = "fn f() { a.unwrap();\n panic!(\"x\");\n b.unwrap_or(0);\n c.expect(\"bad\");\n d.expect(\n  \"a header was checked\");\n\
                    e.expect(b'x');\n todo!()\n}\nconst T: &str = \"a.unwrap()\";\n#[expect(lint)]\nfn g() {}";
        let mut found = places(panic_faults, "src/codec/a.rs", text);
        found.sort_unstable();
        assert_eq!(found, [1, 2, 4, 8]);
        assert_eq!(places(panic_faults, "src/state/a.rs", text), [4]);
    }

    #[test]
    fn octets_that_leave_unmeasured_are_found() {
        let text =
            "fn f() {\n a(Effect::Sip { hop, octets });\n matches!(b, Effect::Xmpp { .. });\n}";
        assert_eq!(places(outgoing_faults, "src/state/link.rs", text), [2]);
        assert_eq!(places(outgoing_faults, "src/state/outgoing.rs", text), [0; 0]);
    }

    #[test]
    fn dead_files_are_found() {
        let files = [
            ("src/lib.rs", "mod a; mod inline { mod b; }\n#[path = \"odd/name.rs\"] mod c;"),
            ("src/main.rs", "fn main() {}"),
            ("src/a/mod.rs", "mod d;"),
            ("src/a/d.rs", "// mod e;"),
            ("src/a/e.rs", ""),
            ("src/inline/b.rs", ""),
            ("src/odd/name.rs", ""),
        ];
        let faults = dead_source_faults(&tree(&files));
        assert_eq!(faults.len(), 1, "{faults:#?}");
        assert!(faults[0].starts_with("src/a/e.rs:1: no `mod` leads here"));
    }

    #[test]
    fn dead_mappings_are_found() {
        let sources = tree(&[(
            "src/rules/mod.rs",
            "include_str!(\"../../mappings/a.yaml\") // mappings/b.yaml",
        )]);
        let mappings =
            ["mappings/a.yaml", "mappings/b.yaml", "mappings/README.md"].map(str::to_owned);
        let faults = dead_mapping_faults(&sources, &mappings);
        assert_eq!(faults.len(), 1, "{faults:#?}");
        assert!(faults[0].starts_with("mappings/b.yaml:1: "));
    }

    #[test]
    fn functions_are_measured() {
        let code = "fn a() -> [u8; 2] {\n 1\n}\ntrait T { fn b(); }\nimpl X {\n fn c(f: fn(u8)) where F: G {\n {}\n }\n}";
        let found: Vec<_> =
            functions(code).iter().map(|function| (function.name, function.lines)).collect();
        assert_eq!(found, [("a", 3), ("c", 3)]);
    }

    #[test]
    fn files_are_measured_without_their_tests() {
        let source =
            Source::new("src/a.rs", "fn a() {}\n\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\n");
        assert_eq!(source.live_lines(), 2);
        let long = tree(&[
            ("src/a.rs", &"fn f() {}\n".repeat(401)),
            ("src/b.rs", &"fn f() {}\n".repeat(400)),
        ]);
        assert_eq!(Lengths::measure(&long).files, BTreeMap::from([("src/a.rs".to_owned(), 401)]));
    }

    #[test]
    fn the_ratchet_turns_down_only() {
        let lengths = |entries: &[(&str, usize)]| Lengths {
            functions: entries.iter().map(|(name, lines)| ((*name).to_owned(), *lines)).collect(),
            files: BTreeMap::new(),
        };
        let recorded = lengths(&[("shorter", 90), ("longer", 60), ("same", 70), ("gone", 80)]);
        let measured = lengths(&[("shorter", 85), ("longer", 61), ("same", 70), ("new", 51)]);
        let faults = recorded.faults(&measured);
        let starts: Vec<&str> =
            faults.iter().filter_map(|fault| fault.split_once(':')).map(|(name, _)| name).collect();
        assert_eq!(starts, ["gone", "longer", "new", "shorter"]);
        assert_eq!(
            recorded.lowered_to(&measured),
            lengths(&[("shorter", 85), ("longer", 60), ("same", 70)])
        );
        assert_eq!(Lengths::parse(&recorded.render()), recorded);
    }

    #[test]
    fn foreign_places_are_found() {
        let faults =
            foreign_faults("docs/a.md", &format!("here\nsee {}x\n", concat!("/wo", "rk/")));
        assert_eq!(faults.len(), 1, "{faults:#?}");
        assert!(faults[0].starts_with("docs/a.md:2: names "));
    }
}
