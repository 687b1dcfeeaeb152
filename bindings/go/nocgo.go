// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package dataflow

var _ = this_package_needs_cgo_set_CGO_ENABLED_to_1_and_install_libdataflow_dev
