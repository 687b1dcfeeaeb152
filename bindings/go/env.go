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
	"sync/atomic"
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
	count int      // of paths
	open  int      // pipelines
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

// So many paths are kept: a program that makes them of its records' values takes no more memory for ever new ones.
const mostPaths = 1000

func kept(*C.df_path)    {}
func freed(p *C.df_path) { C.df_path_free(p) }

// path compiles a path once, or, of one too many, for this call, after which it is given to the function.
func (e *Env) path(text string) (*C.df_path, func(*C.df_path), error) {
	if known, ok := e.paths.Load(text); ok {
		return known.(*C.df_path), kept, nil
	}
	t := C.CString(text)
	defer C.free(unsafe.Pointer(t))
	e.mu.Lock()
	defer e.mu.Unlock()
	if known, ok := e.paths.Load(text); ok {
		return known.(*C.df_path), kept, nil
	}
	made := C.df_path_new(e.h, t)
	if made == nil {
		return nil, kept, failure(C.DF_EINVAL, C.df_env_errmsg(e.h))
	}
	if e.count >= mostPaths {
		return made, freed, nil
	}
	e.count++
	e.paths.Store(text, made)
	return made, kept, nil
}

type transform struct {
	env  *Env
	name string
	call func(*Record) error
}

// Transform makes `- type: NAME` of manifests a function of this program. It edits the record and returns nil, Drop,
// Reject(...), a *Rejection or any other error, which refuses the record too. Several threads may call it at once. Another
// error than a Rejection or this package's, and a panic, refuse the record with the name of the transform alone, since
// their texts may hold values of it; the first one is the cause of the error of a run that ends at a refused record.
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

type sinkKind struct{ make func() Sink }

// Sink makes `type: NAME` of manifests a sink of this program; make is called at each open.
func (e *Env) Sink(name string, make func() Sink) error {
	return e.register(name, &sinkKind{make}, func(n, doc *C.char, h C.uintptr_t) C.int {
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

// causes are what functions of the program failed with in one pipeline.
type causes struct {
	mu      sync.Mutex
	refused error // the first record that one refused
	failed  error // the first sink that ended the run, with this status
	status  Status
}

// runs has the causes of each pipeline by the number that its stages know. A thread that was left behind may still
// ask for one that is gone.
var (
	runs    sync.Map
	lastRun atomic.Uintptr
)

func newRun() (number uintptr, made *causes) {
	number, made = lastRun.Add(1), &causes{}
	runs.Store(number, made)
	return number, made
}

func causesOf(run C.uintptr_t) *causes {
	if known, ok := runs.Load(uintptr(run)); ok {
		return known.(*causes)
	}
	return &causes{}
}

func (c *causes) keepRefused(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.refused = cause
	}
}

func (c *causes) keepFailed(status Status, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed, c.status = cause, status
	}
}

// of is the cause of a run that ended with this status; nil: no function of the program.
func (c *causes) of(status Status) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch status {
	case ERejected:
		return c.refused
	case c.status:
		return c.failed
	}
	return nil
}

// guarded runs a function of the program; no panic passes into the library.
func guarded(call func() error) (err error, panicked bool) {
	defer func() {
		if what := recover(); what != nil {
			err, panicked = fmt.Errorf("panic: %v\n%s", what, debug.Stack()), true
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
func dfgoApply(user, run C.uintptr_t, r *C.df_record) {
	t := cgo.Handle(user).Value().(*transform)
	record := Record{r: r, env: t.env}
	err, panicked := guarded(func() error { return t.call(&record) })
	record.r = nil // what was kept of it says so
	if err == nil {
		return
	}
	if errors.Is(err, Drop) {
		C.df_record_drop(r)
		return
	}
	text, reason, refused, failed, status := "", "", (*Rejection)(nil), (*Error)(nil), Status(0)
	switch {
	case panicked:
		text = "the transform " + t.name + " panicked"
		causesOf(run).keepRefused(err)
	case errors.As(err, &refused) && refused != nil:
		text, reason = refused.Text, refused.Reason
	case errors.As(err, &failed): // of a call on the record
		text = failed.Text
	case errors.As(err, &status):
		text = status.Error()
	default:
		text = "an error of the transform " + t.name
		causesOf(run).keepRefused(err)
	}
	c, word := C.CString(text), cWord(reason)
	defer C.free(unsafe.Pointer(c))
	defer C.free(unsafe.Pointer(word))
	C.df_record_reject(r, C.DF_EDATA, word, c)
}

// cWord is a word for metrics in C; nil: none, and the status says it.
func cWord(reason string) *C.char {
	if reason == "" {
		return nil
	}
	return C.CString(reason)
}

type sink struct{ it Sink }

// answer tells the core how an operation of a sink ended.
func answer(st *C.df_stage, err error) C.int {
	if err == nil {
		return C.DF_OK
	}
	status, reason, refused := Status(C.DF_EINTERNAL), "", (*Rejection)(nil)
	if errors.As(err, &refused) && refused != nil {
		status, reason = EData, refused.Reason
	} else {
		if errors.As(err, &status); status >= 0 {
			status = EInternal
		}
		if status != EIO && status != ETimeout { // those are tried again
			causesOf(C.dfgo_run(st)).keepFailed(status, err)
		}
	}
	c, word := C.CString(err.Error()), cWord(reason)
	defer C.free(unsafe.Pointer(c))
	defer C.free(unsafe.Pointer(word))
	return C.df_stage_fail(st, C.int(status), word, c)
}

//export dfgoSinkOpen
func dfgoSinkOpen(user C.uintptr_t, st *C.df_stage, made *C.uintptr_t) C.int {
	kind := cgo.Handle(user).Value().(*sinkKind)
	s := &sink{}
	err, _ := guarded(func() error {
		s.it = kind.make()
		if opens, ok := s.it.(interface{ Open() error }); ok {
			return opens.Open()
		}
		return nil
	})
	*made = C.uintptr_t(cgo.NewHandle(s))
	return answer(st, err)
}

//export dfgoSinkWrite
func dfgoSinkWrite(user C.uintptr_t, st *C.df_stage, parcel *C.df_parcel) C.int {
	s := cgo.Handle(user).Value().(*sink)
	records, err := messages(parcel)
	if err == nil {
		err, _ = guarded(func() error { return s.it.Write(records) })
	}
	var refused Rejections
	if !errors.As(err, &refused) {
		return answer(st, err)
	}
	for _, one := range refused {
		if one == nil { // what it stood for is not known, so it is not known what is durable
			return answer(st, &Error{Status: EInternal, Text: "a nil among the Rejections of a sink"})
		}
		text, reason := C.CString(one.Text), cWord(one.Reason)
		rc := C.df_parcel_reject(parcel, C.size_t(one.Index), reason, text)
		C.free(unsafe.Pointer(text))
		C.free(unsafe.Pointer(reason))
		if rc < 0 {
			why := fmt.Sprintf("record %d of %d is refused by a sink", one.Index, len(records))
			return answer(st, &Error{Status: Status(rc), Text: why})
		}
	}
	return C.DF_OK
}

//export dfgoSinkClose
func dfgoSinkClose(user C.uintptr_t) {
	s := cgo.Handle(user).Value().(*sink)
	cgo.Handle(user).Delete()
	if closes, ok := s.it.(interface{ Close() error }); ok {
		guarded(closes.Close) //nolint:errcheck // nobody is left to be told
	}
}
