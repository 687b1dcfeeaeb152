// SPDX-License-Identifier: Apache-2.0
//
// pipeline.hpp: a flow: loaded, checked, run. Part of dataflow.hpp.
#ifndef DATAFLOW_PIPELINE_HPP
#define DATAFLOW_PIPELINE_HPP

#include <dataflow/port.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dataflow {

class Pipeline {
  public:
    struct Options {
        std::string name, space;     // empty: from the manifest
        uint64_t memory_limit = 0;   // bytes; 0: the manifest's
        bool process_values = false; // ${env:} and ${file:} mean this process's own
        std::string store;           // a folder for positions; needs a name
        bool show_values = false;    // values of records in texts
    };
    explicit Pipeline(const Env &env, const Options &options) : shared_(env.shared_)
    {
        df_pipeline_options o = DF_PIPELINE_OPTIONS_INIT;
        df_store store{};
        store.size = sizeof store;
        o.name = options.name.empty() ? nullptr : options.name.c_str();
        o.space = options.space.empty() ? nullptr : options.space.c_str();
        o.memory_limit = options.memory_limit;
        o.resolve = options.process_values ? df_resolve_process : nullptr;
        o.show_values = options.show_values;
        o.user = id_.get();
        if (!options.store.empty()) {
            env.need(df_store_file(env.get(), options.store.c_str(), options.name.c_str(), &store));
            o.store = &store;
        }
        p_ = df_pipeline_new(env.get(), &o);
        if (!p_)
            throw std::bad_alloc();
    }
    explicit Pipeline(const Env &env) : Pipeline(env, Options{}) {}
    // Throws DF_ESPEC with all problems at once.
    static Pipeline from_yaml(const Env &env, std::string_view text, const Options &options)
    {
        Pipeline made(env, options);
        made.load(text);
        return made;
    }
    static Pipeline from_yaml(const Env &env, std::string_view text) { return from_yaml(env, text, Options{}); }
    Pipeline(Pipeline &&other) noexcept
        : shared_(std::move(other.shared_)), id_(std::move(other.id_)), p_(std::exchange(other.p_, nullptr))
    {
    }
    Pipeline &operator=(Pipeline &&other) noexcept
    {
        std::swap(p_, other.p_);
        std::swap(id_, other.id_);
        std::swap(shared_, other.shared_);
        return *this;
    }
    // Stops it now if it runs, and waits for its threads.
    ~Pipeline()
    {
        if (!p_)
            return;
        df_stats s{};
        s.size = sizeof s;
        df_pipeline_stop(p_, DF_STOP_NOW);
        df_pipeline_wait(p_, -1); // ends: the library bounds it
        df_pipeline_stats(p_, nullptr, &s);
        df_pipeline_free(p_);
        take_causes();
        if (s.left) // a thread that was left behind may still use what the env has
            new std::shared_ptr<detail::Shared>(shared_);
    }

    void load(std::string_view text, const char *file = nullptr)
    {
        df_text spec{};
        spec.size = sizeof spec;
        spec.file = file;
        spec.text = text.data();
        spec.len = text.size();
        need(df_pipeline_load(p_, &spec));
    }
    void check() { need(df_pipeline_check(p_)); }
    std::vector<Problem> problems() const
    {
        std::vector<Problem> all;
        df_problem p{};
        p.size = sizeof p;
        while (df_pipeline_problem_at(p_, all.size(), &p) == DF_OK)
            all.push_back({p.severity == DF_ERROR, p.line, p.column, detail::text_of(p.file), detail::text_of(p.field),
                           detail::text_of(p.text), detail::text_of(p.hint)});
        return all;
    }
    // limit: records to read, 0: no limit; until_exhausted: the run ends where the sources end now.
    void start(uint64_t limit = 0, bool until_exhausted = false)
    {
        df_run_options run{};
        run.size = sizeof run;
        run.limit = limit;
        run.until_exhausted = until_exhausted;
        ended(df_pipeline_start(p_, &run));
    }
    // true: it has ended well; false: not in time. A run that failed throws.
    bool wait(std::chrono::milliseconds timeout = forever)
    {
        return ended(df_pipeline_wait(p_, detail::milliseconds(timeout))) != DF_AGAIN;
    }
    void run(uint64_t limit = 0, bool until_exhausted = false)
    {
        start(limit, until_exhausted);
        wait();
    }
    // Any thread, signal handlers too. now: what is not delivered is read again next time.
    void stop(bool now = false) noexcept { df_pipeline_stop(p_, now ? DF_STOP_NOW : DF_STOP_DRAIN); }
    df_stats stats(const char *stage = nullptr) const
    {
        df_stats s{};
        s.size = sizeof s;
        int rc = df_pipeline_stats(p_, stage, &s);
        if (rc < 0)
            throw Error(rc, "no such stage, or not started");
        return s;
    }
    // JSON: DF_REPORT_PLAN, _STATUS, _REFS, _POSITIONS.
    std::string report(int what) const
    {
        std::string text;
        int rc = df_pipeline_report(p_, what, detail::append, &text);
        if (rc < 0)
            throw Error(rc);
        return text;
    }
    Feed feed(const char *stage = "source") { return Feed(open(stage, DF_FEED)); }
    Take take(const char *stage = "sink") { return Take(open(stage, DF_TAKE), shared_); }
    Take tap(const char *stage) { return Take(open(stage, DF_TAP), shared_); }
    df_pipeline *get() const { return p_; }

  private:
    df_port *open(const char *stage, int mode)
    {
        df_port_options o{};
        df_port *port = nullptr;
        o.size = sizeof o;
        o.stage = stage;
        o.mode = mode;
        need(df_port_open(p_, &o, &port));
        return port;
    }
    detail::Shared::Causes take_causes() { return shared_->take(id_.get()); }
    int need(int rc)
    {
        if (rc >= 0)
            return rc;
        Error error(rc, df_pipeline_errmsg(p_));
        if (rc == DF_ESPEC)
            error.problems = problems();
        throw error;
    }
    // The same for start and wait: an exception of a function of the program may be why.
    int ended(int rc)
    try {
        return need(rc);
    } catch (Error &error) {
        const detail::Shared::Causes all = take_causes();
        if (rc == DF_EREJECTED)
            error.cause = all.refused;
        else if (rc == DF_EINTERNAL)
            error.cause = all.failed;
        throw;
    }
    std::shared_ptr<detail::Shared> shared_;
    std::unique_ptr<char> id_ = std::make_unique<char>(); // its address is what stages know this by
    df_pipeline *p_ = nullptr;
};

} // namespace dataflow

#endif
