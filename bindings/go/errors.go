// SPDX-License-Identifier: Apache-2.0

package dataflow

// #include "bridge.h"
import "C"

import "fmt"

// Status is a code of the library; errors.Is(err, dataflow.EIO) asks an error for it.
type Status int

// What each code means is in docs/errors.md.
const (
	EIO        Status = C.DF_EIO
	ETimeout   Status = C.DF_ETIMEOUT
	EUnknown   Status = C.DF_EUNKNOWN
	EData      Status = C.DF_EDATA
	ETooBig    Status = C.DF_ETOOBIG
	ERewind    Status = C.DF_EREWIND
	EFenced    Status = C.DF_EFENCED
	EAuth      Status = C.DF_EAUTH
	ENoMem     Status = C.DF_ENOMEM
	EInval     Status = C.DF_EINVAL
	EState     Status = C.DF_ESTATE
	ENotFound  Status = C.DF_ENOTFOUND
	EExists    Status = C.DF_EEXISTS
	ESpec      Status = C.DF_ESPEC
	ENotSup    Status = C.DF_ENOTSUP
	ECanceled  Status = C.DF_ECANCELED
	ERejected  Status = C.DF_EREJECTED
	ETemporary Status = C.DF_ETEMPORARY
	EInternal  Status = C.DF_EINTERNAL
)

func (s Status) Error() string { return C.GoString(C.df_status_text(C.int(s))) }

// Name is the code as C writes it: "DF_EIO".
func (s Status) Name() string { return C.GoString(C.df_status_name(C.int(s))) }

// Problem is one fault of a manifest.
type Problem struct {
	Warning      bool
	Line, Column int // from 1; 0: unknown
	File, Field  string
	Text, Hint   string
}

func (p Problem) String() string {
	text := fmt.Sprintf("%s:%d:%d: %s: %s", p.File, p.Line, p.Column, p.Field, p.Text)
	if p.Hint != "" {
		text += " (" + p.Hint + ")"
	}
	return text
}

// Error is a failed call. errors.Is finds its Status and its cause.
type Error struct {
	Status   Status
	Text     string
	Problems []Problem // of ESpec: all at once
	Cause    error     // what a function of the program returned or panicked with, and so ended this run
}

func (e *Error) Error() string { return e.Text }

// Unwrap lets errors.Is and errors.As see status and cause.
func (e *Error) Unwrap() []error {
	if e.Cause != nil {
		return []error{e.Status, e.Cause}
	}
	return []error{e.Status}
}

// failure copies the text of a handle, in the turn of the call that failed.
func failure(rc C.int, text *C.char) *Error {
	e := &Error{Status: Status(rc), Text: C.GoString(text)}
	if e.Text == "" {
		e.Text = e.Status.Error()
	}
	return e
}

// Rejection refuses a record: it goes to the error sink. Return it from a transform, or, with the index of each
// record, in Rejections from a sink.
type Rejection struct {
	Text   string
	Reason string // a word for metrics; "": none
	Index  int
}

func (r *Rejection) Error() string { return r.Text }

// Reject refuses the record of a transform. No value of a record belongs in the text.
func Reject(text string) error { return &Rejection{Text: text} }

// Rejections are what a sink could not write; all other records of the parcel are durable.
type Rejections []*Rejection

func (r Rejections) Error() string { return fmt.Sprintf("%d records refused", len(r)) }

type dropped struct{}

func (dropped) Error() string { return "dropped" }

// Drop, returned from a transform, leaves the record out; it counts as filtered.
var Drop error = dropped{}
