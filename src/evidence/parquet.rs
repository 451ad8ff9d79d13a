//! Reads flow logs that are Parquet: the same fields, with `_` for `-` in their names, and nulls for `-`
//! (<https://docs.aws.amazon.com/athena/latest/ug/vpc-flow-logs-parquet.html>). Only the columns that are
//! asked for are decoded.

use std::sync::Arc;

use parquet::{
    errors::ParquetError,
    file::reader::{ChunkReader, FileReader, SerializedFileReader},
    record::{self, Row},
    schema::types::Type,
};

use super::{
    Bad, Flow, Layout, Sink,
    layout::{FIELDS, Field},
    text::{outcome, status, way, wrong},
};

/// The first bytes of a Parquet file.
pub const MAGIC: [u8; 4] = *b"PAR1";

/// Reads a log, and returns the number of its records.
///
/// # Errors
/// The first row that is no record, with the reason; row 0 for the file as a whole.
pub fn read(file: impl ChunkReader + 'static, sink: &mut impl Sink) -> Result<u64, Bad> {
    let whole = |what: String| Bad { line: 0, what };
    let reader = SerializedFileReader::new(file).map_err(|error| whole(broken(&error)))?;
    let schema = reader.metadata().file_metadata().schema().clone();
    let names: Vec<String> = schema.get_fields().iter().map(|one| one.name().replace('_', "-")).collect();
    let layout = Layout::of(names.iter().map(String::as_str)).map_err(whole)?;
    if !FIELDS.iter().any(|(_, field)| layout.at(*field).is_some()) {
        return Err(whole("no column is a field of a flow log".to_owned()));
    }
    sink.accepts(&layout).map_err(whole)?;
    let (fields, columns): (Vec<Field>, Vec<Arc<Type>>) = schema
        .get_fields()
        .iter()
        .zip(&names)
        .filter_map(|(column, name)| Some((known(name)?, Arc::clone(column))))
        .unzip();
    let wanted = Type::group_type_builder(schema.name())
        .with_fields(columns)
        .build()
        .map_err(|error| whole(broken(&error)))?;
    let rows = reader.get_row_iter(Some(wanted)).map_err(|error| whole(broken(&error)))?;
    let mut records = 0;
    for row in rows {
        records += 1;
        let bad = |what: String| Bad { line: records, what };
        let row = row.map_err(|error| bad(broken(&error)))?;
        one(&fields, &row, sink).map_err(bad)?;
    }
    Ok(records)
}

fn broken(error: &ParquetError) -> String {
    let text: String = error.to_string().chars().take(200).collect();
    format!("the Parquet file is damaged, or cut off: {text}")
}

fn known(name: &str) -> Option<Field> {
    FIELDS.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
}

fn one(fields: &[Field], row: &Row, sink: &mut impl Sink) -> Result<(), String> {
    let (mut flow, mut said, mut place) = (Flow::default(), None, None);
    for (field, (_, value)) in fields.iter().zip(row.get_column_iter()) {
        let value = Value { field: *field, value };
        match field {
            Field::Interface => {
                let interface = value.text()?.unwrap_or_default();
                place = sink.place(interface);
                if place.is_none() {
                    return Ok(());
                }
            }
            Field::Source => flow.source = value.address()?,
            Field::Destination => flow.destination = value.address()?,
            Field::PacketSource => flow.packet_source = value.address()?,
            Field::PacketDestination => flow.packet_destination = value.address()?,
            Field::SourcePort => flow.source_port = value.number()?,
            Field::DestinationPort => flow.destination_port = value.number()?,
            Field::Protocol => flow.protocol = value.number()?,
            Field::Packets => flow.packets = value.number()?.unwrap_or(0),
            Field::Bytes => flow.bytes = value.number()?.unwrap_or(0),
            Field::Start => flow.start = value.number::<u32>()?.map(i64::from),
            Field::End => flow.end = value.number::<u32>()?.map(i64::from),
            Field::Action => flow.outcome = value.text()?.map(outcome).transpose()?,
            Field::Status => said = value.text()?,
            Field::Direction => flow.way = value.text()?.map(way).transpose()?,
            Field::TcpFlags => flow.tcp_flags = value.number()?,
        }
    }
    flow.status = status(said, &flow)?;
    if let Some(place) = place {
        sink.take(place, &flow);
    }
    Ok(())
}

/// One value of a row.
struct Value<'a> {
    field: Field,
    value: &'a record::Field,
}

impl<'a> Value<'a> {
    fn text(&self) -> Result<Option<&'a [u8]>, String> {
        let bytes = match self.value {
            record::Field::Null => return Ok(None),
            record::Field::Str(text) => text.as_bytes(),
            record::Field::Bytes(bytes) => bytes.data(),
            _ => return Err(wrong(self.field, "no text", self.shown().as_bytes())),
        };
        Ok(Some(bytes).filter(|bytes| *bytes != b"-"))
    }

    fn address(&self) -> Result<Option<std::net::IpAddr>, String> {
        let Some(value) = self.text()? else { return Ok(None) };
        let parsed = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        parsed.map(Some).ok_or_else(|| wrong(self.field, "no address", value))
    }

    fn number<N: TryFrom<i128>>(&self) -> Result<Option<N>, String> {
        let number = match self.value {
            record::Field::Null => return Ok(None),
            record::Field::Byte(number) => i128::from(*number),
            record::Field::Short(number) => i128::from(*number),
            record::Field::Int(number) => i128::from(*number),
            record::Field::Long(number) => i128::from(*number),
            record::Field::UByte(number) => i128::from(*number),
            record::Field::UShort(number) => i128::from(*number),
            record::Field::UInt(number) => i128::from(*number),
            record::Field::ULong(number) => i128::from(*number),
            _ => return Err(wrong(self.field, "no number", self.shown().as_bytes())),
        };
        let fits = N::try_from(number).ok();
        fits.map(Some).ok_or_else(|| wrong(self.field, "no number that it can be", self.shown().as_bytes()))
    }

    fn shown(&self) -> String {
        self.value.to_string()
    }
}
