// SPDX-License-Identifier: Apache-2.0
//
// port.hpp: records of the program in and out of a pipeline. Part of dataflow.hpp.
#ifndef DATAFLOW_PORT_HPP
#define DATAFLOW_PORT_HPP

#include <dataflow/stage.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace dataflow {

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

} // namespace dataflow

#endif
