// SPDX-License-Identifier: Apache-2.0
//
// value.hpp: values of records. Part of dataflow.hpp.
#ifndef DATAFLOW_VALUE_HPP
#define DATAFLOW_VALUE_HPP

#include <dataflow/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace dataflow {

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

} // namespace dataflow

#endif
