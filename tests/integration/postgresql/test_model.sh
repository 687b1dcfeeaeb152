#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every write mode against a map, for several batch sizes; see model.py. Longer:
#   DF_MODEL_SEED=1000 DF_MODEL_SECONDS=600 tests/bed/with-servers bash tests/integration/postgresql/test_model.sh
. "$(dirname "$0")/../pg_lib.sh"
export DATAFLOW_PLUGINS=${DF_BUILD_DIR:-build/dev}/lib/typed_rows.so
python3 "$(dirname "$0")/model.py" "$dir" "$PG_TEST_URL" "${DF_MODEL_SEED:-0}" "${DF_MODEL_SECONDS:-0}" ||
    failed=1
finish
