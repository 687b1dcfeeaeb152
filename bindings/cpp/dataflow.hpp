// SPDX-License-Identifier: Apache-2.0
//
// dataflow.hpp: libdataflow for C++17, in one header without a dependency of its own. Handles free themselves,
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

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <dataflow_ext.h>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dataflow {

// ---- errors -------------------------------------------------------------------------------------------------

struct Problem {
    bool error = true; // else a warning
    int line = 0, column = 0;
    std::string file, field, text, hint;
};

class Error : public std::runtime_error {
  public:
    explicit Error(int code, const std::string &text = {})
        : std::runtime_error(text.empty() ? df_status_text(code) : text), status(code)
    {
    }
    int status;                    // DF_EIO, ...
    std::vector<Problem> problems; // of DF_ESPEC: all at once
    std::exception_ptr cause;      // what a function of the program threw in this run, or null
};

// Thrown by a transform or a sink: the record, or the parcel, goes to the error sink. No value of a record belongs
// in the text; `reason` is a word for metrics.
class Reject : public std::runtime_error {
  public:
    explicit Reject(const std::string &text, std::string word = {})
        : std::runtime_error(text), reason(std::move(word))
    {
    }
    std::string reason;
};

namespace detail {

inline std::string text_of(const char *text)
{
    return text ? text : "";
}

inline std::string_view view(df_bytes b)
{
    return {static_cast<const char *>(b.data), b.len};
}

// A view of nothing is an empty text, not null.
inline df_bytes bytes(std::string_view text)
{
    return {text.data() ? text.data() : "", text.size()};
}

inline int append(void *user, const char *text, size_t len) noexcept
{
    try {
        static_cast<std::string *>(user)->append(text, len);
        return DF_OK;
    } catch (...) {
        return DF_ENOMEM;
    }
}

inline int milliseconds(std::chrono::milliseconds time)
{
    return time.count() < 0 ? -1 : static_cast<int>(time.count());
}

} // namespace detail

constexpr std::chrono::milliseconds forever{-1};

// ---- values -------------------------------------------------------------------------------------------------

class Value {
  public:
    Value() = default;
    explicit Value(const df_value &v) : v_(v) {}

    int type() const { return v_.type; } // DF_V_...
    explicit operator bool() const { return v_.type != DF_V_ABSENT; }
    bool is_null() const { return v_.type == DF_V_NULL; }
    size_t size() const { return v_.len; } // members of an object or array

    // The text of a STRING, of BYTES or of a number as written; empty otherwise.
    std::string_view view() const { return {v_.text ? v_.text : "", v_.text ? v_.len : 0}; }
    // Exactly; DF_EDATA: no integer.
    int64_t integer() const
    {
        int64_t n = 0;
        need(df_value_int(&v_, &n), "no integer of 64 bits");
        return n;
    }
    // The nearest double; DF_EDATA: no number.
    double number() const
    {
        double n = 0;
        need(df_value_double(&v_, &n), "no number");
        return n;
    }
    bool boolean() const
    {
        need(v_.type == DF_V_BOOL ? DF_OK : DF_EDATA, "no boolean");
        return v_.u.i != 0;
    }
    // For people: strings without quotes, trees as JSON.
    std::string text() const { return written(df_value_text); }
    std::string json() const { return written(df_value_json); }
    // Of an object; absent when there is none.
    Value operator[](std::string_view name) const
    {
        df_value member;
        df_value_member(&v_, detail::bytes(name), &member);
        return Value(member);
    }
    // Calls f(name, value) for each member, in order; the name is empty in arrays.
    template <class F> void each(F &&f) const
    {
        df_walk walk{};
        while (df_value_walk(&v_, &walk) == DF_OK)
            f(detail::view(walk.name), Value(walk.value));
    }
    const df_value &get() const { return v_; }

  private:
    static void need(int rc, const char *text)
    {
        if (rc < 0)
            throw Error(rc, text);
    }
    std::string written(size_t (*write)(const df_value *, char *, size_t)) const
    {
        std::string text(write(&v_, nullptr, 0), '\0');
        write(&v_, text.data(), text.size());
        return text;
    }
    df_value v_{};
};

namespace detail {

inline df_value value(std::nullptr_t)
{
    df_value v{};
    v.type = DF_V_NULL;
    return v;
}

inline df_value value(std::string_view text)
{
    df_value v{};
    v.type = DF_V_STRING;
    v.text = text.data() ? text.data() : "";
    v.len = text.size();
    return v;
}

inline df_value value(const Value &v)
{
    return v.get();
}

template <class T, class = std::enable_if_t<std::is_arithmetic_v<T>>> df_value value(T n)
{
    df_value v{};
    if constexpr (std::is_same_v<T, bool>) {
        v.type = DF_V_BOOL;
        v.u.i = n;
    } else if constexpr (std::is_floating_point_v<T>) {
        v.type = DF_V_DOUBLE;
        v.u.d = static_cast<double>(n);
    } else {
        static_assert(std::is_signed_v<T> || sizeof(T) < sizeof(int64_t), "may not fit 64 bits: write it as text");
        v.type = DF_V_INT;
        v.u.i = static_cast<int64_t>(n);
    }
    return v;
}

} // namespace detail

// ---- env ----------------------------------------------------------------------------------------------------

class Record;
class Source;
class Sink;
class Pipeline;

namespace detail {

// What callbacks need beside the library's own env; it lives as long as that.
struct Shared {
    df_env *env = nullptr;
    std::function<void(int, std::string_view)> log;
    std::mutex lock;
    std::unordered_map<std::string, df_path *> paths;
    std::unordered_map<std::string, std::exception_ptr> causes; // by pipeline, the first of a run

    ~Shared()
    {
        for (auto &path : paths)
            df_path_free(path.second);
        df_env_free(env);
    }
    const df_path *path(std::string_view text)
    {
        std::lock_guard<std::mutex> hold(lock);
        auto found = paths.find(std::string(text));
        if (found != paths.end())
            return found->second;
        df_path *made = df_path_new(env, std::string(text).c_str());
        if (!made)
            throw Error(DF_EINVAL, df_env_errmsg(env));
        return paths.emplace(text, made).first->second;
    }
    void keep(df_stage *st, std::exception_ptr cause) noexcept
    try {
        df_stage_info info{};
        info.size = sizeof info;
        df_stage_describe(st, &info);
        std::lock_guard<std::mutex> hold(lock);
        causes.emplace(text_of(info.pipeline), cause);
    } catch (...) { // no memory: the run has its text all the same
    }
    std::exception_ptr take(const std::string &pipeline)
    {
        std::lock_guard<std::mutex> hold(lock);
        auto found = causes.find(pipeline);
        std::exception_ptr cause = found == causes.end() ? nullptr : found->second;
        if (cause)
            causes.erase(found);
        return cause;
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

// ---- records ------------------------------------------------------------------------------------------------

class Record {
  public:
    // Missing: an absent value. DF_EDATA: the payload is not JSON.
    Value get(std::string_view path)
    {
        df_value v;
        need(df_record_get(r_, shared_->path(path), &v), "the payload is not JSON");
        return Value(v);
    }
    Value root()
    {
        df_value v;
        need(df_record_root(r_, &v), "the payload is not JSON");
        return Value(v);
    }
    template <class T> void set(std::string_view path, const T &to)
    {
        df_value v = detail::value(to);
        need(df_record_set(r_, shared_->path(path), &v), "not JSON, or a parent is no container");
    }
    // JSON text as a value at the path.
    void set_json(std::string_view path, std::string_view json)
    {
        df_value v;
        need(df_value_parse(r_, detail::bytes(json), &v), "no JSON text");
        need(df_record_set(r_, shared_->path(path), &v), "not JSON, or a parent is no container");
    }
    void erase(std::string_view path)
    {
        df_value none{};
        need(df_record_set(r_, shared_->path(path), &none), "the payload is not JSON");
    }
    // nullopt: a tombstone, no key.
    std::optional<std::string_view> payload()
    {
        df_bytes b;
        need(df_record_payload(r_, &b), "");
        return b.data ? std::optional(detail::view(b)) : std::nullopt;
    }
    std::optional<std::string_view> key() const
    {
        df_bytes b;
        need(df_record_key(r_, &b), "");
        return b.data ? std::optional(detail::view(b)) : std::nullopt;
    }
    void payload(std::optional<std::string_view> to)
    {
        need(df_record_set_payload(r_, to ? detail::bytes(*to) : df_bytes{nullptr, 0}), "");
    }
    void key(std::optional<std::string_view> to)
    {
        need(df_record_set_key(r_, to ? detail::bytes(*to) : df_bytes{nullptr, 0}), "");
    }
    Value meta(const char *name) const
    {
        df_value v;
        need(df_record_meta(r_, name, &v), "");
        return Value(v);
    }
    void drop() { df_record_drop(r_); }
    df_record *handle() const { return r_; }

  private:
    friend class Env;
    Record(df_record *r, detail::Shared *shared) : r_(r), shared_(shared) {}
    static void need(int rc, const char *text)
    {
        if (rc < 0)
            throw Error(rc, text);
    }
    df_record *r_;
    detail::Shared *shared_;
};

// ---- own stages ---------------------------------------------------------------------------------------------

namespace detail {

// Ends the exception of a source or sink: the status to answer, its words told to the core.
inline int caught(Shared *shared, df_stage *st) noexcept
{
    try {
        throw;
    } catch (const Reject &e) {
        return df_stage_fail(st, DF_EDATA, e.reason.empty() ? nullptr : e.reason.c_str(), e.what());
    } catch (const Error &e) {
        return df_stage_fail(st, e.status < 0 ? e.status : DF_EINTERNAL, nullptr, e.what());
    } catch (const std::bad_alloc &) {
        return DF_ENOMEM;
    } catch (const std::exception &e) {
        shared->keep(st, std::current_exception());
        return df_stage_fail(st, DF_EINTERNAL, nullptr, e.what());
    } catch (...) {
        shared->keep(st, std::current_exception());
        return df_stage_fail(st, DF_EINTERNAL, nullptr, "an exception of no known type");
    }
}

} // namespace detail

// A running stage, as its own code sees it.
class Stage {
  public:
    explicit Stage(df_stage *st) : st_(st) {}
    // The only place where an operation may block. true: fd is ready.
    bool wait(std::chrono::milliseconds timeout, int fd = -1, short events = 1)
    {
        int rc = df_stage_wait(st_, fd, events, detail::milliseconds(timeout));
        if (rc < 0)
            throw Error(rc);
        return rc == DF_OK;
    }
    void log(int level, const char *text) { df_stage_log(st_, level, text); }
    df_stage *get() const { return st_; }

  private:
    df_stage *st_;
};

class Partition {
  public:
    Partition() = default;
    Partition(Stage stage, const char *name)
    {
        int rc = df_partition_open(stage.get(), name, &part_);
        if (rc < 0)
            throw Error(rc);
    }
    // Where to resume; nullopt: at the beginning. Borrowed until the operation returns.
    std::optional<std::string_view> position() const
    {
        df_position at{};
        at.size = sizeof at;
        if (df_partition_position(part_, &at) != DF_OK)
            return std::nullopt;
        return detail::view(at.data);
    }
    df_partition *get() const { return part_; }

  private:
    df_partition *part_ = nullptr;
};

class Batch {
  public:
    explicit Batch(df_batch *b) : b_(b) {}
    size_t room() const { return df_batch_room(b_); } // 0: add nothing more
    size_t count() const { return df_batch_count(b_); }
    void add(const Partition &part, std::string_view payload, std::optional<std::string_view> key = std::nullopt)
    {
        df_input in{};
        in.size = sizeof in;
        in.payload = detail::bytes(payload);
        if (key)
            in.key = detail::bytes(*key);
        in.offset = -1;
        in.partition = df_partition_number(part.get());
        need(df_batch_add(b_, &in, nullptr));
    }
    // Resuming there reads nothing again that was added so far.
    void mark(const Partition &part, std::string_view position)
    {
        need(df_batch_mark(b_, part.get(), detail::bytes(position)));
    }
    df_batch *get() const { return b_; }

  private:
    static void need(int rc)
    {
        if (rc < 0)
            throw Error(rc);
    }
    df_batch *b_;
};

class Source {
  public:
    enum class Read { some, nothing, done };
    virtual ~Source() = default;
    virtual void open(Stage) {}
    // Adds what is there, at most batch.room() bytes. done: the input is at its end.
    virtual Read read(Batch &batch, std::chrono::milliseconds timeout) = 0;
};

// A parcel of a sink while its write runs.
class Records {
  public:
    Records(df_parcel *p, detail::Shared *shared) : p_(p), shared_(shared) {}
    size_t size() const { return df_parcel_count(p_); }
    std::optional<std::string_view> payload(size_t index) const
    {
        df_bytes b;
        need(df_parcel_payload(p_, index, &b));
        return b.data ? std::optional(detail::view(b)) : std::nullopt;
    }
    Value get(size_t index, std::string_view path) const
    {
        df_value v;
        need(df_parcel_get(p_, index, shared_->path(path), &v));
        return Value(v);
    }
    void reject(size_t index, const char *text, const char *reason = nullptr)
    {
        need(df_parcel_reject(p_, index, reason, text));
    }
    df_parcel *handle() const { return p_; }

  private:
    void need(int rc) const
    {
        if (rc < 0)
            throw Error(rc, df_parcel_error(p_));
    }
    df_parcel *p_;
    detail::Shared *shared_;
};

class Sink {
  public:
    virtual ~Sink() = default;
    virtual void open(Stage) {}
    // Returns: all of it is durable, but for the records that were rejected by index.
    virtual void write(Records &records) = 0;
    virtual void flush() {}
};

namespace detail {

template <class Base> struct Kind {
    Shared *shared;
    std::unique_ptr<Base> (*make)();
};

template <class Base> struct Instance {
    Base *it; // the core gives zeroed memory
};

template <class Base> int on_open(void *self, df_stage *st) noexcept
{
    auto *kind = static_cast<Kind<Base> *>(df_stage_user(st));
    auto *instance = static_cast<Instance<Base> *>(self);
    try {
        instance->it = kind->make().release();
        instance->it->open(Stage(st));
        return DF_OK;
    } catch (...) {
        return caught(kind->shared, st);
    }
}

template <class Base> void on_close(void *self, df_stage *) noexcept
{
    auto *instance = static_cast<Instance<Base> *>(self);
    delete instance->it;
    instance->it = nullptr;
}

inline int on_read(void *self, df_stage *st, df_batch *into, int timeout_ms) noexcept
{
    auto *kind = static_cast<Kind<Source> *>(df_stage_user(st));
    Batch batch(into);
    try {
        auto answer = static_cast<Instance<Source> *>(self)->it->read(batch, std::chrono::milliseconds(timeout_ms));
        return answer == Source::Read::done ? DF_DONE : answer == Source::Read::some ? DF_OK : DF_AGAIN;
    } catch (...) {
        return caught(kind->shared, st);
    }
}

inline int on_write(void *self, df_stage *st, df_parcel *parcel) noexcept
{
    auto *kind = static_cast<Kind<Sink> *>(df_stage_user(st));
    Records records(parcel, kind->shared);
    try {
        static_cast<Instance<Sink> *>(self)->it->write(records);
        return DF_OK;
    } catch (...) {
        return caught(kind->shared, st);
    }
}

inline int on_flush(void *self, df_stage *st, int) noexcept
{
    auto *kind = static_cast<Kind<Sink> *>(df_stage_user(st));
    try {
        static_cast<Instance<Sink> *>(self)->it->flush();
        return DF_OK;
    } catch (...) {
        return caught(kind->shared, st);
    }
}

template <class T> void destroy(void *user) noexcept
{
    delete static_cast<T *>(user);
}

template <class F> struct Function {
    Shared *shared;
    F call;
    std::string name;
    std::mutex turn; // transformWorkers call from several threads
};

} // namespace detail

template <class F> void Env::transform(const char *name, F function, const char *doc)
{
    using Kept = detail::Function<F>;
    std::unique_ptr<Kept> kept(new Kept{shared_.get(), std::move(function), name, {}});
    df_transform t{};
    t.size = sizeof t;
    t.name = name;
    t.doc = doc ? doc : name;
    t.self_size = sizeof(void *);
    t.apply = [](void *, df_stage *st, df_batch *batch) noexcept -> int {
        auto *f = static_cast<Kept *>(df_stage_user(st));
        std::lock_guard<std::mutex> hold(f->turn);
        for (size_t i = 0; i < df_batch_count(batch); i++) {
            df_record *r = df_batch_at(batch, i);
            if (!df_record_live(r))
                continue;
            try {
                Record record(r, f->shared);
                if constexpr (std::is_same_v<std::invoke_result_t<F &, Record &>, bool>) {
                    if (!f->call(record))
                        df_record_drop(r);
                } else {
                    f->call(record);
                }
            } catch (const Reject &e) {
                df_record_reject(r, DF_EDATA, e.reason.empty() ? nullptr : e.reason.c_str(), e.what());
            } catch (const std::bad_alloc &) {
                return DF_ENOMEM;
            } catch (const Error &e) { // of a call on the record
                if (e.status == DF_ENOMEM)
                    return DF_ENOMEM;
                f->shared->keep(st, std::current_exception());
                df_record_reject(r, DF_EDATA, nullptr, e.what());
            } catch (...) { // its text may hold values of the record
                f->shared->keep(st, std::current_exception());
                df_record_failf(r, DF_EDATA, "an exception in the transform %s", f->name.c_str());
            }
        }
        return DF_OK;
    };
    t.user = kept.release();
    t.user_free = detail::destroy<Kept>; // also when the call fails
    need(df_transform_register(get(), &t));
}

template <class S> void Env::source(const char *name, const char *doc, unsigned flags)
{
    static const df_source_ops ops = [] {
        df_source_ops o{};
        o.size = sizeof o;
        o.open = detail::on_open<Source>;
        o.read = detail::on_read;
        o.close = detail::on_close<Source>;
        return o;
    }();
    using Kind = detail::Kind<Source>;
    if (flags & DF_CAN_REPLAY)
        throw Error(DF_EINVAL, "a class of Source has no seek");
    df_connector c{};
    c.size = sizeof c;
    c.name = name;
    c.doc = doc ? doc : name;
    c.source_size = sizeof(detail::Instance<Source>);
    c.source_flags = flags;
    c.source = &ops;
    c.user = new Kind{shared_.get(), []() -> std::unique_ptr<Source> { return std::make_unique<S>(); }};
    c.user_free = detail::destroy<Kind>;
    need(df_connector_register(get(), &c));
}

template <class S> void Env::sink(const char *name, const char *doc, unsigned flags)
{
    static const df_sink_ops ops = [] {
        df_sink_ops o{};
        o.size = sizeof o;
        o.open = detail::on_open<Sink>;
        o.write = detail::on_write;
        o.flush = detail::on_flush;
        o.close = detail::on_close<Sink>;
        return o;
    }();
    using Kind = detail::Kind<Sink>;
    df_connector c{};
    c.size = sizeof c;
    c.name = name;
    c.doc = doc ? doc : name;
    c.sink_size = sizeof(detail::Instance<Sink>);
    c.sink_flags = flags;
    c.sink = &ops;
    c.user = new Kind{shared_.get(), []() -> std::unique_ptr<Sink> { return std::make_unique<S>(); }};
    c.user_free = detail::destroy<Kind>;
    need(df_connector_register(get(), &c));
}

// ---- ports --------------------------------------------------------------------------------------------------

class Port {
  public:
    ~Port() { close(); }
    Port(Port &&other) noexcept = default;
    Port &operator=(Port &&other) noexcept
    {
        std::swap(state_, other.state_);
        return *this;
    }
    // Feed: the end of the input. Take: what was not settled goes back.
    void close()
    {
        if (state_)
            df_port_close(std::exchange(state_->port, nullptr));
    }
    int fd() const { return df_port_fd(get()); }
    df_port *get() const
    {
        if (!state_ || !state_->port)
            throw Error(DF_ESTATE, "this port is closed");
        return state_->port;
    }

  protected:
    struct State {
        df_port *port;
    };
    explicit Port(df_port *port) : state_(new State{port}) {}
    int need(int rc) const
    {
        df_port_info info{};
        info.size = sizeof info;
        if (rc < 0)
            throw Error(rc, df_port_stats(state_->port, &info) == DF_OK ? info.error : "");
        return rc;
    }
    std::shared_ptr<State> state_; // parcels look whether it is open
    friend class Parcel;
};

// Pushes records into a pipeline whose source is of kind `host`.
class Feed : public Port {
  public:
    // How many were copied; fewer than given: there is no more room now. DF_ESTATE: the run has ended.
    size_t push(const df_input *rows, size_t count)
    {
        size_t taken = 0;
        int rc = need(df_port_push(get(), rows, count, &taken));
        if (rc == DF_DONE)
            throw Error(DF_ESTATE, "the pipeline has ended");
        return rc == DF_AGAIN ? 0 : taken;
    }
    bool push(std::string_view payload)
    {
        df_input in{};
        in.size = sizeof in;
        in.payload = detail::bytes(payload);
        in.offset = -1;
        return push(&in, 1) == 1;
    }
    // Pushed records that are settled without a gap, counted from the first.
    uint64_t acked() const
    {
        uint64_t count = 0;
        need(df_port_acked(get(), &count));
        return count;
    }

  private:
    friend class Pipeline;
    explicit Feed(df_port *port) : Port(port) {}
};

// Records taken out together; given back for another try unless done() was called.
class Parcel {
  public:
    Parcel(Parcel &&other) noexcept
        : port_(std::move(other.port_)), p_(std::exchange(other.p_, nullptr)), shared_(std::move(other.shared_))
    {
    }
    Parcel &operator=(Parcel &&other) noexcept
    {
        std::swap(port_, other.port_);
        std::swap(p_, other.p_);
        std::swap(shared_, other.shared_);
        return *this;
    }
    ~Parcel()
    {
        if (p_ && port_->port)
            df_port_settle(port_->port, p_, DF_EIO);
    }
    size_t size() const { return df_parcel_count(handle()); }
    std::optional<std::string_view> payload(size_t index) { return records().payload(index); }
    Value get(size_t index, std::string_view path) { return records().get(index, path); }
    void done() { settle(DF_OK); }      // durable
    void reject() { settle(DF_EDATA); } // all of it to the error sink
    // DF_ESTATE: it was given back, or its port is closed.
    df_parcel *handle() const
    {
        if (!p_ || !port_->port)
            throw Error(DF_ESTATE, "this parcel was given back");
        return p_;
    }

  private:
    friend class Take;
    Parcel(std::shared_ptr<Port::State> port, df_parcel *p, std::shared_ptr<detail::Shared> shared)
        : port_(std::move(port)), p_(p), shared_(std::move(shared))
    {
    }
    Records records() { return {handle(), shared_.get()}; }
    void settle(int status)
    {
        df_parcel *given = handle();
        p_ = nullptr;
        int rc = df_port_settle(port_->port, given, status);
        if (rc < 0)
            throw Error(rc);
    }
    std::shared_ptr<Port::State> port_;
    df_parcel *p_;
    std::shared_ptr<detail::Shared> shared_;
};

// Takes parcels out of a pipeline whose sink is of kind `host`, or watches a stage (tap).
class Take : public Port {
  public:
    // nullopt: none in time, or (ended() is true) nothing comes any more.
    std::optional<Parcel> take(std::chrono::milliseconds timeout = forever)
    {
        df_parcel *p = nullptr;
        int rc = need(df_port_take(get(), detail::milliseconds(timeout), &p));
        ended_ = rc == DF_DONE;
        if (rc != DF_OK)
            return std::nullopt;
        return Parcel(state_, p, shared_);
    }
    bool ended() const { return ended_; }

  private:
    friend class Pipeline;
    Take(df_port *port, std::shared_ptr<detail::Shared> shared) : Port(port), shared_(std::move(shared)) {}
    std::shared_ptr<detail::Shared> shared_;
    bool ended_ = false;
};

// ---- pipelines ----------------------------------------------------------------------------------------------

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
        : shared_(std::move(other.shared_)), p_(std::exchange(other.p_, nullptr))
    {
    }
    Pipeline &operator=(Pipeline &&other) noexcept
    {
        std::swap(p_, other.p_);
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
        take_cause(); // of an earlier run of this name
        ended(df_pipeline_start(p_, &run));
    }
    // true: it has ended well; false: not in time. A run that failed throws.
    bool wait(std::chrono::milliseconds timeout = forever)
    {
        int rc = ended(df_pipeline_wait(p_, detail::milliseconds(timeout)));
        if (rc == DF_OK)
            take_cause();
        return rc != DF_AGAIN;
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
    // The plan begins with {"pipeline":{"name":"...": causes are kept by that name.
    std::exception_ptr take_cause() noexcept
    try {
        const std::string plan = report(DF_REPORT_PLAN), before = "{\"pipeline\":{\"name\":\"";
        if (plan.compare(0, before.size(), before) != 0)
            return nullptr;
        return shared_->take(plan.substr(before.size(), plan.find('"', before.size()) - before.size()));
    } catch (...) {
        return nullptr;
    }
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
        std::exception_ptr cause = take_cause();
        if (rc == DF_EREJECTED || rc == DF_EINTERNAL || rc == DF_EDATA)
            error.cause = cause;
        throw;
    }
    std::shared_ptr<detail::Shared> shared_;
    df_pipeline *p_ = nullptr;
};

} // namespace dataflow

#endif
