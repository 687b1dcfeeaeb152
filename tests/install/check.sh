#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# check.sh KIND PREFIX LIBDIR: builds and runs a program against the installed package in PREFIX.
set -eu
kind=$1 prefix=$2 lib=$2/$3
here=$(cd "$(dirname "$0")" && pwd)
[ -e "$prefix/include/dataflow.h" ] || { echo "nothing is installed in $prefix: cmake --install"; exit 77; }
[ -z "${DF_SANITIZE:-}" ] || { echo "a sanitized library needs sanitized programs"; exit 77; }
dir=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && { rm -rf "$dir"; }' EXIT
cd "$dir"
export PKG_CONFIG_PATH=$lib/pkgconfig LD_LIBRARY_PATH=$lib

ran() { # the pipeline wrote its five records
    [ "$(wc -l <embed.out)" = 5 ] || { echo "embed.out does not have 5 lines"; cat embed.out; exit 1; }
}

case $kind in
pkg-config)
    # Nothing but what pkg-config says.
    cc -Wall -Wextra -Werror -o embed "$here/embed.c" $(pkg-config --cflags --libs libdataflow)
    ./embed
    ran
    readelf -d "$lib/libdataflow.so" | grep -q 'SONAME.*libdataflow\.so\.0\]' || { echo "wrong soname"; exit 1; }
    ;;
find-package)
    cp "$here/embed.c" .
    cp "$here/CMakeLists-user.txt" CMakeLists.txt
    cmake -S . -B build -DCMAKE_PREFIX_PATH="$prefix" >log 2>&1 && cmake --build build >>log 2>&1 || { cat log; exit 1; }
    ./build/embed
    ran
    ;;
cplusplus)
    c++ -std=c++17 -Wall -Wextra -Werror -o embed "$here/embed.cpp" $(pkg-config --cflags --libs libdataflow)
    ./embed
    ;;
cpp-binding)
    binding=$here/../../bindings/cpp
    for program in "$binding"/tests/*.cpp "$binding"/examples/*.cpp; do
        c++ -std=c++17 -O1 -Wall -Wextra -Wconversion -Wshadow -Werror -o program "$program" $(pkg-config --cflags --libs libdataflow)
        ./program >out || { echo "$program failed"; exit 1; }
    done
    [ "$(cat out)" = '{"price":1.5,"quantity":4,"total":6.0}' ] || { echo "the example wrote: $(cat out)"; exit 1; }
    ;;
program)
    unset LD_LIBRARY_PATH
    [ -x "$prefix/bin/dfproc" ] || { echo "dfproc was not built"; exit 77; }
    "$prefix/bin/dfproc" version
    # Modules are found in the installed folder.
    for module in "$lib"/libdataflow/*.so; do
        [ -e "$module" ] || continue
        name=$(basename "$module" .so)
        # libcurl and what is under it come with a manifest that needs them, not with the module
        readelf -d "$module" | grep -q 'NEEDED.*libcurl' && { echo "$name needs libcurl"; exit 1; }
        "$prefix/bin/dfproc" connectors | grep -qw "$name" || { echo "dfproc does not list $name"; exit 1; }
    done
    ;;
moved)
    # The whole prefix elsewhere: pkg-config, CMake, programs and modules are those of the new place.
    cp -a "$prefix" moved
    lib=$dir/moved/${lib#"$prefix"/}
    export PKG_CONFIG_PATH=$lib/pkgconfig LD_LIBRARY_PATH=$lib
    cc -Wall -Wextra -Werror -o embed "$here/embed.c" $(pkg-config --cflags --libs libdataflow)
    ./embed
    ran
    cp "$here/embed.c" . && cp "$here/CMakeLists-user.txt" CMakeLists.txt
    cmake -S . -B build -DCMAKE_PREFIX_PATH="$dir/moved" >log 2>&1 && cmake --build build >>log 2>&1 || { cat log; exit 1; }
    [ "$(pkg-config --libs libdataflow | xargs -n 1 | grep '^-l')" = -ldataflow ] || { echo "pkg-config: $(pkg-config --libs libdataflow)"; exit 1; }
    echo >"$lib/libdataflow/none.so"
    unset LD_LIBRARY_PATH
    moved/bin/dfproc connectors >log 2>&1 || { cat log; exit 1; }
    grep -q "$dir/moved/.*/libdataflow/none.so" log || { echo 'modules are looked for elsewhere:'; cat log; exit 1; }
    ;;
refused)
    # A module of a newer version came while this library is in use, or one of an older ABI is there.
    cat >other.c <<'C'
#include <dataflow_ext.h>
static int init(df_env *env) { (void)env; return 0; }
extern const df_plugin df_plugin_entry;
const df_plugin df_plugin_entry = {sizeof(df_plugin), OTHER, init};
C
    cat >check.c <<'C'
#include <dataflow.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
    static const char yaml[] = "source: {type: kafka, config: {brokers: a:1, topic: b, consumerGroup: c}}\nsink: {type: stdio}\n";
    df_env_options options = DF_ENV_OPTIONS_INIT;
    df_text text = {sizeof text, "flow.yaml", yaml, sizeof yaml - 1};
    df_problem problem = {sizeof problem};
    options.module_path = "modules";
    df_env *env = df_env_new(&options);
    df_pipeline *p = df_pipeline_new(env, NULL);
    int rc = df_pipeline_load(p, &text);
    if (rc == DF_OK)
        rc = df_pipeline_check(p);
    if (df_pipeline_problem_at(p, 0, &problem) == DF_OK)
        printf("%s %s\n", df_status_name(rc), problem.text);
    df_pipeline_free(p);
    df_env_free(env);
    return 0;
}
C
    mkdir modules
    cc -o check check.c $(pkg-config --cflags --libs libdataflow)
    while read -r other version remedy; do
        cc -shared -fPIC "-DOTHER=DF_VERSION $other" -o modules/kafka.so other.c $(pkg-config --cflags libdataflow)
        ./check >log
        grep -qE "^DF_ESPEC .*\"kafka\" cannot be used: .* was built for version $version and this process runs 0\.1\.0: $remedy" log ||
            { cat log; exit 1; }
    done <<'END'
+100 0[.]2[.]0 restart it
-100 0[.]0[.]0 build it
END
    ;;
static)
    # The archive inside the program: it needs no libdataflow.so, has the connectors, and says why it
    # opens no plug-in; one that shows its symbols opens it.
    export PKG_CONFIG_PATH=$lib/pkgconfig
    flags=$(pkg-config --static --cflags --libs libdataflow | sed 's/-ldataflow/-Wl,--whole-archive -l:libdataflow.a -Wl,--no-whole-archive/')
    cc -Wall -Wextra -Werror -o embed "$here/embed.c" $flags
    cat >plugin.c <<'C'
#include <dataflow_ext.h>
static int init(df_env *env) { return df_connector_register(env, 0) == DF_EINVAL ? DF_OK : DF_EIO; }
extern const df_plugin df_plugin_entry;
const df_plugin df_plugin_entry = {sizeof(df_plugin), DF_VERSION, init};
C
    cat >opens.c <<'C'
#include <dataflow_ext.h>
#include <stdio.h>
int main(void)
{
    df_env *env = df_env_new(NULL);
    int rc = df_env_load_plugin(env, "./plugin.so");
    printf("%s %s\n", df_status_name(rc), df_env_errmsg(env));
    df_env_free(env);
    return 0;
}
C
    cc -shared -fPIC -o plugin.so plugin.c $(pkg-config --cflags libdataflow)
    cc -o hides opens.c $flags
    cc -rdynamic -o shows opens.c $flags
    unset LD_LIBRARY_PATH
    ldd embed hides | grep libdataflow && exit 1
    ./embed
    ran
    ./hides | grep -q '^DF_ENOTSUP .*link it with --whole-archive and -rdynamic' || { ./hides; exit 1; }
    ./shows | grep -q '^DF_OK' || { ./shows; exit 1; }
    cat >flow.c <<'C'
#include <dataflow.h>
#include <stdio.h>
int main(void)
{
    static const char yaml[] = "source: {type: kafka, config: {brokers: a:1, topic: b, consumerGroup: c}}\n"
                               "sink: {type: iceberg, config: {catalogURI: 'http://a:1', namespace: n, table: t}}\n";
    df_text text = {sizeof text, "flow.yaml", yaml, sizeof yaml - 1};
    df_env *env = df_env_new(NULL);
    df_pipeline *p = df_pipeline_new(env, NULL);
    int rc = df_pipeline_load(p, &text);
    puts(df_status_name(rc == DF_OK ? df_pipeline_check(p) : rc));
    df_pipeline_free(p);
    df_env_free(env);
    return 0;
}
C
    cc -o flow flow.c $flags
    [ "$(./flow)" = DF_OK ] || { ./flow; exit 1; }
    cp "$here/embed.c" . && sed 's/libdataflow::dataflow/&_static/' "$here/CMakeLists-user.txt" >CMakeLists.txt
    cmake -S . -B build -DCMAKE_PREFIX_PATH="$prefix" >log 2>&1 && cmake --build build >>log 2>&1 || { cat log; exit 1; }
    ldd build/embed | grep libdataflow && exit 1
    ./build/embed
    ;;
uninstall)
    # Into an empty folder and out of it again: nothing of ours stays.
    export DESTDIR=$dir/root
    cmake --install "$DF_BUILD_DIR" >log 2>&1 || { cat log; exit 1; }
    [ -e "$DESTDIR$lib/libdataflow.so.0" ] || { echo "nothing was installed"; cat log; exit 1; }
    cmake --build "$DF_BUILD_DIR" --target uninstall >log 2>&1 || { cat log; exit 1; }
    left=$(find "$DESTDIR" ! -type d; find "$DESTDIR" -type d \( -path '*libdataflow' -o -path '*include/dataflow' \))
    [ -z "$left" ] || { echo "left behind:"; echo "$left"; exit 1; }
    # Folders of headers too, but nobody else's.
    mkdir -p root/p/include/dataflow/parts root/p/include/other
    touch root/p/include/dataflow/parts/a.hpp
    echo /p/include/dataflow/parts/a.hpp >manifest
    cmake -DMANIFEST="$PWD/manifest" -P "$here/../../cmake/uninstall.cmake" >log 2>&1 || { cat log; exit 1; }
    [ "$(cd root/p/include && ls)" = other ] || { echo "folders of headers: $(cd root/p/include && ls)"; exit 1; }
    ;;
hardened)
    # Each of our files: lazy binding off, its tables read-only, no executable stack, checked copies
    # and frames; programs at addresses of chance. What is built on Debian 12 needs glibc 2.34, as docs/install.md
    # says; a newer Debian's headers name newer functions.
    floor=$(ldd --version | sed -n '1s/.* //p')
    [ "$floor" != 2.36 ] || floor=2.34
    for file in "$prefix/bin/dfproc" "$lib/libdataflow.so" "$lib"/libdataflow/*.so "$lib"/libdataflow/*/*.so; do
        [ -e "$file" ] || continue
        newest=$(printf '%s\n' "$floor" $(objdump -T "$file" | grep -o 'GLIBC_[0-9.]*' | cut -d_ -f2) | sort -V | tail -n 1)
        [ "$newest" = "$floor" ] || { echo "$file: needs glibc $newest"; exit 1; }
        has() { readelf -W "$2" "$file" | grep -qE -- "$3" || { echo "$file: no $1"; exit 1; }; }
        has 'read-only tables (relro)' -l 'GNU_RELRO'
        has 'binding at the start (now)' -d 'BIND_NOW|FLAGS_1.*NOW'
        has 'checked stack frames' --dyn-syms '__stack_chk_fail'
        has 'address of chance (PIE)' -h 'Type: +DYN'
        readelf -W -l "$file" | grep -q 'GNU_STACK.*RWE' && { echo "$file: executable stack"; exit 1; }
        [ "$file" = "$lib/libdataflow.so" ] && has 'checked copies' --dyn-syms '__[a-z]*_chk'
        # functions begin with a mark for branches; the note needs a C runtime that has it too
        [ "$(uname -m)" != x86_64 ] || [ "$(LC_ALL=C grep -aoF $'\xf3\x0f\x1e\xfa' "$file" | wc -l)" -gt 50 ] ||
            { echo "$file: no branch targets (cf-protection)"; exit 1; }
    done
    ;;
esac
