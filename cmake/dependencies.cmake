# SPDX-License-Identifier: Apache-2.0
# Finds what is needed and says, in one message, everything that is missing.
find_package(PkgConfig REQUIRED)

# df_need(<target suffix> <pkg-config module and version> <Debian package>)
function(df_need name module package)
  pkg_check_modules(${name} QUIET IMPORTED_TARGET GLOBAL "${module}")
  if(NOT ${name}_FOUND)
    set_property(GLOBAL APPEND PROPERTY DF_MISSING "${module} (Debian: ${package})")
  endif()
endfunction()

df_need(YYJSON "yyjson>=0.8" libyyjson-dev)
df_need(YAML yaml-0.1 libyaml-dev)
df_need(JSONC "json-c>=0.15" libjson-c-dev)
df_need(ZLIB zlib zlib1g-dev)
if(DF_WITH_NET)
  df_need(CURL "libcurl>=7.85" libcurl4-openssl-dev)
endif()
if(DF_WITH_DFPROC)
  df_need(MHD "libmicrohttpd>=0.9.70" libmicrohttpd-dev)
endif()
if(DF_WITH_DFOPERATOR AND DF_WITH_DFPROC AND DF_WITH_NET)
  df_need(GNUTLS "gnutls>=3.6.3" libgnutls28-dev) # what libmicrohttpd speaks TLS with
endif()

# After the connectors have said what they need.
function(df_report_missing)
  get_property(missing GLOBAL PROPERTY DF_MISSING)
  if(missing)
    list(JOIN missing "\n  " text)
    message(FATAL_ERROR "Missing libraries:\n  ${text}\n"
      "Run tools/setup build (Debian), or leave a part out, for example -DDF_WITH_KAFKA=OFF.")
  endif()
endfunction()
