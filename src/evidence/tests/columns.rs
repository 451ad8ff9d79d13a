//! Parquet, written here with the columns that AWS documents
//! (<https://docs.aws.amazon.com/athena/latest/ug/vpc-flow-logs-parquet.html>).

use std::{io::Write, sync::Arc};

use parquet::{
    basic::Compression,
    data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};

use super::All;
use crate::evidence::{Bad, Flow, Outcome, Status, Way, parquet::read};

const SCHEMA: &str = "message flow_logs {
    OPTIONAL INT32 version; OPTIONAL BINARY account_id (UTF8); OPTIONAL BINARY interface_id (UTF8);
    OPTIONAL BINARY srcaddr (UTF8); OPTIONAL BINARY dstaddr (UTF8); OPTIONAL INT32 srcport;
    OPTIONAL INT32 dstport; OPTIONAL INT64 protocol; OPTIONAL INT64 packets; OPTIONAL INT64 bytes;
    OPTIONAL INT64 start; OPTIONAL INT64 end; OPTIONAL BINARY action (UTF8);
    OPTIONAL BINARY log_status (UTF8); OPTIONAL BINARY flow_direction (UTF8); OPTIONAL INT32 tcp_flags;
}";

enum Column<'a> {
    Text(&'a [Option<&'a str>]),
    Small(&'a [Option<i32>]),
    Large(&'a [Option<i64>]),
}

fn written(schema: &str, columns: &[Column<'_>]) -> Vec<u8> {
    fn levels<T>(values: &[Option<T>]) -> Vec<i16> {
        values.iter().map(|value| i16::from(value.is_some())).collect()
    }
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let compressed = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(compressed)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for column in columns {
        let mut into = group.next_column().unwrap().unwrap();
        match column {
            Column::Text(values) => {
                let present: Vec<ByteArray> =
                    values.iter().flatten().map(|text| ByteArray::from(*text)).collect();
                into.typed::<ByteArrayType>().write_batch(&present, Some(&levels(values)), None).unwrap();
            }
            Column::Small(values) => {
                let present: Vec<i32> = values.iter().flatten().copied().collect();
                into.typed::<Int32Type>().write_batch(&present, Some(&levels(values)), None).unwrap();
            }
            Column::Large(values) => {
                let present: Vec<i64> = values.iter().flatten().copied().collect();
                into.typed::<Int64Type>().write_batch(&present, Some(&levels(values)), None).unwrap();
            }
        }
        into.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

fn log(port: i32, action: &str) -> Vec<u8> {
    use Column::{Large, Small, Text};
    written(
        SCHEMA,
        &[
            Small(&[Some(5), Some(5)]),
            Text(&[Some("123456789010"), Some("123456789010")]),
            Text(&[Some("eni-0a1"), Some("eni-0a2")]),
            Text(&[Some("203.0.113.7"), None]),
            Text(&[Some("10.0.0.5"), None]),
            Small(&[Some(40000), None]),
            Small(&[Some(port), None]),
            Large(&[Some(6), None]),
            Large(&[Some(3), None]),
            Large(&[Some(180), None]),
            Large(&[Some(1000), Some(1000)]),
            Large(&[Some(1060), Some(1060)]),
            Text(&[Some(action), None]),
            Text(&[Some("OK"), Some("NODATA")]),
            Text(&[Some("ingress"), None]),
            Small(&[Some(2), None]),
        ],
    )
}

fn all(bytes: Vec<u8>) -> Result<Vec<(String, Flow)>, Bad> {
    let mut all = All::default();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    let records = read(file, &mut all)?;
    assert_eq!(records, all.flows.len() as u64);
    Ok(all.flows)
}

#[test]
fn columns_are_read_as_fields_and_nulls_as_no_value() {
    let expected = Flow {
        source: Some("203.0.113.7".parse().unwrap()),
        destination: Some("10.0.0.5".parse().unwrap()),
        source_port: Some(40000),
        destination_port: Some(22),
        protocol: Some(6),
        packets: 3,
        bytes: 180,
        start: Some(1000),
        end: Some(1060),
        outcome: Some(Outcome::Accepted),
        way: Some(Way::In),
        tcp_flags: Some(2),
        ..Flow::default()
    };
    let nothing = Flow { status: Status::NoData, start: Some(1000), end: Some(1060), ..Flow::default() };
    assert_eq!(
        all(log(22, "ACCEPT")).unwrap(),
        [("eni-0a1".to_owned(), expected), ("eni-0a2".to_owned(), nothing)]
    );
}

#[test]
fn values_that_cannot_be_and_damaged_files_are_refused() {
    for (bytes, line, words) in [
        (log(70_000, "ACCEPT"), 1, "dstport is no number that it can be: \"70000\""),
        (log(22, "DROP"), 1, "action is neither"),
        (log(22, "ACCEPT")[..400].to_vec(), 0, "damaged, or cut off"),
        (b"PAR1".to_vec(), 0, "damaged, or cut off"),
        (written("message m { OPTIONAL INT32 x; }", &[Column::Small(&[Some(1)])]), 0, "no column is a field"),
    ] {
        let bad = all(bytes).expect_err(words);
        assert_eq!((bad.line, bad.what.contains(words)), (line, true), "{bad}");
    }
}

#[test]
fn no_cut_of_a_file_is_read_as_whole() {
    let whole = log(22, "ACCEPT");
    for length in 0..whole.len() {
        assert!(all(whole[..length].to_vec()).is_err(), "{length} of {} bytes", whole.len());
    }
}
