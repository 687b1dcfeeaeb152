# SPDX-License-Identifier: Apache-2.0
"""Not yet."""
ORDER = []


def w13(bench):
    return []
