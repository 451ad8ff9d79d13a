//! The generated pages in `docs/` are what the program says now, and the examples in the guide are good
//! playbooks. `REDRESS_BLESS=1` writes the pages anew.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use redress::{
    playbook,
    report::pages::{all_pages, playbook_reference},
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn markdown_in(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder)
        .map(|dir| dir.filter_map(Result::ok).map(|e| e.path()).collect::<Vec<_>>())
        .unwrap_or_default();
    entries.into_iter().filter(|p| p.extension().is_some_and(|e| e == "md")).collect()
}

#[test]
fn the_pages_in_docs_are_those_that_the_program_makes() {
    let bless = std::env::var_os("REDRESS_BLESS").is_some_and(|v| v == "1");
    let mut stale = Vec::new();
    for (path, content) in all_pages() {
        let file = root().join(&path);
        if fs::read_to_string(&file).is_ok_and(|found| found == content) {
            continue;
        }
        if bless {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, content).unwrap();
        } else {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "these pages are stale; run the tests once with REDRESS_BLESS=1: {stale:?}");
}

#[test]
fn there_is_no_page_of_an_action_that_is_gone() {
    let made: BTreeSet<_> = all_pages().into_iter().map(|(path, _)| root().join(path)).collect();
    let left: Vec<_> =
        markdown_in(&root().join("docs/actions")).into_iter().filter(|p| !made.contains(p)).collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

/// The blocks of TOML in a page, each with the line it begins in.
fn toml_blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (n, line) in page.lines().enumerate() {
        match (&mut open, line.trim_end()) {
            (None, "```toml") => open = Some((n + 2, String::new())),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some((_, text)), line) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks
}

#[test]
fn every_example_in_the_guide_and_on_the_pages_is_a_good_playbook() {
    let mut pages = markdown_in(&root().join("docs/actions"));
    pages.insert(root().join("docs/playbooks.md"));
    let mut seen = 0;
    for page in pages {
        for (line, text) in toml_blocks(&fs::read_to_string(&page).unwrap()) {
            seen += 1;
            let parsed = if text.starts_with("[[waiver]]") {
                playbook::waivers::parse(&text, "example").map(|_| ())
            } else {
                playbook::parse(&text, "example").map(|_| ())
            };
            if let Err(problems) = parsed {
                let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
                // Examples leave what must be given open, in a comment; that is all that may be wrong with
                // them.
                let open =
                    problems.iter().all(|p| p.what.contains("missing parameter") && text.contains(" = ..."));
                assert!(open, "{}, the example in line {line}:\n{}", page.display(), shown.join("\n"));
            }
        }
    }
    assert!(seen >= 10, "only {seen} examples were found");
}

#[test]
fn the_built_in_playbooks_load_and_answer_every_check_that_is_scanned_for() {
    let playbooks = playbook::assemble(playbook::builtin(), Vec::new()).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    let answered: BTreeSet<_> = playbooks.iter().flat_map(|p| p.finding.iter().map(String::as_str)).collect();
    let scanned: BTreeSet<_> = redress::checks::all().filter(|c| c.scanned).map(|c| c.id).collect();
    // Nobody but the root user can take its key away.
    let reported = BTreeSet::from([redress::checks::root_user::ROOT_ACCESS_KEY]);
    assert_eq!(&answered | &reported, scanned);
    assert!(answered.is_disjoint(&reported));
    assert!(playbooks.iter().all(|p| p.approve == playbook::Approve::Ask));
    for (source, _) in playbook::builtin() {
        let file =
            root().join("playbooks").join(source.trim_start_matches("built-in:")).with_extension("toml");
        assert!(file.is_file(), "{source} is in no file");
    }
    let files = fs::read_dir(root().join("playbooks")).unwrap().count();
    assert_eq!(files, playbook::builtin().len(), "a file in playbooks/ is not built in");
}

/// The texts that a reader gets who takes the comment signs off one suggestion: each run of comment lines
/// that are TOML.
fn suggestions(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let bare = |line: &&str| {
        line.strip_prefix("# ")
            .filter(|bare| {
                (bare.starts_with('[') || bare.contains(" = ")) && bare.parse::<toml::Table>().is_ok()
            })
            .map(str::to_owned)
    };
    let mut found = Vec::new();
    let mut n = 0;
    while n < lines.len() {
        let run = lines[n..].iter().take_while(|line| bare(line).is_some()).count();
        if run > 0 {
            let taken = lines.iter().enumerate().map(|(at, line)| {
                bare(line).filter(|_| (n..n + run).contains(&at)).unwrap_or_else(|| (*line).to_owned())
            });
            found.push(taken.collect::<Vec<_>>().join("\n"));
        }
        n += run.max(1);
    }
    found
}

#[test]
fn every_suggestion_in_the_comments_of_a_built_in_playbook_is_good() {
    let mut seen = 0;
    for (source, text) in playbook::builtin() {
        for suggested in suggestions(&text) {
            seen += 1;
            let problems = playbook::parse(&suggested, &source).err().unwrap_or_default();
            assert!(
                problems.is_empty(),
                "{}",
                problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            );
        }
    }
    assert!(seen >= 8, "only {seen} suggestions were found");
}

#[test]
fn the_reference_names_every_key_that_the_guide_uses() {
    let reference = playbook_reference();
    for key in [
        "id",
        "title",
        "finding",
        "approve",
        "severity",
        "regions",
        "tags",
        "without_tags",
        "resources",
        "use",
        "with",
        "max_changes",
        "max_percent",
        "protected_tags",
    ] {
        assert!(reference.contains(&format!("| `{key}` |")), "{key}");
    }
}

#[test]
fn every_file_that_a_page_names_is_there() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut missing, mut seen) = (Vec::new(), 0);
    for folder in [top.to_path_buf(), top.join("docs"), top.join("docs/decisions"), top.join("docs/actions")]
    {
        let pages = fs::read_dir(folder).unwrap().map(|page| page.unwrap().path());
        for page in pages.filter(|page| page.extension().is_some_and(|e| e == "md")) {
            let text = fs::read_to_string(&page).unwrap();
            for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next()) {
                seen += 1;
                if !link.is_empty() && !link.contains("://") && !page.parent().unwrap().join(link).exists() {
                    missing.push(format!("{}: {link}", page.display()));
                }
            }
            let words = text.split(|c: char| c.is_whitespace() || "`()[],;|".contains(c));
            let files = words.filter(|w| ["src/", "tests/"].iter().any(|folder| w.starts_with(folder)));
            let files =
                files.map(|file| file.trim_end_matches(['.', ':'])).filter(|file| file.ends_with(".rs"));
            for file in files.filter(|file| !file.contains(['*', '<'])) {
                seen += 1;
                if !top.join(file).exists() {
                    missing.push(format!("{}: {file}", page.display()));
                }
            }
        }
    }
    assert!(seen > 50 && missing.is_empty(), "{seen} seen, missing: {missing:#?}");
}

/// The names of tests in backquotes: words in one, long enough to be no name of anything else.
fn tests_named(page: &str) -> Vec<String> {
    let quoted = page.split('`').skip(1).step_by(2);
    let words = quoted.flat_map(|text| text.split([' ', ':'])).map(str::trim);
    words.filter(|word| word.matches('_').count() > 4 && !word.contains('/')).map(str::to_owned).collect()
}

#[test]
fn every_test_on_the_page_about_the_truth_on_aws_exists() {
    let page = fs::read_to_string(root().join("docs/aws-truth.md")).unwrap();
    let mut sources = String::new();
    let mut folders = vec![root().join("src"), root().join("tests/it")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.extension() {
                _ if entry.is_dir() => folders.push(entry),
                Some(end) if end == "rs" => sources.push_str(&fs::read_to_string(entry).unwrap()),
                _ => {}
            }
        }
    }
    let named = tests_named(&page);
    assert!(named.len() > 50, "the page is read: {named:?}");
    let missing: Vec<_> =
        named.into_iter().filter(|name| !sources.contains(&format!("fn {name}("))).collect();
    assert_eq!(missing, Vec::<String>::new());
}
