// SPDX-License-Identifier: Apache-2.0
//
// record.hpp: a record as a function of the program sees it. Part of dataflow.hpp.
#ifndef DATAFLOW_RECORD_HPP
#define DATAFLOW_RECORD_HPP

#include <dataflow/env.hpp>

#include <optional>
#include <string_view>

namespace dataflow {

class Record {
  public:
    // Missing: an absent value. DF_EDATA: the payload is not JSON.
    Value get(std::string_view path)
    {
        df_value v;
        need(df_record_get(r_, shared_->path(path).get(), &v), "the payload is not JSON");
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
        need(df_record_set(r_, shared_->path(path).get(), &v), "not JSON, or a parent is no container");
    }
    // JSON text as a value at the path.
    void set_json(std::string_view path, std::string_view json)
    {
        df_value v;
        need(df_value_parse(r_, detail::bytes(json), &v), "no JSON text");
        need(df_record_set(r_, shared_->path(path).get(), &v), "not JSON, or a parent is no container");
    }
    void erase(std::string_view path)
    {
        df_value none{};
        need(df_record_set(r_, shared_->path(path).get(), &none), "the payload is not JSON");
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

} // namespace dataflow

#endif
