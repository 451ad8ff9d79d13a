//! Good JSON with a few things about it changed, as the fuzzer's bytes say. Bytes alone hardly ever make JSON
//! that a reader looks into; this way nearly every input is such JSON, and what is learned is about the
//! reader.

// Each target uses its part of it.
#![allow(dead_code, reason = "shared by programs of which each uses a part")]

use serde_json::{Value, json};

/// An input that begins with less than this asks for edits. No text begins so, nor does gzip.
const EDITS: u8 = 0x10;
/// So many copies of a sample at most.
const COPIES: usize = 6;
/// No sample grows beyond this size, in bytes or so: doubling is cheap to ask for.
const LARGEST: usize = 1 << 17;

/// The bytes as they are, or the edits of a sample that they ask for: the first byte chooses which sample.
pub fn input(samples: &[&str], bytes: &[u8]) -> Vec<u8> {
    match bytes.split_first() {
        Some((which, rest)) if *which < EDITS && !samples.is_empty() => {
            let documents = edited(&documents(samples[usize::from(*which) % samples.len()]), rest);
            documents.iter().map(|d| format!("{d}\n")).collect::<String>().into_bytes()
        }
        _ => bytes.to_vec(),
    }
}

/// The edits that bytes ask for, where they ask for any.
pub fn asked(bytes: &[u8]) -> Option<&[u8]> {
    bytes.split_first().filter(|(first, _)| **first < EDITS).map(|(_, rest)| rest)
}

/// The documents that stand one after the other in a sample.
pub fn documents(sample: &str) -> Vec<Value> {
    serde_json::Deserializer::from_str(sample)
        .into_iter()
        .collect::<Result<_, _>>()
        .expect("the sample is good JSON")
}

/// Documents with the edits that bytes ask for.
pub fn edited(sample: &[Value], bytes: &[u8]) -> Vec<Value> {
    let (mut taken, mut done, mut working) = (Taken(bytes), Vec::new(), Value::Array(sample.to_vec()));
    while let Some(op) = taken.byte() {
        if op == 0xff && done.len() < COPIES {
            done.push(std::mem::replace(&mut working, Value::Array(sample.to_vec())));
            continue;
        }
        let mut at = taken.number() % nodes(&working);
        edit(&mut working, &mut at, &mut |node| one(node, op, &mut taken, sample));
        if size(&working) > LARGEST {
            break;
        }
    }
    done.push(working);
    done.into_iter().flat_map(|all| if let Value::Array(all) = all { all } else { vec![all] }).collect()
}

/// What is left of the fuzzer's bytes.
struct Taken<'a>(&'a [u8]);

impl Taken<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }
    fn number(&mut self) -> usize {
        usize::from(self.byte().unwrap_or(0)) | usize::from(self.byte().unwrap_or(0)) << 8
    }
    fn text(&mut self) -> String {
        let (text, rest) = self.0.split_at(usize::from(self.byte().unwrap_or(0) % 48).min(self.0.len()));
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Object(map) => map.values().map(nodes).sum(),
        Value::Array(items) => items.iter().map(nodes).sum(),
        _ => 0,
    }
}

fn size(value: &Value) -> usize {
    8 + match value {
        Value::Object(map) => map.iter().map(|(key, v)| key.len() + size(v)).sum(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::String(text) => text.len(),
        _ => 0,
    }
}

/// Does something to the node at a place, counted in depth.
fn edit(value: &mut Value, at: &mut usize, f: &mut dyn FnMut(&mut Value)) -> bool {
    if *at == 0 {
        f(value);
        return true;
    }
    *at -= 1;
    match value {
        Value::Object(map) => map.values_mut().any(|v| edit(v, at, f)),
        Value::Array(items) => items.iter_mut().any(|v| edit(v, at, f)),
        _ => false,
    }
}

fn one(node: &mut Value, op: u8, taken: &mut Taken<'_>, sample: &[Value]) {
    match op % 8 {
        0 => *node = plant(taken.byte().unwrap_or(0)),
        1 => *node = json!(taken.text()),
        2 => {
            let mut bytes = [0; 8];
            bytes.iter_mut().for_each(|b| *b = taken.byte().unwrap_or(0));
            *node =
                if op & 8 == 0 { json!(i64::from_le_bytes(bytes)) } else { json!(f64::from_le_bytes(bytes)) };
        }
        3 => {
            let mut other = Value::Array(sample.to_vec());
            let mut from = taken.number() % nodes(&other);
            let mut found = Value::Null;
            edit(&mut other, &mut from, &mut |v| found = v.clone());
            *node = found;
        }
        4 => remove(node, taken.number()),
        5 => more(node, taken),
        6 => *node = if op & 8 == 0 { json!([node.clone()]) } else { json!(node.to_string()) },
        _ => *node = json!(format!("{}{}", node.as_str().unwrap_or(""), taken.text())),
    }
}

/// What readers stumble over.
fn plant(which: u8) -> Value {
    let all = [
        json!(null),
        json!([]),
        json!({}),
        json!(""),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!(true),
        json!(false),
        json!("::::::"),
        json!("*"),
        json!("arn:aws:ec2:us-east-1:999999999999:security-group/sg-0aaaaaaaaaaaaaaa1"),
        json!("x".repeat(5000)),
        json!([[[[[[[[]]]]]]]]),
        json!("0001-01-01T00:00:00Z"),
    ];
    all[usize::from(which) % all.len()].clone()
}

fn remove(node: &mut Value, at: usize) {
    match node {
        Value::Object(map) => {
            let key = map.keys().nth(at % map.len().max(1)).cloned();
            key.and_then(|k| map.shift_remove(&k));
        }
        Value::Array(items) if !items.is_empty() => drop(items.remove(at % items.len())),
        other => *other = Value::Null,
    }
}

/// One more of what is there: an element doubled, a member under another name.
fn more(node: &mut Value, taken: &mut Taken<'_>) {
    let at = taken.number();
    match node {
        Value::Object(map) if !map.is_empty() => {
            let value = map.values().nth(at % map.len()).cloned().unwrap_or_default();
            map.insert(taken.text(), value);
        }
        Value::Array(items) if !items.is_empty() => items.push(items[at % items.len()].clone()),
        _ => *node = json!({ taken.text(): node.clone() }),
    }
}
