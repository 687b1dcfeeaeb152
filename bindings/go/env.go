// SPDX-License-Identifier: Apache-2.0

// Package dataflow moves records from a source through transformations to sinks and loses none of them: libdataflow
// for Go. An Env is the library in the process, a Pipeline is a flow that runs once, Feed and Take are its ends in
// this program; transforms are functions, sinks are values with a Write method.
//
// Handles may be used by many goroutines. A call that waits takes a context and holds no thread of the system: all
// of them wait in Go's own poller.
package dataflow

// #cgo pkg-config: libdataflow
// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime/cgo"
	"runtime/debug"
	"sync"
	"unsafe"
)

// Level of a log line.
type Level int

const (
	LogError Level = C.DF_LOG_ERROR
	LogWarn  Level = C.DF_LOG_WARN
	LogInfo  Level = C.DF_LOG_INFO
	LogDebug Level = C.DF_LOG_DEBUG
)

// EnvOptions say how the library behaves in this process; the zero value is fine.
type EnvOptions struct {
	Log        func(level Level, line string) // called from any thread; must not block or panic
	LogLevel   Level                          // 0: warnings
	ModulePath string                         // folders of connector modules; "": built in
}

var errEnvClosed = &Error{Status: EState, Text: "the env is closed"}

// Env is the library in the process: connectors, transforms, log. One for a process is enough.
type Env struct {
	mu    sync.Mutex // of the handle
	h     *C.df_env
	log   cgo.Handle
	paths sync.Map // text: *C.df_path
	cause struct {
		sync.Mutex
		first error
	}
	open int // pipelines
}

// NewEnv makes one. It opens no module and starts no thread.
func NewEnv(options EnvOptions) (*Env, error) {
	e := &Env{}
	if options.Log != nil {
		e.log = cgo.NewHandle(options.Log)
	}
	var path *C.char
	if options.ModulePath != "" {
		path = C.CString(options.ModulePath)
		defer C.free(unsafe.Pointer(path))
	}
	e.h = C.dfgo_env_new(C.int(options.LogLevel), path, C.uintptr_t(e.log))
	if e.h == nil {
		if e.log != 0 {
			e.log.Delete()
		}
		return nil, ENoMem
	}
	return e, nil
}

// Close frees it. EState: a pipeline of it is not closed yet.
func (e *Env) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.h == nil {
		return nil
	}
	if e.open > 0 {
		return &Error{Status: EState, Text: fmt.Sprintf("%d pipelines of the env are not closed", e.open)}
	}
	e.paths.Range(func(_, path any) bool { C.df_path_free(path.(*C.df_path)); return true })
	C.df_env_free(e.h)
	e.h = nil
	if e.log != 0 {
		e.log.Delete()
	}
	return nil
}

// Version of the library in use, "0.1.0".
func Version() string { return C.GoString(C.df_version_string()) }

// path compiles a path once.
func (e *Env) path(text string) (*C.df_path, error) {
	if known, ok := e.paths.Load(text); ok {
		return known.(*C.df_path), nil
	}
	t := C.CString(text)
	defer C.free(unsafe.Pointer(t))
	e.mu.Lock()
	defer e.mu.Unlock()
	if known, ok := e.paths.Load(text); ok {
		return known.(*C.df_path), nil
	}
	made := C.df_path_new(e.h, t)
	if made == nil {
		return nil, failure(C.DF_EINVAL, C.df_env_errmsg(e.h))
	}
	e.paths.Store(text, made)
	return made, nil
}

type transform struct {
	env  *Env
	name string
	call func(*Record) error
}

// Transform makes `- type: NAME` of manifests a function of this program. It edits the record and returns nil, Drop,
// Reject(...) or any other error, which refuses the record too. Several threads may call it at once. Another error than
// Reject's or this package's, and a panic, refuse the record with the name of the transform alone, since their texts
// may hold values of it; the first one is the cause of the run's error.
func (e *Env) Transform(name string, call func(*Record) error) error {
	return e.register(name, &transform{e, name, call}, func(n, doc *C.char, h C.uintptr_t) C.int {
		return C.dfgo_transform(e.h, n, doc, h)
	})
}

// Sink takes what a flow delivers. Open and Close are optional methods with the signature func() error.
type Sink interface {
	// Write returns nil when all records are durable, Rejections for those that can never be, an error with the
	// status EIO or ETimeout when they shall be given again. Any other error ends the run.
	Write(records []Message) error
}

type sinkKind struct {
	env  *Env
	make func() Sink
}

// Sink makes `type: NAME` of manifests a sink of this program; make is called at each open.
func (e *Env) Sink(name string, make func() Sink) error {
	return e.register(name, &sinkKind{e, make}, func(n, doc *C.char, h C.uintptr_t) C.int {
		return C.dfgo_sink(e.h, n, doc, h)
	})
}

func (e *Env) register(name string, what any, do func(name, doc *C.char, h C.uintptr_t) C.int) error {
	n, doc := C.CString(name), C.CString("A function of the program.")
	defer C.free(unsafe.Pointer(n))
	defer C.free(unsafe.Pointer(doc))
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.h == nil {
		return errEnvClosed
	}
	if rc := do(n, doc, C.uintptr_t(cgo.NewHandle(what))); rc < 0 { // the library frees the handle
		return failure(rc, C.df_env_errmsg(e.h))
	}
	return nil
}

func (e *Env) keep(cause error) {
	e.cause.Lock()
	defer e.cause.Unlock()
	if e.cause.first == nil {
		e.cause.first = cause
	}
}

func (e *Env) takeCause() error {
	e.cause.Lock()
	defer e.cause.Unlock()
	first := e.cause.first
	e.cause.first = nil
	return first
}

// guarded runs a function of the program; no panic passes into the library.
func guarded(env *Env, call func() error) (err error, panicked bool) {
	defer func() {
		if what := recover(); what != nil {
			err, panicked = fmt.Errorf("panic: %v\n%s", what, debug.Stack()), true
			env.keep(err)
		}
	}()
	if err = call(); err != nil {
		_ = err.Error() // of the program too
	}
	return err, false
}

//export dfgoLog
func dfgoLog(user C.uintptr_t, level C.int, line *C.char) {
	cgo.Handle(user).Value().(func(Level, string))(Level(level), C.GoString(line))
}

//export dfgoFree
func dfgoFree(user C.uintptr_t) { cgo.Handle(user).Delete() }

//export dfgoApply
func dfgoApply(user C.uintptr_t, r *C.df_record) C.int {
	t := cgo.Handle(user).Value().(*transform)
	record := Record{r: r, env: t.env}
	err, panicked := guarded(t.env, func() error { return t.call(&record) })
	record.r = nil // what was kept of it says so
	if err == nil {
		return C.DF_OK
	}
	if errors.Is(err, Drop) {
		return C.DF_DROP
	}
	text, refused, failed, status := "", (*Rejection)(nil), (*Error)(nil), Status(0)
	switch {
	case panicked:
		text = "the transform " + t.name + " panicked"
	case errors.As(err, &refused):
		text = refused.Text
	case errors.As(err, &failed): // of a call on the record
		text = failed.Text
	case errors.As(err, &status):
		text = status.Error()
	default:
		text = "an error of the transform " + t.name
		t.env.keep(err)
	}
	c := C.CString(text)
	defer C.free(unsafe.Pointer(c))
	return C.df_record_fail(r, C.DF_EDATA, c)
}

type sink struct {
	kind *sinkKind
	it   Sink
}

// answer tells the core how an operation of a sink ended.
func answer(env *Env, st *C.df_stage, err error) C.int {
	if err == nil {
		return C.DF_OK
	}
	status, refused := Status(C.DF_EINTERNAL), (*Rejection)(nil)
	if errors.As(err, &refused) {
		status = EData
	} else {
		if errors.As(err, &status); status >= 0 {
			status = EInternal
		}
		if status != EIO && status != ETimeout { // those are tried again
			env.keep(err)
		}
	}
	c := C.CString(err.Error())
	defer C.free(unsafe.Pointer(c))
	return C.df_stage_fail(st, C.int(status), nil, c)
}

//export dfgoSinkOpen
func dfgoSinkOpen(user C.uintptr_t, st *C.df_stage, made *C.uintptr_t) C.int {
	kind := cgo.Handle(user).Value().(*sinkKind)
	s := &sink{kind: kind}
	err, _ := guarded(kind.env, func() error {
		s.it = kind.make()
		if opens, ok := s.it.(interface{ Open() error }); ok {
			return opens.Open()
		}
		return nil
	})
	*made = C.uintptr_t(cgo.NewHandle(s))
	return answer(kind.env, st, err)
}

//export dfgoSinkWrite
func dfgoSinkWrite(user C.uintptr_t, st *C.df_stage, parcel *C.df_parcel) C.int {
	s := cgo.Handle(user).Value().(*sink)
	records, err := messages(parcel)
	if err == nil {
		err, _ = guarded(s.kind.env, func() error { return s.it.Write(records) })
	}
	var refused Rejections
	if !errors.As(err, &refused) {
		return answer(s.kind.env, st, err)
	}
	for _, one := range refused {
		text := C.CString(one.Text)
		var reason *C.char
		if one.Reason != "" {
			reason = C.CString(one.Reason)
		}
		rc := C.df_parcel_reject(parcel, C.size_t(one.Index), reason, text)
		C.free(unsafe.Pointer(text))
		C.free(unsafe.Pointer(reason))
		if rc < 0 {
			return rc
		}
	}
	return C.DF_OK
}

//export dfgoSinkClose
func dfgoSinkClose(user C.uintptr_t) {
	s := cgo.Handle(user).Value().(*sink)
	cgo.Handle(user).Delete()
	if closes, ok := s.it.(interface{ Close() error }); ok {
		guarded(s.kind.env, closes.Close) //nolint:errcheck // nobody is left to be told
	}
}
