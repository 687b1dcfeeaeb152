# SPDX-License-Identifier: Apache-2.0
"""Kafka -> a function of this program -> PostgreSQL. Brokers and connection string come from the environment."""
import logging

import dataflow


@dataflow.transform
def with_total(record):
    if record["quantity"] < 1:
        raise dataflow.Reject("no quantity", "invalid_data")
    record["total"] = record["price"] * record["quantity"]


logging.basicConfig(level=logging.INFO)
dataflow.Pipeline.from_yaml("""
source: {type: kafka, config: {brokers: "${env:BROKERS}", topic: "${env:TOPIC}", consumerGroup: python}}
transformations: [{type: with_total}]
sink: {type: postgresql, config: {connectionString: "${env:DATABASE}", table: orders, autoCreateTable: true}}
errors: {type: stdio, config: {path: refused.jsonl}}
""", resolve=True, name="orders").run(until_exhausted=True)
