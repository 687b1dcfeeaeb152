//! Kafka, the function below, PostgreSQL. SPDX-License-Identifier: Apache-2.0
use dataflow::{Env, Failure, Options, Pipeline, Record, Result, RunOptions, Verdict};

fn with_total(r: &mut Record<'_>) -> std::result::Result<Verdict, Failure> {
    let price = r.get("price")?.as_f64().unwrap_or(0.0);
    match r.get("quantity")?.as_i64() {
        Some(quantity) if quantity > 0 => r.set("total", price * quantity as f64)?,
        _ => return Err(Failure::reject("no quantity")),
    }
    Ok(Verdict::Keep)
}

fn main() -> Result<()> {
    let env = Env::new();
    env.transform("with_total", with_total)?;
    let options = Options { name: Some("orders".into()), resolve: true, ..Options::default() };
    let mut flow = Pipeline::load(&env, include_str!("flow.yaml"), &options)?;
    flow.run_with(&RunOptions { until_exhausted: true, ..RunOptions::default() })
}
