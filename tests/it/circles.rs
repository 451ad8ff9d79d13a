//! No files of a room import each other in a circle: read off the sources. What a module lends from another
//! counts as that other's. A part may name the modules around it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    imports::{Name, imports, named},
    layering::{code, sources},
};

const SRC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// Returns the module that a file holds: `cli/shared/mod.rs` holds `cli::shared`.
fn module(path: &Path) -> Name {
    let relative = path.strip_prefix(SRC).unwrap().with_extension("");
    let mut name: Name = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if name.last().is_some_and(|last| last == "mod" || last == "lib") {
        name.pop();
    }
    name
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

/// The modules of the crate, and the names that each lends from others.
struct House<'f> {
    known: BTreeSet<&'f Name>,
    lent: BTreeMap<(&'f Name, String), Name>,
}

impl<'f> House<'f> {
    fn of(files: &'f [(Name, String)]) -> Self {
        let mut lent = BTreeMap::new();
        for (module, code) in files {
            for import in imports(code).0.into_iter().filter(|import| import.public) {
                for (path, name) in import.paths {
                    assert_ne!(name, "*", "{module:?} lends all of another: the reader does not see what");
                    lent.insert((module, name), absolute(module, &path));
                }
            }
        }
        Self { known: files.iter().map(|(name, _)| name).collect(), lent }
    }

    /// Returns the module in which a path ends, through the names that modules lend.
    fn target(&self, path: &[String]) -> Name {
        self.through(path, 8)
    }

    /// As [`Self::target`], through at most so many modules that lend the name.
    fn through(&self, path: &[String], most_lent: usize) -> Name {
        let most = (0..=path.len()).rev().find(|len| self.known.contains(&path[..*len].to_vec()));
        let module = path[..most.unwrap_or(0)].to_vec();
        let lent = path.get(module.len()).and_then(|name| self.lent.get(&(&module, name.clone())));
        match lent {
            Some(from) if most_lent > 0 && from[..] != path[..=module.len()] => {
                let on: Name = from.iter().chain(&path[module.len() + 1..]).cloned().collect();
                self.through(&on, most_lent - 1)
            }
            _ => module,
        }
    }
}

/// Returns the modules that each module of the crate names, but for those around it: what a part needs of the
/// whole is no circle, unless another part of the whole needs it back.
fn edges(files: &[(Name, String)]) -> BTreeMap<Name, BTreeSet<Name>> {
    let house = House::of(files);
    let one = |(module, code): &(Name, String)| {
        let targets = named(code).into_iter().map(|path| house.target(&absolute(module, &path)));
        (module.clone(), targets.filter(|to| !module.starts_with(to)).collect())
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
    assert!(seen > 2500, "the reader of imports found {seen}");
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

#[test]
fn a_circle_through_a_name_that_the_room_lends_is_found() {
    let file =
        |name: &str, code: &str| (name.split("::").map(str::to_owned).collect::<Name>(), code.to_owned());
    let room = file("room", "mod a;\nmod b;\n\npub(crate) use a::{\n    A,\n    Other,\n};\npub use b::B;\n");
    let a = file("room::a", "use super::B;\npub struct A;\n");
    let b = file("room::b", "pub struct B;\nfn f() { crate::room::A::new() }\n");
    assert_eq!(circles(&[room, a, b])[0], "room::a -> room::b -> room::a");
    let room = file("room", "pub use b::B as Bee;\n");
    let a = file("room::a", "fn f() {\n    use super::{\n        Bee,\n    };\n}\n");
    let b = file("room::b", "use super::a::A;\n");
    assert_eq!(circles(&[room, a, b])[0], "room::a -> room::b -> room::a");
    assert_eq!(module(&Path::new(SRC).join("cli/shared/mod.rs")), ["cli", "shared"]);
    assert_eq!(module(&Path::new(SRC).join("lib.rs")), [""; 0]);
}
