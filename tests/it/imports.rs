//! The imports of a source file, and the paths in it, read off its code.

/// A path, part by part.
pub type Name = Vec<String>;

/// Returns the paths of a tree of imports, each with the name under which it is known from then on: `a::{b,
/// c as d}` names `a::b` and `a::c`, which is known as `d`.
fn paths(tree: &str) -> Vec<(Name, String)> {
    let tree = tree.trim();
    let Some((base, inner)) = tree.split_once('{') else {
        let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
        let path: Name = path.split("::").map(|part| part.trim().to_owned()).collect();
        let name = if alias.is_empty() { path[path.len() - 1].clone() } else { alias.trim().to_owned() };
        return vec![(path, name)];
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
    whole.map(|(path, name)| (base.iter().cloned().chain(path).collect(), name)).collect()
}

/// An import: its paths, and whether others may name them here.
pub struct Import {
    pub public: bool,
    pub paths: Vec<(Name, String)>,
}

/// Returns the imports of code, and the rest of it.
pub fn imports(code: &str) -> (Vec<Import>, String) {
    let (mut all, mut rest) = (Vec::new(), String::new());
    for statement in code.split_inclusive(';') {
        let begins = |line: &str| {
            let line = line.trim_start();
            let (public, line) = match line.strip_prefix("pub") {
                Some(line) => (true, line.trim_start_matches(|c| c != ' ').trim_start()),
                None => (false, line),
            };
            line.strip_prefix("use ").map(|_| public)
        };
        let mut at = 0;
        let found = statement.split_inclusive('\n').find_map(|line| {
            let public = begins(line);
            at += line.len();
            public.map(|public| (public, at - line.len()))
        });
        match found {
            Some((public, at)) => {
                let tree = statement[at..].split_once("use ").map_or("", |(_, tree)| tree);
                all.push(Import { public, paths: paths(tree.trim_end_matches(';')) });
                rest.push_str(&statement[..at]);
            }
            None => rest.push_str(statement),
        }
    }
    (all, rest)
}

/// Returns all paths that code imports, and those in it that begin with `crate` or `super`.
pub fn named(code: &str) -> Vec<Name> {
    let (imports, rest) = imports(code);
    let mut all: Vec<Name> =
        imports.into_iter().flat_map(|import| import.paths).map(|(path, _)| path).collect();
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
