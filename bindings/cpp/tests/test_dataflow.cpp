// SPDX-License-Identifier: Apache-2.0
// test_dataflow.cpp: the C++ header from outside. Each check that fails says its line; the exit code is their number.
#include <dataflow.hpp>

#include <cstdio>
#include <iostream>
#include <memory>
#include <thread>

static int failures;
static void check(bool holds, const char *what, int line)
{
    if (!holds)
        std::fprintf(stderr, "line %d: %s\n", line, what), failures++;
}
#define CHECK(condition) check((condition), #condition, __LINE__)
#define THROWS(expression, code)                                                                                       \
    do {                                                                                                               \
        int got = 0;                                                                                                   \
        try {                                                                                                          \
            (void)(expression);                                                                                        \
        } catch (const dataflow::Error &e) {                                                                           \
            got = e.status;                                                                                            \
        }                                                                                                              \
        check(got == (code), #expression " throws " #code, __LINE__);                                                  \
    } while (0)

static const char hosts[] = "{source: {type: host}, sink: {type: host}}";

static std::vector<std::string> through(dataflow::Pipeline &flow, const std::vector<std::string> &rows)
{
    std::vector<std::string> out;
    auto feed = flow.feed();
    auto take = flow.take();
    flow.start();
    for (const auto &row : rows)
        while (!feed.push(row))
            std::this_thread::yield();
    feed.close();
    while (!take.ended()) {
        auto parcel = take.take();
        if (!parcel)
            continue;
        for (size_t i = 0; i < parcel->size(); i++)
            out.emplace_back(parcel->payload(i).value_or("(none)"));
        parcel->done();
    }
    flow.wait();
    return out;
}

static void values()
{
    dataflow::Env env;
    std::vector<std::string> seen;
    env.transform("edit", [&seen](dataflow::Record &r) {
        seen.push_back(r.get("list").json());
        r.get("list").each([&seen](std::string_view, dataflow::Value v) { seen.push_back(v.text()); });
        CHECK(!r.get("nothing"));
        CHECK(r.get("none").is_null());
        CHECK(r.get("n").integer() == 5 && r.get("real").number() == 2.5 && r.get("yes").boolean());
        CHECK(r.root()["text"].view() == "gr\xc3\xbcn");
        THROWS(r.get("text").integer(), DF_EDATA);
        for (int i = 0; i < 3000; i++) { // ever new paths
            auto path = "m" + std::to_string(i);
            r.set(path, i);
            CHECK(r.get(path).integer() == i);
            r.erase(path);
        }
        THROWS(r.get("$["), DF_EINVAL);
        r.set("a.b", 1);
        r.set("text", "new");
        r.set("gone", nullptr);
        r.set("real", 0.5);
        r.set("yes", false);
        r.set_json("tree", "{\"x\":[1]}");
        r.erase("list");
        r.key("key");
    });
    auto flow = dataflow::Pipeline::from_yaml(
        env, "source: {type: host}\nsink: {type: host}\ntransformations: [{type: edit}]");
    auto out = through(flow, {"{\"list\":[1,\"a\"],\"none\":null,\"n\":5,\"real\":2.5,\"yes\":true,\"text\":\"gr\xc3\xbcn\"}"});
    CHECK(out.size() == 1 && out[0] == "{\"none\":null,\"n\":5,\"real\":0.5,\"yes\":false,\"text\":\"new\",\"a\":{\"b\":1},"
                                       "\"gone\":null,\"tree\":{\"x\":[1]}}");
    CHECK((seen == std::vector<std::string>{"[1,\"a\"]", "1", "a"}));
}

static void refusals()
{
    dataflow::Env env;
    env.transform("judge", [](dataflow::Record &r) {
        switch (r.get("n").integer()) {
        case 1: return false;
        case 2: throw dataflow::Reject("two is too many", "invalid_data");
        case 3: throw std::logic_error("a secret value");
        default: return true;
        }
    });
    const char yaml[] = "source: {type: host}\nsink: {type: host}\ntransformations: [{type: judge}]\n";
    std::vector<std::string> rows;
    for (int n = 0; n < 5; n++)
        rows.push_back("{\"n\":" + std::to_string(n) + "}");
    {
        auto flow = dataflow::Pipeline::from_yaml(env, std::string(yaml) + "errors: {type: 'null'}");
        CHECK(through(flow, rows).size() == 2);
        df_stats s = flow.stats();
        CHECK(s.filtered == 1 && s.errored == 2 && s.sent == 2);
    }
    for (int twice = 0; twice < 2; twice++) {
        auto flow = dataflow::Pipeline::from_yaml(env, yaml);
        std::string cause, text;
        try {
            through(flow, {rows[3]});
        } catch (const dataflow::Error &e) {
            text = e.what();
            CHECK(e.status == DF_EREJECTED && e.cause);
            try {
                if (e.cause)
                    std::rethrow_exception(e.cause);
            } catch (const std::logic_error &inner) {
                cause = inner.what();
            }
        }
        CHECK(cause == "a secret value");
        CHECK(text.find("secret") == std::string::npos);
    }
}

// Two flows of one name in one env: each error has the cause of its own flow, whichever failed first.
static void causes_are_apart()
{
    dataflow::Env env;
    env.transform("bad", [](dataflow::Record &r) { throw std::logic_error("flow " + std::to_string(static_cast<int>(r.get("n").number()))); });
    std::vector<dataflow::Pipeline> flows;
    std::vector<dataflow::Feed> feeds;
    for (int n = 0; n < 2; n++) {
        flows.push_back(dataflow::Pipeline::from_yaml(env, "{source: {type: host}, transformations: [{type: bad}], sink: {type: host}}"));
        feeds.push_back(flows.back().feed());
        flows.back().start();
        CHECK(feeds.back().push("{\"n\":" + std::to_string(n) + "}"));
    }
    for (int n = 1; n >= 0; n--) {
        std::string cause;
        try {
            flows[static_cast<size_t>(n)].wait();
        } catch (const dataflow::Error &e) {
            try {
                if (e.cause)
                    std::rethrow_exception(e.cause);
            } catch (const std::logic_error &inner) {
                cause = inner.what();
            }
        }
        CHECK(cause == "flow " + std::to_string(n));
    }
}

static std::vector<std::string> written;
static int tries;

struct Counter : dataflow::Source {
    dataflow::Partition part;
    int next = 0;
    void open(dataflow::Stage stage) override
    {
        part = dataflow::Partition(stage, "counter");
        if (auto at = part.position())
            next = std::stoi(std::string(*at));
    }
    Read read(dataflow::Batch &batch, std::chrono::milliseconds) override
    {
        while (batch.room() && next < 1000) {
            batch.add(part, std::to_string(++next));
            batch.mark(part, std::to_string(next));
        }
        return next == 1000 ? Read::done : Read::nothing;
    }
};

struct Collect : dataflow::Sink {
    void write(dataflow::Records &records) override
    {
        if (tries++ == 0)
            throw dataflow::Error(DF_EIO, "the connection broke");
        for (size_t i = 0; i < records.size(); i++)
            if (records.payload(i) == "7")
                records.reject(i, "a seven");
            else
                written.emplace_back(*records.payload(i));
    }
};

struct Broken : dataflow::Sink {
    void write(dataflow::Records &) override { throw std::out_of_range("a bug"); }
};

static void stages()
{
    dataflow::Env env;
    env.source<Counter>("counter");
    env.sink<Collect>("collect");
    env.sink<Broken>("broken");
    THROWS(env.source<Counter>("counter"), DF_EEXISTS);
    THROWS(env.source<Counter>("replays", nullptr, DF_CAN_REPLAY), DF_EINVAL);
    auto flow = dataflow::Pipeline::from_yaml(env, "source: {type: counter}\nsink: {type: collect}\nerrors: {type: 'null'}");
    flow.run();
    CHECK(written.size() == 999 && written[6] == "8" && written.back() == "1000");
    CHECK(flow.stats().errored == 1);
    auto broken = dataflow::Pipeline::from_yaml(env, "{source: {type: counter}, sink: {type: broken}}");
    bool told = false;
    try {
        broken.run();
    } catch (const dataflow::Error &e) {
        told = e.cause && std::string(e.what()).find("a bug") != std::string::npos;
    }
    CHECK(told);
    // What a record was refused for before is not why a sink ends the run later.
    env.transform("picky", [](dataflow::Record &r) {
        if (r.get("$").number() < 5)
            throw std::logic_error("a record");
    });
    auto both = dataflow::Pipeline::from_yaml(env, "{source: {type: counter}, transformations: [{type: picky}], sink: {type: broken}, errors: {policy: skip}}");
    std::string cause;
    try {
        both.run();
    } catch (const dataflow::Error &e) {
        try {
            if (e.cause)
                std::rethrow_exception(e.cause);
        } catch (const std::exception &inner) {
            cause = inner.what();
        }
    }
    CHECK(cause == "a bug");
}

static void handles()
{
    dataflow::Env env;
    try {
        dataflow::Pipeline::from_yaml(env, "source: {type: hosst}\nsink: {type: host, config: {a: 1}}");
        check(false, "a wrong manifest is refused", __LINE__);
    } catch (const dataflow::Error &e) {
        CHECK(e.status == DF_ESPEC && e.problems.size() == 2 && e.problems[0].line == 1 && !e.problems[0].hint.empty());
    }
    { // everything may end at any time, in any order
        auto flow = dataflow::Pipeline::from_yaml(env, hosts);
        auto feed = flow.feed();
        auto take = flow.take();
        THROWS(flow.feed(), DF_EEXISTS);
        flow.start();
        CHECK(feed.push("a"));
        auto parcel = take.take();
        CHECK(parcel && parcel->size() == 1);
        auto moved = std::move(*parcel);
        dataflow::Pipeline other = std::move(flow);
        CHECK(!other.wait(std::chrono::milliseconds(1)));
        other.stop(true);
        take.close();
        THROWS(moved.size(), DF_ESTATE);
        THROWS(take.fd(), DF_ESTATE);
    }
    CHECK(env.describe().find("\"kafka\"") != std::string::npos || !env.describe().empty());
    CHECK(env.metrics().find("# TYPE dataflow_") != std::string::npos);
}

int main()
{
    values();
    refusals();
    causes_are_apart();
    stages();
    handles();
    return failures;
}
