//! Calls against botocore's models of the services, which are AWS's own: every member of every operation
//! that redress can make exists in the input of AWS's operation, is of its kind, and is sent at the place
//! where botocore's own serializer puts it; what AWS requires is required here or sent in any case; the
//! outputs that are kept exist in the answer. `models_answers.rs` has the names of what is read, and
//! `models_enums.rs` the words that are compared.

use std::{
    cell::Cell,
    io::Write,
    process::{Command, Stdio},
};

use redress::{
    account::Account,
    aws::AwsAccount,
    calls::{Call, SPECS, Spec},
    services,
};
use serde::{
    Deserializer,
    de::{
        Error as _, IntoDeserializer, Visitor,
        value::{Error, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Value, json};

use crate::{
    aws_faults::{Reply, Server, US, connected, script},
    support::python,
};

const BOTOCORE: &str = include_str!("models_botocore.py");

/// Members that AWS requires and a plan may lack: they are sent in any case, as an empty text. A tag without
/// a value occurs only where tags of EC2 are removed.
const SENT_IN_ANY_CASE: &[(&str, &str)] =
    &[("iam:CreateRole", "Value"), ("iam:TagUser", "Value"), ("s3:PutBucketTagging", "Value")];

/// Asks botocore's models; panics with what they do not bear out.
pub(crate) fn ask(mode: &str, questions: &[Value]) -> Vec<Value> {
    let (answers, wrong) = judged(mode, questions);
    assert!(wrong.is_empty(), "{} things are wrong:\n{}", wrong.len(), wrong.join("\n"));
    answers
}

/// Asks botocore's models: the answers, and what they do not bear out.
fn judged(mode: &str, questions: &[Value]) -> (Vec<Value>, Vec<String>) {
    let mut child = Command::new(python())
        .args(["-c", BOTOCORE, mode])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let asked = Value::from(questions).to_string();
    child.stdin.take().expect("a pipe").write_all(asked.as_bytes()).expect("it reads the questions");
    let output = child.wait_with_output().expect("it ends");
    let mut said: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    let answers = serde_json::from_value(said["answers"].take()).expect("a list");
    (answers, serde_json::from_value(said["wrong"].take()).expect("lines"))
}

/// A source of data that has every member that it is asked for: each text and each number another one, and
/// two things in every list.
struct Everything {
    last: Cell<i32>,
}

impl Everything {
    fn number(&self) -> i32 {
        self.last.set(self.last.get() + 1);
        self.last.get()
    }

    fn text(&self) -> String {
        format!("value-of-yet-one-more-member-{}", self.number())
    }
}

impl<'de> Deserializer<'de> for &Everything {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("a member is of a kind that no input of AWS's has"))
    }
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(true)
    }
    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i32(self.number())
    }
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.text())
    }
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.text())
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(SeqDeserializer::new([self, self].into_iter()))
    }
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(MapDeserializer::new([(self.text(), self), (self.text(), self)].into_iter()))
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        members: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(MapDeserializer::new(members.iter().map(|member| (*member, self))))
    }

    forward_to_deserialize_any! {
        i8 i16 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple
        tuple_struct enum identifier ignored_any
    }
}

impl IntoDeserializer<'_, Error> for &Everything {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

/// Returns every operation with an input that has all its members, in AWS's words, and the members that AWS
/// requires, as JSON pointers.
fn calls() -> Vec<(&'static Spec, Value, Vec<String>)> {
    let everything = Everything { last: Cell::new(10_000) };
    let question = |spec: &Spec| {
        let mut input = services::sent(spec.service, spec.operation, &everything)
            .expect("it is registered")
            .unwrap_or_else(|error| panic!("{}:{}: {error}", spec.service, spec.operation));
        // The one member that must have a certain value: it is the region of the call.
        if let Some(region) = input.get_mut("SourceRegion") {
            *region = json!(US);
        }
        json!({ "service": spec.service, "operation": spec.operation, "input": input,
            "outputs": spec.outputs })
    };
    let answers = ask("fill", &SPECS.iter().map(question).collect::<Vec<_>>());
    let call = |(spec, mut answer): (&'static Spec, Value)| {
        let required = serde_json::from_value(answer["required"].take()).expect("pointers");
        (spec, answer["input"].take(), required)
    };
    // The account sends this one only with the secret of a key that it has made: `rotation.rs` has it.
    let with_secret = |spec: &Spec| spec.operation == "PutSecretValue";
    SPECS.iter().zip(answers).filter(|(spec, _)| !with_secret(spec)).map(call).collect()
}

/// Takes a member out of an input.
fn without(input: &Value, pointer: &str) -> Value {
    let (at, member) = pointer.rsplit_once('/').expect("a pointer");
    let mut rest = input.clone();
    let taken = rest.pointer_mut(at).and_then(Value::as_object_mut).and_then(|of| of.shift_remove(member));
    assert!(taken.is_some(), "{pointer} of {input}");
    rest
}

fn sent_in_any_case(spec: &Spec, pointer: &str) -> bool {
    let name = format!("{}:{}", spec.service, spec.operation);
    SENT_IN_ANY_CASE.iter().any(|(of, member)| *of == name && pointer.ends_with(&format!("/{member}")))
}

/// Makes a call and returns the one request that it led to, as a question for botocore. `full` is the input
/// with the member that `left_out` names.
async fn request(account: &AwsAccount, server: &Server, call: Call, full: &Value, left_out: &str) -> Value {
    let before = server.seen.lock().unwrap().len();
    let outcome = account.call(&call).await;
    let (seen, heads) = (server.seen.lock().unwrap(), server.heads.lock().unwrap());
    assert_eq!(seen.len(), before + 1, "{} is one request: {outcome:?}", call.name());
    json!({ "service": call.service, "operation": call.operation, "input": full, "without": left_out,
        "head": heads[before], "body": seen[before].1 })
}

#[test]
fn what_aws_requires_of_an_input_is_required_here_or_sent_in_any_case() {
    for (spec, input, required) in calls() {
        for pointer in required {
            let refused =
                services::checked(spec.service, spec.operation, &without(&input, &pointer)).is_err();
            assert_eq!(
                refused,
                !sent_in_any_case(spec, &pointer),
                "{}:{} {pointer}: AWS requires it",
                spec.service,
                spec.operation
            );
        }
    }
}

#[tokio::test]
async fn every_member_of_every_operation_is_one_of_awss_and_is_sent_where_aws_has_it() {
    let server = Server::start(script(|_, _| Reply::Say(200, "{}".to_owned())));
    let account = connected(&server).await;
    let mut questions = Vec::new();
    for (spec, input, required) in calls() {
        assert_eq!(services::checked(spec.service, spec.operation, &input), Ok(()), "{input}");
        let call = |input| Call::new(spec.service, US, spec.operation, input);
        questions.push(request(&account, &server, call(input.clone()), &input, "").await);
        for pointer in required.iter().filter(|pointer| sent_in_any_case(spec, pointer)) {
            let less = call(without(&input, pointer));
            questions.push(request(&account, &server, less, &input, pointer).await);
        }
    }
    assert!(questions.len() > SPECS.len(), "some leave out what is sent in any case");
    ask("compare", &questions);
}

#[tokio::test]
async fn a_member_that_is_not_sent_is_named() {
    let server = Server::start(script(|_, _| Reply::Say(200, "{}".to_owned())));
    let account = connected(&server).await;
    let dropped = [
        ("CreateVolume", "Throughput"),
        ("EnableKeyRotation", "RotationPeriodInDays"),
        ("PutBucketEncryption", "ServerSideEncryptionConfiguration.Rule[0].BucketKeyEnabled"),
        ("DeleteBucket", "x-amz-expected-bucket-owner"),
    ];
    let mut questions = Vec::new();
    for (spec, input, _) in calls() {
        let Some((_, at)) = dropped.iter().find(|(operation, _)| *operation == spec.operation) else {
            continue;
        };
        // As if the code that sends it had forgotten this one member.
        let pointer = match at.rsplit('.').next() {
            Some("BucketKeyEnabled") => {
                "/ServerSideEncryptionConfiguration/Rules/0/BucketKeyEnabled".to_owned()
            }
            Some("x-amz-expected-bucket-owner") => "/ExpectedBucketOwner".to_owned(),
            _ => format!("/{at}"),
        };
        let less = Call::new(spec.service, US, spec.operation, without(&input, &pointer));
        questions.push(request(&account, &server, less, &input, "").await);
    }
    let (_, wrong) = judged("compare", &questions);
    assert_eq!(wrong.len(), dropped.len(), "{wrong:?}");
    for (operation, at) in dropped {
        assert!(wrong.iter().any(|line| line.contains(operation) && line.contains(at)), "{at}: {wrong:?}");
    }
}
