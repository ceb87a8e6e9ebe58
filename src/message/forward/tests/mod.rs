//! Tests of inline forwards, on bodies written for this project.

mod containers;
mod generated;
mod hostile;
mod literal;
mod parts;

use std::sync::LazyLock;

use super::super::rendered::Rendered;
use super::{Address, ForwardTable, Split};

/// The table as it ships.
static TABLE: LazyLock<ForwardTable> =
    LazyLock::new(|| ForwardTable::parse("forwards.toml", DATA).unwrap_or_else(|error| panic!("{error}")));

/// The table's source.
const DATA: &str = include_str!("../../../../data/forwards.toml");

/// What every fixture forwards.
const BODY: &str =
    "Dear customer,\n\nYour parcel is held. Pay the fee today: http://parcel-fee.test/pay\n\nThe parcel desk";

/// Splits plain text.
fn split(subject: &str, text: &str) -> Option<Split> {
    TABLE.split(subject, &plain(text))
}

/// Plain text as a rendered body.
fn plain(text: &str) -> Rendered {
    Rendered { text: text.to_owned(), ..Rendered::default() }
}

/// An address.
fn address(name: &str, address: &str) -> Address {
    Address { name: name.to_owned(), address: address.to_owned() }
}
