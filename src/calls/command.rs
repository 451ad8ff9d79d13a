//! A call as a command of the AWS CLI: for programs that a plan is exported to, and for a person who makes
//! one call by hand. The content of a tag or a description remains text: literals are written in single
//! quotes and in ASCII.

use serde_json::Value;

use super::Call;

/// Writes a call whose input holds no reference as one command.
pub fn command(call: &Call) -> String {
    let region =
        if call.region.is_empty() { String::new() } else { format!(" --region {}", clean(&call.region)) };
    let (service, operation) = (clean(service(&call.service)), kebab(&clean(&call.operation)));
    format!("aws {service} {operation}{region} --cli-input-json {}", quoted(&ascii(&call.input)))
}

/// The CLI's names of services that have another one in IAM.
const NAMES: [(&str, &str); 2] = [("s3", "s3api"), ("elasticloadbalancing", "elbv2")];

/// Returns the CLI's name of a service.
pub fn service(service: &str) -> &str {
    NAMES.iter().find(|(iam, _)| *iam == service).map_or(service, |(_, cli)| cli)
}

/// Quotes a text as one word that the shell leaves alone.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Writes a value as JSON in ASCII, on one line.
pub fn ascii(value: &Value) -> String {
    ascii_json(&value.to_string())
}

/// Escapes all characters of a JSON document that are not ASCII. Outside of strings JSON has none, except for
/// its line breaks.
pub fn ascii_json(document: &str) -> String {
    let mut text = String::new();
    let mut rest = document.chars().peekable();
    while let Some(c) = rest.next() {
        let command = c == '#' && rest.peek() == Some(&'#');
        if c == '\n' || (c.is_ascii() && !c.is_ascii_control() && !command) {
            text.push(c);
        } else {
            let mut units = [0; 2];
            text.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    text
}

/// Replaces every character of a name that the shell could interpret by `_`.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect()
}

/// Returns the CLI's name of an operation: `create-flow-logs`. An abbreviation is one word:
/// `list-mfa-devices`.
pub fn kebab(operation: &str) -> String {
    let mut text = String::new();
    let mut rest = operation.chars().peekable();
    let mut before = None;
    while let Some(c) = rest.next() {
        let begins = before.is_some_and(|b: char| !b.is_ascii_uppercase())
            || rest.peek().is_some_and(char::is_ascii_lowercase);
        if c.is_ascii_uppercase() && before.is_some() && begins {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
        before = Some(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_is_one_command_whatever_its_input_holds() {
        let tags =
            json!({ "Resources": ["vol-1"], "Tags": [{ "Key": "Name", "Value": "it's \u{e9}; $(x)" }] });
        let said = command(&Call::new("ec2", "us-east-1", "CreateTags", tags));
        let input = r#"'{"Resources":["vol-1"],"Tags":[{"Key":"Name","Value":"it'\''s \u00e9; $(x)"}]}'"#;
        assert_eq!(said, format!("aws ec2 create-tags --region us-east-1 --cli-input-json {input}"));
        assert!(
            command(&Call::new("s3", "", "DeleteBucket", json!({})))
                .starts_with("aws s3api delete-bucket --cli")
        );
    }
}
