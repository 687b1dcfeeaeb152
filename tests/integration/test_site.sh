#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tools/site writes every page as a static file that can be searched, and a page fetches nothing from elsewhere.
# ctest: no-servers
. "$DF_SOURCE_DIR/tests/support/script.sh"
dir=$(mktemp -d)
trap '[ "$BASHPID" = $$ ] && rm -rf "$dir"' EXIT
evidence=("$dir/said")
site=$dir/site

"$DF_SOURCE_DIR/tools/site" "$site" >"$dir/said" 2>&1 && ok 'it is written' || { bad 'it is written'; finish; }
missing=()
for page in "$DF_SOURCE_DIR"/docs/*.md; do
    [ -s "$site/docs/$(basename "$page" .md).html" ] || missing+=("${page##*/}")
done
same 'all pages of docs/' '' "${missing[*]}"
grep -q 'docs/delivery.html' "$site/search/search_index.json" && ok 'they can be searched' || bad 'they can be searched'
same 'nothing is fetched from elsewhere' '' \
    "$(grep -rhoE '<(script|link|img)[^>]*(src|href)="https?://[^"]*"' --include='*.html' "$site" | sort -u)"
[ -s "$site/examples/kafka-to-postgresql.yaml" ] && ok 'samples are there' || bad 'samples are there'
finish
