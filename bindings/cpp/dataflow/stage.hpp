// SPDX-License-Identifier: Apache-2.0
//
// stage.hpp: functions as transforms, classes as sources and sinks. Part of dataflow.hpp.
#ifndef DATAFLOW_STAGE_HPP
#define DATAFLOW_STAGE_HPP

#include <dataflow/record.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace dataflow {

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
        shared->keep(st, &Shared::Causes::failed, std::current_exception());
        return df_stage_fail(st, DF_EINTERNAL, nullptr, e.what());
    } catch (...) {
        shared->keep(st, &Shared::Causes::failed, std::current_exception());
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
        need(df_parcel_get(p_, index, shared_->path(path).get(), &v));
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
                f->shared->keep(st, &detail::Shared::Causes::refused, std::current_exception());
                df_record_reject(r, DF_EDATA, nullptr, e.what());
            } catch (...) { // its text may hold values of the record
                f->shared->keep(st, &detail::Shared::Causes::refused, std::current_exception());
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

} // namespace dataflow

#endif
