// SPDX-License-Identifier: Apache-2.0
//
// env.hpp: the library in the process: functions, classes, the log, compiled paths. Part of dataflow.hpp.
#ifndef DATAFLOW_ENV_HPP
#define DATAFLOW_ENV_HPP

#include <dataflow/value.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace dataflow {

class Record;
class Source;
class Sink;
class Pipeline;

namespace detail {

using Path = std::unique_ptr<df_path, void (*)(df_path *)>;

// What callbacks need beside the library's own env; it lives as long as that.
struct Shared {
    df_env *env = nullptr;
    std::function<void(int, std::string_view)> log;
    std::mutex lock;
    std::unordered_map<std::string, df_path *> paths;
    struct Causes { // the first of a run: of a record that was refused, of a stage that ended it
        std::exception_ptr refused, failed;
    };
    std::unordered_map<const void *, Causes> causes; // by Pipeline::id_

    ~Shared()
    {
        for (auto &path : paths)
            df_path_free(path.second);
        df_env_free(env);
    }
    // Compiled once, or, of one too many, for one call: paths that a program makes of its records' values
    // take no more memory for ever new ones.
    Path path(std::string_view text)
    {
        std::lock_guard<std::mutex> hold(lock);
        auto found = paths.find(std::string(text));
        if (found != paths.end())
            return Path(found->second, [](df_path *) {});
        Path made(df_path_new(env, std::string(text).c_str()), df_path_free);
        if (!made)
            throw Error(DF_EINVAL, df_env_errmsg(env));
        if (paths.size() >= 1000)
            return made;
        paths.emplace(text, made.get());
        return Path(made.release(), [](df_path *) {});
    }
    void keep(df_stage *st, std::exception_ptr Causes::*which, std::exception_ptr cause) noexcept
    try {
        df_stage_info info{};
        info.size = sizeof info;
        df_stage_describe(st, &info);
        std::lock_guard<std::mutex> hold(lock);
        std::exception_ptr &first = causes[info.user].*which;
        if (!first)
            first = cause;
    } catch (...) { // no memory: the run has its text all the same
    }
    Causes take(const void *pipeline)
    {
        std::lock_guard<std::mutex> hold(lock);
        auto found = causes.find(pipeline);
        if (found == causes.end())
            return {};
        Causes all = found->second;
        causes.erase(found);
        return all;
    }
};

} // namespace detail

class Env {
  public:
    struct Options {
        std::function<void(int level, std::string_view line)> log; // any thread; must not block or throw
        int log_level = 0;                                         // DF_LOG_...; 0: warnings
        std::string module_path;                                   // empty: built in
    };
    Env() : Env(Options{}) {}
    explicit Env(Options options) : shared_(std::make_shared<detail::Shared>())
    {
        df_env_options o = DF_ENV_OPTIONS_INIT;
        shared_->log = std::move(options.log);
        o.user = shared_.get();
        o.log = shared_->log ? on_log : nullptr;
        o.log_level = options.log_level;
        o.module_path = options.module_path.empty() ? nullptr : options.module_path.c_str();
        shared_->env = df_env_new(&o);
        if (!shared_->env)
            throw std::bad_alloc();
    }
    df_env *get() const { return shared_->env; }

    // `- type: NAME` in a manifest. The function edits the record and returns nothing, or a bool: false drops it.
    template <class F> void transform(const char *name, F function, const char *doc = nullptr);
    // `type: NAME`; S is a class of Source or Sink, made anew at each open.
    template <class S> void source(const char *name, const char *doc = nullptr, unsigned flags = 0);
    template <class S> void sink(const char *name, const char *doc = nullptr, unsigned flags = 0);

    std::string metrics() const
    {
        std::string text;
        need(df_env_metrics(get(), detail::append, &text));
        return text;
    }
    std::string describe() const
    {
        std::string text;
        need(df_env_describe(get(), detail::append, &text));
        return text;
    }
    void load_plugin(const char *path) { need(df_env_load_plugin(get(), path)); }

  private:
    friend class Pipeline;
    void need(int rc) const
    {
        if (rc < 0)
            throw Error(rc, df_env_errmsg(get()));
    }
    static void on_log(void *user, int level, const char *line) noexcept
    {
        static_cast<detail::Shared *>(user)->log(level, line);
    }
    std::shared_ptr<detail::Shared> shared_;
};

} // namespace dataflow

#endif
