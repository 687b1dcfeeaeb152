// SPDX-License-Identifier: Apache-2.0

package dataflow

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"unsafe"
)

// Options of one pipeline; the zero value is fine.
type Options struct {
	RunOptions // of Env.Run

	Name     string      // label of metrics, key of positions; "": the manifest's
	File     string      // for messages
	StateDir string      // where positions live when no sink and no system of the source holds them, needs a Name; "": memory
	Resolve  bool        // ${env:NAME} and ${file:PATH} of the manifest are this process's
	OnEvent  func(Event) // called by Wait and Run; it may Stop the pipeline, and must not Close it or Wait
}

// Event is something that changed while a flow runs.
type Event struct {
	Status      Status
	Stage, Text string
}

// Pipeline is a flow. It runs once.
type Pipeline struct {
	env     *Env
	mu      sync.Mutex // of the handle
	h       *C.df_pipeline
	options Options
	events  *poller
	started bool
	run     uintptr // number of its causes
	causes  *causes
}

var errClosed = &Error{Status: EState, Text: "the pipeline is closed"}

// Load makes a pipeline of a manifest, in YAML or JSON. All faults of it are in the Problems of the Error.
func (e *Env) Load(manifest string, options Options) (*Pipeline, error) {
	name, file := C.CString(options.Name), C.CString(options.File)
	defer C.free(unsafe.Pointer(name))
	defer C.free(unsafe.Pointer(file))
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.h == nil {
		return nil, errEnvClosed
	}
	var store *C.df_store
	if options.StateDir != "" {
		if options.Name == "" {
			return nil, &Error{Status: EInval, Text: "a pipeline with a StateDir needs a Name"}
		}
		dir := C.CString(options.StateDir)
		defer C.free(unsafe.Pointer(dir))
		store = (*C.df_store)(C.calloc(1, C.sizeof_df_store))
		defer C.free(unsafe.Pointer(store))
		store.size = C.sizeof_df_store
		if rc := C.df_store_file(e.h, dir, name, store); rc < 0 {
			return nil, failure(rc, C.df_env_errmsg(e.h))
		}
	}
	resolve := C.int(0)
	if options.Resolve {
		resolve = 1
	}
	p := &Pipeline{env: e, options: options}
	p.run, p.causes = newRun()
	h := C.dfgo_pipeline_new(e.h, orNil(name), resolve, store, C.uintptr_t(p.run))
	if h == nil {
		runs.Delete(p.run)
		return nil, ENoMem
	}
	p.h = h
	text := []byte(manifest)
	if len(text) == 0 {
		text = []byte(" ")
	}
	rc := C.dfgo_load(h, orNil(file), (*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text)))
	if rc < 0 {
		err := p.failed(rc)
		C.df_pipeline_free(h)
		runs.Delete(p.run)
		return nil, err
	}
	e.open++
	return p, nil
}

func orNil(text *C.char) *C.char {
	if *text == 0 {
		return nil
	}
	return text
}

// Run makes a pipeline of a manifest, runs it to its end as Pipeline.Run does, and frees it.
func (e *Env) Run(ctx context.Context, manifest string, options Options) error {
	p, err := e.Load(manifest, options)
	if err != nil {
		return err
	}
	defer p.Close()
	return p.Run(ctx, options.RunOptions)
}

// failed is the error of the call that just failed.
func (p *Pipeline) failed(rc C.int) *Error {
	err := failure(rc, C.df_pipeline_errmsg(p.h))
	for i := C.size_t(0); Status(rc) == ESpec; i++ {
		var row C.df_problem
		row.size = C.sizeof_df_problem
		if C.df_pipeline_problem_at(p.h, i, &row) != C.DF_OK {
			break
		}
		err.Problems = append(err.Problems, Problem{row.severity == C.DF_WARNING, int(row.line), int(row.column), C.GoString(row.file),
			C.GoString(row.field), C.GoString(row.text), C.GoString(row.hint)})
	}
	return err
}

// call runs a call on the handle, and copies its error in the same turn.
func (p *Pipeline) call(do func() C.int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.h == nil {
		return errClosed
	}
	if rc := do(); rc < 0 {
		return p.failed(rc)
	}
	return nil
}

// Check looks at the whole flow without connecting anything.
func (p *Pipeline) Check() error { return p.call(func() C.int { return C.df_pipeline_check(p.h) }) }

// RunOptions say how far a run goes.
type RunOptions struct {
	Limit          uint64 // records to read; 0: no limit
	UntilExhausted bool   // ends when all that exists at the start has been delivered
	FromStart      bool   // forgets stored positions
}

// Run starts the pipeline and waits for its end. When ctx ends, what was read is delivered and saved, and the error is
// that of ctx; joined with the run's own one when that failed.
func (p *Pipeline) Run(ctx context.Context, options RunOptions) error {
	if err := p.Start(options); err != nil {
		return err
	}
	err := p.Wait(ctx)
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	p.Stop(Drain)
	if late := p.Wait(context.Background()); late != nil {
		return errors.Join(ctx.Err(), late)
	}
	return ctx.Err()
}

// Start begins the run and returns. Sources and sinks connect later: their failure is the result of Wait.
func (p *Pipeline) Start(options RunOptions) error {
	return p.call(func() C.int {
		run := (*C.df_run_options)(C.calloc(1, C.sizeof_df_run_options))
		defer C.free(unsafe.Pointer(run))
		run.size = C.sizeof_df_run_options
		run.limit = C.uint64_t(options.Limit)
		if options.UntilExhausted {
			run.until_exhausted = 1
		}
		if options.FromStart {
			run.from_start = 1
		}
		rc := C.df_pipeline_start(p.h, run)
		p.started = rc == C.DF_OK
		return rc
	})
}

// Wait waits for the end of the run, which goes on when ctx ends first.
func (p *Pipeline) Wait(ctx context.Context) error {
	if err := p.openEvents(); err != nil {
		return err
	}
	var result error
	err := p.events.until(ctx, func() bool {
		events, ended := p.readEvents(&result)
		for _, event := range events {
			p.options.OnEvent(event)
		}
		return ended
	})
	return errors.Join(err, result)
}

// readEvents answers what is there, for OnEvent; ended: the run has.
func (p *Pipeline) readEvents(result *error) (events []Event, ended bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.h == nil {
		*result = errClosed
		return nil, true
	}
	for {
		var event C.df_event
		event.size = C.sizeof_df_event
		switch rc := C.df_pipeline_next_event(p.h, &event); rc {
		case C.DF_OK:
			if p.options.OnEvent != nil {
				events = append(events, Event{Status(event.status), C.GoString(event.stage), C.GoString(event.text)})
			}
		case C.DF_AGAIN:
			return events, false
		default:
			if rc = C.df_pipeline_wait(p.h, -1); rc < 0 {
				failed := p.failed(rc)
				failed.Cause = p.causes.of(failed.Status)
				*result = failed
			}
			return events, true
		}
	}
}

func (p *Pipeline) openEvents() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.h == nil {
		return errClosed
	}
	if !p.started {
		return &Error{Status: EState, Text: "the pipeline was not started"}
	}
	if p.events != nil {
		return nil
	}
	var err error
	p.events, err = newPoller(int(C.df_pipeline_fd(p.h)))
	return err
}

// How a run is stopped.
type How int

const (
	Drain How = C.DF_STOP_DRAIN // what was read is delivered and saved, at most stopTimeout
	Now   How = C.DF_STOP_NOW   // what is not settled is read again next time
)

// Stop asks the run to end and returns at once.
func (p *Pipeline) Stop(how How) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.h != nil {
		C.df_pipeline_stop(p.h, C.int(how))
	}
}

// Stats are counts of a run, a consistent cut:
// Received + Expanded = Sent + LeftOut + Filtered + Errored + Skipped + Abandoned + InFlight.
type Stats struct {
	Received, Expanded, Sent, LeftOut, Filtered, Errored, Skipped, Abandoned, InFlight, Retries uint64
}

// Stats of the whole run.
func (p *Pipeline) Stats() (Stats, error) {
	var s C.df_stats
	s.size = C.sizeof_df_stats
	err := p.call(func() C.int { return C.df_pipeline_stats(p.h, nil, &s) })
	return Stats{uint64(s.received), uint64(s.expanded), uint64(s.sent), uint64(s.left_out), uint64(s.filtered), uint64(s.errored),
		uint64(s.skipped), uint64(s.abandoned), uint64(s.in_flight), uint64(s.retries)}, err
}

// Plan is the report of `dfproc explain`: stages, guarantee, memory.
func (p *Pipeline) Plan() (json.RawMessage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.h == nil {
		return nil, errClosed
	}
	var length C.size_t
	text := C.dfgo_report(p.h, C.DF_REPORT_PLAN, &length)
	if text == nil {
		return nil, failure(C.DF_EINTERNAL, C.df_pipeline_errmsg(p.h))
	}
	defer C.free(unsafe.Pointer(text))
	return C.GoBytes(unsafe.Pointer(text), C.int(length)), nil
}

// Close stops it now when it runs, and frees it. Its ports may be closed before or after. A Wait that goes on ends.
func (p *Pipeline) Close() error {
	p.Stop(Now)
	p.mu.Lock()
	h := p.h
	if p.h = nil; h != nil {
		C.df_pipeline_free(h)
	}
	p.mu.Unlock()
	if h == nil {
		return nil
	}
	if p.events != nil {
		p.events.close() // waits for those that wait in it, and they want the lock
	}
	runs.Delete(p.run)
	p.env.mu.Lock()
	p.env.open--
	p.env.mu.Unlock()
	return nil
}
