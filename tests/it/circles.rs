//! No files of a room import each other in a circle: read off the sources. A module and the modules inside it
//! count as one, since a module always knows its parts.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::layering::{code, sources};

const SRC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

type Name = Vec<String>;

/// Returns the module that a file holds: `cli/shared/mod.rs` holds `cli::shared`.
fn module(path: &Path) -> Name {
    let relative = path.strip_prefix(SRC).unwrap().with_extension("");
    let mut name: Name = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if name.last().is_some_and(|last| last == "mod" || last == "lib") {
        name.pop();
    }
    name
}

/// Returns the paths of a tree of imports: `a::{b, c::d}` names `a::b` and `a::c::d`.
fn paths(tree: &str) -> Vec<Name> {
    let tree = tree.trim();
    let Some((base, inner)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.split("::").map(|part| part.trim().to_owned()).collect()];
    };
    let base: Name = base.split("::").map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned).collect();
    let inner = inner.trim_end().strip_suffix('}').unwrap_or(inner);
    let (mut depth, mut item, mut items) = (0, String::new(), Vec::new());
    for c in inner.chars().chain([',']) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(std::mem::take(&mut item));
                continue;
            }
            _ => {}
        }
        item.push(c);
    }
    let whole = items.iter().filter(|item| !item.trim().is_empty()).flat_map(|item| paths(item));
    whole.map(|path| base.iter().cloned().chain(path).collect()).collect()
}

/// Returns all paths that begin with `crate`, `super` or `self`, or with a module beside: in imports, and in
/// the code itself.
fn named(code: &str) -> Vec<Name> {
    let mut all = Vec::new();
    let mut rest = String::new();
    for statement in code.split_inclusive(';') {
        let at = statement.rfind("\nuse ").or_else(|| statement.starts_with("use ").then_some(0));
        match at {
            Some(at) => {
                let tree = statement[at..].trim().trim_start_matches("use ").trim_end_matches(';');
                all.extend(paths(tree));
                rest.push_str(&statement[..at]);
            }
            None => rest.push_str(statement),
        }
    }
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    for start in ["crate::", "super::"] {
        for (at, _) in rest.match_indices(start) {
            if rest[..at].chars().next_back().is_none_or(|c| !word(c)) {
                let path: String = rest[at..].chars().take_while(|c| word(*c)).collect();
                all.push(path.split("::").map(str::to_owned).collect());
            }
        }
    }
    all
}

/// Returns the path from the root of the crate that a module means by a path of its own.
fn absolute(module: &[String], path: &[String]) -> Name {
    let (mut base, mut path) = (module.to_vec(), path);
    match path.first().map(String::as_str) {
        Some("crate") => return path[1..].to_vec(),
        Some("self") => path = &path[1..],
        _ => {}
    }
    while path.first().is_some_and(|part| part == "super") {
        base.pop();
        path = &path[1..];
    }
    base.into_iter().chain(path.iter().cloned()).collect()
}

/// Returns the modules that each module of the crate names, but for those around it and inside it.
fn edges(files: &[(Name, String)]) -> BTreeMap<Name, BTreeSet<Name>> {
    let known: BTreeSet<&Name> = files.iter().map(|(name, _)| name).collect();
    let around = |a: &Name, b: &Name| a.starts_with(b) || b.starts_with(a);
    let one = |(module, code): &(Name, String)| {
        let target = |path: Name| {
            let mut path = absolute(module, &path);
            while !path.is_empty() && !known.contains(&path) {
                path.pop();
            }
            path
        };
        let to = named(code).into_iter().map(target).filter(|to| !around(to, module)).collect();
        (module.clone(), to)
    };
    files.iter().map(one).collect()
}

/// Returns a way from a module back to itself, where there is one.
fn circle(from: &Name, edges: &BTreeMap<Name, BTreeSet<Name>>) -> Option<Vec<String>> {
    let mut came: BTreeMap<&Name, &Name> = BTreeMap::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        for to in &edges[at] {
            if to == from {
                let mut way = vec![to, at];
                while way[way.len() - 1] != from {
                    way.push(came[way[way.len() - 1]]);
                }
                return Some(way.into_iter().rev().map(|name| name.join("::")).collect());
            }
            if edges.contains_key(to) && !came.contains_key(to) {
                came.insert(to, at);
                open.push(to);
            }
        }
    }
    None
}

fn circles(files: &[(Name, String)]) -> Vec<String> {
    let edges = edges(files);
    edges.keys().filter_map(|module| circle(module, &edges)).map(|way| way.join(" -> ")).collect()
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let files: Vec<(Name, String)> =
        sources(Path::new(SRC)).iter().map(|path| (module(path), code(path))).collect();
    let seen: usize = edges(&files).values().map(BTreeSet::len).sum();
    assert!(seen > 1000, "the reader of imports found {seen}");
    let found = circles(&files);
    assert!(found.is_empty(), "{} circles:\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_reader_finds_a_circle() {
    let file =
        |name: &str, code: &str| (name.split("::").map(str::to_owned).collect::<Name>(), code.to_owned());
    let a = file("room::a", "use std::fmt;\nuse super::{\n    b::{self, B},\n};\n");
    let b = file("room::b", "use crate::room::c::C;\nfn f() {}\n");
    let c = file("room::c", "fn f() { super::a::g(); }\n");
    let parent = file("room", "mod a;\nuse self::a::A;\n");
    let whole = [a, b, c, parent];
    assert_eq!(circles(&whole)[0], "room::a -> room::b -> room::c -> room::a");
    assert!(circles(&whole[..2]).is_empty() && circles(&whole[1..]).is_empty());
}
