// SPDX-License-Identifier: Apache-2.0
//
// error.hpp: errors: what a call, a manifest or a function of the program failed with. Part of dataflow.hpp.
#ifndef DATAFLOW_ERROR_HPP
#define DATAFLOW_ERROR_HPP

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <dataflow_ext.h>

namespace dataflow {

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

} // namespace dataflow

#endif
