// SPDX-License-Identifier: Apache-2.0

//! libdataflow for Rust: pipelines that move records from a source through transformations to sinks and lose none.
//!
//! An [`Env`] is the library in the process, a [`Pipeline`] a flow that runs once; [`Feed`] and [`Take`] are its ends in
//! this program. Transforms are closures, own sources and sinks are traits. No caller needs `unsafe`: what is borrowed
//! from the library has a lifetime, what a thread may use is in the types, and no panic passes into the library.
//!
//! ```
//! use dataflow::{Env, Failure, Pipeline, RunOptions, Verdict};
//!
//! let env = Env::new();
//! env.transform("total", |r| {
//!     let price = r.get("price")?.as_f64().unwrap_or(0.0);
//!     let quantity = r.get("quantity")?.as_i64().ok_or_else(|| Failure::reject("no quantity"))?;
//!     r.set("total", price * quantity as f64)?;
//!     Ok(Verdict::Keep)
//! })?;
//! let mut flow = Pipeline::from_yaml(&env, "{source: {type: host}, transformations: [{type: total}], sink: {type: host}}")?;
//! let (mut feed, take) = (flow.feed("source")?, flow.take("sink")?);
//! flow.start(&RunOptions::default())?;
//! feed.push(r#"{"price":1.5,"quantity":4}"#)?;
//! drop(feed); // the end of the input
//! for parcel in &take {
//!     let parcel = parcel?;
//!     assert_eq!(parcel.rows()?[0].payload(), Some(&br#"{"price":1.5,"quantity":4,"total":6.0}"#[..]));
//!     parcel.ack()?;
//! }
//! flow.wait()?;
//! # Ok::<(), dataflow::Error>(())
//! ```
#![warn(missing_docs)]

mod env;
mod error;
mod options;
mod pipeline;
mod port;
mod record;
mod stage;
mod transform;

pub use env::{version, Env, EnvOptions, Level};
pub use error::{Cause, Error, Failure, Panic, Problem, Result, Status};
pub use options::{Config, Opt};
pub use pipeline::{Event, EventKind, Options, Pipeline, RunOptions, Stats, Stop, Stopper};
pub use port::{Feed, Message, Parcel, Parcels, Row, Take};
pub use record::{Header, Members, Op, Origin, Record, Tree, Value};
pub use stage::{Batch, Partition, Positions, Read, Records, Sink, Source, Stage};
pub use transform::{Child, Verdict};
