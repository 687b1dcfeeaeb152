# SPDX-License-Identifier: Apache-2.0
"""Records go in as bytes, through the transformations of a manifest, and come out again."""
import dataflow

with dataflow.Pipeline.from_yaml("""
source: {type: host}
transformations:
  - {type: filter, config: {condition: $.price}}
  - {type: mask, config: {fields: [$.card]}}
sink: {type: host}
""") as flow:
    with flow.feed() as feed, flow.take() as take:
        flow.start()
        feed.send([b'{"price": 3, "card": "4000123412341234"}', b'{"card": "none"}'])
        feed.close()
        for parcel in take:
            with parcel:
                print(parcel.payloads())
    flow.wait()
