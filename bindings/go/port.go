// SPDX-License-Identifier: Apache-2.0

package dataflow

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"context"
	"io"
	"iter"
	"sync"
	"unsafe"
)

// port is one end of a pipeline in this program.
type port struct {
	mu    sync.Mutex
	h     *C.df_port
	ready *poller
}

func (p *Pipeline) port(stage string, mode C.int) (*port, error) {
	name := C.CString(stage)
	defer C.free(unsafe.Pointer(name))
	made := &port{}
	err := p.call(func() C.int {
		o := (*C.df_port_options)(C.calloc(1, C.sizeof_df_port_options))
		defer C.free(unsafe.Pointer(o))
		o.size, o.stage, o.mode = C.sizeof_df_port_options, name, mode
		return C.df_port_open(p.h, o, &made.h)
	})
	if err != nil {
		return nil, err
	}
	if made.ready, err = newPoller(int(C.df_port_fd(made.h))); err != nil {
		C.df_port_close(made.h)
		return nil, err
	}
	return made, nil
}

// try makes one attempt in turn; DF_ESTATE when the port is closed.
func (o *port) try(do func() C.int) C.int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.h == nil {
		return C.DF_ESTATE
	}
	return do()
}

// wait repeats an attempt until it answers other than DF_AGAIN. io.EOF: the pipeline has ended.
func (o *port) wait(ctx context.Context, do func() C.int) error {
	rc := o.try(do)
	if rc == C.DF_AGAIN {
		err := o.ready.until(ctx, func() bool { rc = o.try(do); return rc != C.DF_AGAIN })
		if err != nil {
			return err
		}
	}
	switch {
	case rc == C.DF_DONE:
		return io.EOF
	case rc < 0:
		return Status(rc)
	}
	return nil
}

// Close ends the port.
func (o *port) Close() error {
	o.mu.Lock()
	h := o.h
	if o.h = nil; h != nil {
		C.df_port_close(h)
	}
	o.mu.Unlock()
	if h != nil {
		o.ready.close() // waits for those that wait in it, and they want the lock
	}
	return nil
}

// Feed pushes records into a source of type host. Close is the end of the input.
type Feed struct{ *port }

// Feed opens the end of a source: "source" in a manifest.
func (p *Pipeline) Feed(stage string) (*Feed, error) {
	made, err := p.port(stage, C.DF_FEED)
	return &Feed{made}, err
}

// Push hands records over, in order, and waits for room. After an error the first n are in the pipeline.
func (f *Feed) Push(ctx context.Context, records ...Message) (n int, err error) {
	for i := range records {
		if err := f.push(ctx, &records[i]); err != nil {
			return i, err
		}
	}
	return len(records), nil
}

func (f *Feed) push(ctx context.Context, m *Message) error {
	var like C.df_input
	like.offset = -1
	if !m.Time.IsZero() {
		like.time_us = C.int64_t(m.Time.UnixMicro())
	}
	like.payload.len, like.key.len = C.size_t(len(m.Payload)), C.size_t(len(m.Key))
	free := cHeaders(&like, m.Headers)
	defer free()
	return f.wait(ctx, func() C.int { return C.dfgo_push(f.h, &like, (*C.char)(pointer(m.Payload)), (*C.char)(pointer(m.Key))) })
}

var nothing byte

// pointer to the bytes; of an empty slice, which is not null, to somewhere.
func pointer(b []byte) unsafe.Pointer {
	if b == nil {
		return nil
	}
	if len(b) == 0 {
		return unsafe.Pointer(&nothing)
	}
	return unsafe.Pointer(unsafe.SliceData(b))
}

func cHeaders(to *C.df_input, headers []Header) (free func()) {
	if len(headers) == 0 {
		return func() {}
	}
	rows := (*C.df_header)(C.calloc(C.size_t(len(headers)), C.sizeof_df_header))
	list := unsafe.Slice(rows, len(headers))
	for i, h := range headers {
		list[i].name = C.CString(h.Name)
		if h.Value != nil {
			list[i].value.data, list[i].value.len = C.CBytes(h.Value), C.size_t(len(h.Value))
		}
	}
	to.headers, to.header_count = rows, C.size_t(len(headers))
	return func() {
		for i := range list {
			C.free(unsafe.Pointer(list[i].name))
			C.free(list[i].value.data)
		}
		C.free(unsafe.Pointer(rows))
	}
}

// Acked counts the records, from the first one pushed, that are settled without a gap.
func (f *Feed) Acked() (uint64, error) {
	var count C.uint64_t
	if rc := f.try(func() C.int { return C.df_port_acked(f.h, &count) }); rc < 0 {
		return 0, Status(rc)
	}
	return uint64(count), nil
}

// Take gives out what arrives at a sink of type host.
type Take struct{ *port }

// Take opens the end of a sink: "sink" in a manifest.
func (p *Pipeline) Take(stage string) (*Take, error) {
	made, err := p.port(stage, C.DF_TAKE)
	return &Take{made}, err
}

// Parcel is some records that are settled together. The records are copies.
type Parcel struct {
	Records []Message
	from    *port
	h       *C.df_parcel
}

// Next waits for a parcel. io.EOF: the pipeline has ended and none is left.
func (t *Take) Next(ctx context.Context) (*Parcel, error) {
	parcel := &Parcel{from: t.port}
	err := t.wait(ctx, func() C.int {
		rc := C.df_port_take(t.h, 0, &parcel.h)
		if rc == C.DF_OK {
			var err error
			if parcel.Records, err = messages(parcel.h); err != nil {
				C.df_port_settle(t.h, parcel.h, C.DF_EIO)
				return C.DF_ENOMEM
			}
		}
		return rc
	})
	if err != nil {
		return nil, err
	}
	return parcel, nil
}

// Parcels are all of them until the pipeline ends: for parcel, err := range take.Parcels(ctx).
func (t *Take) Parcels(ctx context.Context) iter.Seq2[*Parcel, error] {
	return func(yield func(*Parcel, error) bool) {
		for {
			parcel, err := t.Next(ctx)
			if err == io.EOF || !yield(parcel, err) || err != nil {
				return
			}
		}
	}
}

func (p *Parcel) settle(status C.int) error {
	rc := p.from.try(func() C.int {
		if p.h == nil {
			return C.DF_ESTATE
		}
		rc := C.df_port_settle(p.from.h, p.h, status)
		p.h = nil
		return rc
	})
	if rc < 0 {
		return Status(rc)
	}
	return nil
}

// Ack says that the records are durable: the source's position may move over them.
func (p *Parcel) Ack() error { return p.settle(C.DF_OK) }

// Retry asks for the records once more.
func (p *Parcel) Retry() error { return p.settle(C.DF_EIO) }

// Reject refuses all of them: they go to the error sink.
func (p *Parcel) Reject() error { return p.settle(C.DF_EDATA) }
