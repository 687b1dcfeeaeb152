// SPDX-License-Identifier: Apache-2.0
//
// dataflow.hpp: libdataflow for C++17, without a dependency of its own. Handles free themselves,
// statuses are exceptions, transforms are functions, own sources and sinks are classes. What is not wrapped is
// a call of dataflow.h on get().
//
//     dataflow::Env env;
//     env.transform("total", [](dataflow::Record &r) {
//         r.set("total", r.get("price").number() * r.get("quantity").number());
//     });
//     dataflow::Pipeline::from_yaml(env, text).run();
//
// OWNERSHIP. An Env outlives its pipelines, paths and registered functions; a Pipeline outlives nothing that
// was taken from it: ports and parcels may be destroyed after it. A Record, a Value and a text view are
// borrowed: from a record until it changes or the function returns, from a parcel until it is given back.
//
// THREADS. As dataflow.h says: one thread at a time for a handle; stop, stats and report from any. Functions and
// classes are called on threads of the library; a function by one at a time, an object of a class likewise.
//
// EXCEPTIONS. None leaves a function of yours into the library: a Reject refuses the record with its text, any
// other exception refuses it with the name of the transform (its text may hold values of records), and fails a
// source or a sink with its what(). The first of a run is the `cause` of the Error that run or wait throws.
#ifndef DATAFLOW_HPP
#define DATAFLOW_HPP

#include <dataflow/error.hpp>    // errors: what a call, a manifest or a function of the program failed with
#include <dataflow/value.hpp>    // values of records
#include <dataflow/env.hpp>      // the library in the process: functions, classes, the log, compiled paths
#include <dataflow/record.hpp>   // a record as a function of the program sees it
#include <dataflow/stage.hpp>    // functions as transforms, classes as sources and sinks
#include <dataflow/port.hpp>     // records of the program in and out of a pipeline
#include <dataflow/pipeline.hpp> // a flow: loaded, checked, run

#endif
