# SPDX-License-Identifier: Apache-2.0
"""An API server of the tests that can be told to fail, and controllers beside it."""
