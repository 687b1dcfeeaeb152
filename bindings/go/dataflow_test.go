// SPDX-License-Identifier: Apache-2.0

package dataflow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const ends = "source: {type: host}\ntransformations: [%s]\nsink: {type: host}\nerrors: {policy: skip}\n"

func newEnv(t *testing.T) *Env {
	t.Helper()
	env, err := NewEnv(EnvOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	return env
}

func load(t *testing.T, env *Env, manifest string) *Pipeline {
	t.Helper()
	p, err := env.Load(manifest, Options{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// both opens and starts a pipeline from a Feed to a Take.
func both(t *testing.T, env *Env, transform string) (*Pipeline, *Feed, *Take) {
	t.Helper()
	p := load(t, env, fmt.Sprintf(ends, transform))
	feed, err := p.Feed("source")
	if err != nil {
		t.Fatal(err)
	}
	take, err := p.Take("sink")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { feed.Close(); take.Close() })
	if err := p.Start(RunOptions{}); err != nil {
		t.Fatal(err)
	}
	return p, feed, take
}

func drain(t *testing.T, take *Take) (all []Message) {
	t.Helper()
	for parcel, err := range take.Parcels(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parcel.Records...)
		if err := parcel.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestFeedTransformTake(t *testing.T) {
	env := newEnv(t)
	if err := env.Transform("double", func(r *Record) error {
		n, err := r.Get("n").Int()
		if err != nil {
			return err
		}
		switch n % 10 {
		case 3:
			return Drop
		case 4:
			return Reject("a four")
		}
		return errors.Join(r.Set("n", 2*n), r.Set("text", ""), r.Set("list", []int{1, 2}), r.Set("at", time.Unix(1, 0).UTC()), r.Remove("gone"))
	}); err != nil {
		t.Fatal(err)
	}
	p, feed, take := both(t, env, "{type: double}")
	go func() {
		for i := range 1000 {
			m := Message{Payload: []byte(fmt.Sprintf(`{"n":%d,"gone":1}`, i)), Key: []byte{}, Headers: []Header{{"h", []byte("v")}, {"h", nil}}}
			if _, err := feed.Push(context.Background(), m); err != nil {
				t.Error(err)
			}
		}
		feed.Close()
	}()
	all := drain(t, take)
	if err := p.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(all) != 800 || string(all[1].Payload) != `{"n":2,"text":"","list":[1,2],"at":"1970-01-01T00:00:01Z"}` {
		t.Fatalf("%d records, %s", len(all), all[1].Payload)
	}
	if m := all[0]; m.Key == nil || len(m.Key) != 0 || len(m.Headers) != 2 || m.Headers[1].Value != nil || string(m.Headers[0].Value) != "v" {
		t.Fatalf("%+v", m)
	}
	s, err := p.Stats()
	if err != nil || s.Received != 1000 || s.Sent != 800 || s.Filtered != 100 || s.Skipped != 100 {
		t.Fatalf("%+v %v", s, err)
	}
}

func TestErrors(t *testing.T) {
	env := newEnv(t)
	_, err := env.Load("source: {type: hots}\nsink: {type: stdio, config: {paht: x}}\n", Options{File: "flow.yaml"})
	var failed *Error
	if !errors.Is(err, ESpec) || errors.Is(err, EIO) || !errors.As(err, &failed) || len(failed.Problems) < 2 {
		t.Fatalf("%v", err)
	}
	if one := failed.Problems[0]; one.File != "flow.yaml" || one.Line != 1 || !strings.Contains(one.Text, "hots") {
		t.Fatalf("%+v", one)
	}
	if err := env.Transform("mask", func(*Record) error { return nil }); !errors.Is(err, EExists) {
		t.Fatalf("%v", err)
	}
	p := load(t, env, "source: {type: host}\nsink: {type: host}\n")
	if _, err := p.Feed("nowhere"); !errors.Is(err, ENotFound) {
		t.Fatalf("%v", err)
	}
	if err := env.Close(); !errors.Is(err, EState) {
		t.Fatalf("%v", err)
	}
	p.Close()
	if err := p.Start(RunOptions{}); !errors.Is(err, EState) {
		t.Fatalf("%v", err)
	}
}

func TestValuesExact(t *testing.T) {
	env := newEnv(t)
	var kept *Record
	check := func(r *Record) error {
		kept = r
		if text, err := r.Get("big").Text(); err != nil || text != "123456789012345678901234567890.10" {
			return fmt.Errorf("big: %v %v", text, err)
		}
		if n, err := r.Get("n").Int(); err != nil || n != -9223372036854775808 {
			return fmt.Errorf("n: %v %v", n, err)
		}
		if r.Get("none").Exists() || !r.Get("null").IsNull() || !errors.Is(r.Get("$[").Err(), EInval) {
			return errors.New("absent, null")
		}
		var list []int
		if err := r.Get("list").Decode(&list); err != nil || len(list) != 3 {
			return fmt.Errorf("list: %v %v", list, err)
		}
		for i := range 3000 { // ever new paths
			path := fmt.Sprintf("m%d", i)
			err := r.Set(path, i)
			if n, e := r.Get(path).Int(); err != nil || e != nil || n != int64(i) || r.Remove(path) != nil {
				return fmt.Errorf("%s: %v %v %v", path, n, err, e)
			}
		}
		if text, err := r.Get("n").Text(); err != nil || text != "-9223372036854775808" {
			return fmt.Errorf("n as text: %v %v", text, err)
		}
		return errors.Join(r.Set("copy", r.Get("big")), r.Set("f", 0.1), r.Set("list", r.Get("list")), r.Set("b", true), r.Set("z", nil))
	}
	if err := env.Transform("check", check); err != nil {
		t.Fatal(err)
	}
	_, feed, take := both(t, env, "{type: check}")
	_, err := feed.Push(context.Background(), Message{Payload: []byte(`{"big":123456789012345678901234567890.10,"n":-9223372036854775808,"null":null,"list":[1,2,3]}`)})
	if err != nil {
		t.Fatal(err)
	}
	feed.Close()
	all := drain(t, take)
	want := `{"big":123456789012345678901234567890.10,"n":-9223372036854775808,"null":null,"list":[1,2,3],"copy":123456789012345678901234567890.10,"f":0.1,"b":true,"z":null}`
	if len(all) != 1 || string(all[0].Payload) != want {
		t.Fatalf("%d records: %+v", len(all), all)
	}
	if err := kept.Get("n").Err(); !errors.Is(err, EState) {
		t.Fatalf("a record after its transform: %v", err)
	}
}

type keeper struct {
	mu     sync.Mutex
	got    []Message
	closed bool
	failed int
}

func (k *keeper) Open() error  { return nil }
func (k *keeper) Close() error { k.closed = true; return nil }
func (k *keeper) Write(records []Message) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failed++; k.failed == 1 {
		return &Error{Status: EIO, Text: "the first time"}
	}
	var refused Rejections
	for i, r := range records {
		if strings.Contains(string(r.Payload), `:7}`) {
			refused = append(refused, &Rejection{Text: "a seven", Index: i})
		} else {
			k.got = append(k.got, r)
		}
	}
	if refused != nil {
		return refused
	}
	return nil
}

func TestOwnSink(t *testing.T) {
	env := newEnv(t)
	k := &keeper{}
	if err := env.Sink("keeper", func() Sink { return k }); err != nil {
		t.Fatal(err)
	}
	p := load(t, env, "source: {type: generate, config: {count: 10, template: '{\"n\":${seq}}'}}\nsink: {type: keeper}\nerrors: {policy: skip}\n")
	if err := p.Run(context.Background(), RunOptions{UntilExhausted: true}); err != nil {
		t.Fatal(err)
	}
	if s, _ := p.Stats(); len(k.got) != 9 || s.Skipped != 1 || s.Sent != 9 || !k.closed {
		t.Fatalf("%d records, %+v", len(k.got), s)
	}
	env.Sink("broken", func() Sink { return nil }) //nolint:errcheck
	p = load(t, env, "source: {type: generate, config: {count: 1, template: '{}'}}\nsink: {type: broken}\n")
	err := p.Run(context.Background(), RunOptions{UntilExhausted: true})
	var failed *Error
	if !errors.As(err, &failed) || failed.Cause == nil || !strings.Contains(failed.Cause.Error(), "panic: ") {
		t.Fatalf("a panic: %v", err)
	}
}

func TestPanicRefuses(t *testing.T) {
	env := newEnv(t)
	env.Transform("bad", func(r *Record) error { panic("4111-1111") }) //nolint:errcheck
	p := load(t, env, "source: {type: generate, config: {count: 3, template: '{}'}}\ntransformations: [{type: bad}]\nsink: {type: host}\n")
	take, err := p.Take("sink")
	if err != nil {
		t.Fatal(err)
	}
	defer take.Close()
	err = p.Run(context.Background(), RunOptions{UntilExhausted: true})
	if !errors.Is(err, ERejected) || !strings.Contains(err.Error(), "bad panicked") || strings.Contains(err.Error(), "4111") {
		t.Fatalf("%v", err)
	}
}

// What a transform returns is the cause, and its text, which may hold values, is not told.
func TestErrorRefuses(t *testing.T) {
	env := newEnv(t)
	own := errors.New("4111-1111")
	env.Transform("bad", func(r *Record) error { return own }) //nolint:errcheck
	p := load(t, env, "source: {type: generate, config: {count: 3, template: '{}'}}\ntransformations: [{type: bad}]\nsink: {type: host}\n")
	take, err := p.Take("sink")
	if err != nil {
		t.Fatal(err)
	}
	defer take.Close()
	err = p.Run(context.Background(), RunOptions{UntilExhausted: true})
	if !errors.Is(err, ERejected) || !errors.Is(err, own) || strings.Contains(err.Error(), "4111") {
		t.Fatalf("%v", err)
	}
	if _, err := env.Load("source: {type: host}\nsink: {type: host}\n", Options{StateDir: t.TempDir()}); !errors.Is(err, EInval) {
		t.Fatalf("a folder without a name: %v", err)
	}
}

// Two flows of one name in one env: each error has the cause of its own flow, whichever failed first.
func TestCauseOfEachFlow(t *testing.T) {
	env := newEnv(t)
	env.Transform("bad", func(r *Record) error { //nolint:errcheck
		n, err := r.Get("n").Int()
		return errors.Join(err, fmt.Errorf("flow %d", n))
	})
	var flows []*Pipeline
	for i := range 3 {
		p := load(t, env, "source: {type: host}\ntransformations: [{type: bad}]\nsink: {type: host}\n")
		feed, err := p.Feed("source")
		if err == nil {
			err = p.Start(RunOptions{})
		}
		if err == nil {
			_, err = feed.Push(context.Background(), Message{Payload: []byte(fmt.Sprintf(`{"n":%d}`, i))})
		}
		if err != nil {
			t.Fatal(err)
		}
		defer feed.Close()
		flows = append(flows, p)
	}
	for i := len(flows) - 1; i >= 0; i-- {
		err := flows[i].Wait(context.Background())
		var failed *Error
		if !errors.As(err, &failed) || failed.Cause == nil || failed.Cause.Error() != fmt.Sprintf("flow %d", i) {
			t.Fatalf("flow %d: %v, cause %v", i, err, failed.Cause)
		}
	}
}

// What a record was refused for before is not why a sink ends the run later.
func TestCauseOfTheEnd(t *testing.T) {
	env := newEnv(t)
	own := errors.New("the disk burns")
	env.Transform("bad", func(r *Record) error { return errors.New("a record") })          //nolint:errcheck
	env.Sink("burns", func() Sink { return writer(func([]Message) error { return own }) }) //nolint:errcheck
	p := load(t, env, `source: {type: generate, config: {count: 10, template: '{"n":${seq}}'}}
transformations: [{type: bad, when: $.n < 5}]
sink: {type: burns}
errors: {policy: skip}
`)
	err := p.Run(context.Background(), RunOptions{UntilExhausted: true})
	var failed *Error
	if !errors.As(err, &failed) || failed.Cause != own {
		t.Fatalf("%v, cause %v", err, failed.Cause)
	}
}

type writer func([]Message) error

func (w writer) Write(records []Message) error { return w(records) }

// The word of a Rejection is in the envelope; a nil among Rejections ends the run and no process.
func TestReasons(t *testing.T) {
	env := newEnv(t)
	env.Transform("picky", func(r *Record) error { //nolint:errcheck
		if n, _ := r.Get("n").Int(); n == 1 {
			return &Rejection{Text: "a one", Reason: "own_word"}
		}
		return nil
	})
	env.Sink("picky", func() Sink { //nolint:errcheck
		return writer(func(records []Message) error {
			var refused Rejections
			for i, r := range records {
				if string(r.Payload) == `{"n":2}` {
					refused = append(refused, &Rejection{Text: "a two", Reason: "other_word", Index: i})
				}
			}
			return refused // nil when none is
		})
	})
	p := load(t, env, `source: {type: generate, config: {count: 4, template: '{"n":${seq}}'}}
transformations: [{type: picky}]
sink: {type: picky}
errors: {type: host}
`)
	take, err := p.Take("errors")
	if err == nil {
		err = p.Start(RunOptions{UntilExhausted: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	defer take.Close()
	var all string
	for _, m := range drain(t, take) {
		all += string(m.Payload)
	}
	if err := p.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"a one"`, `"own_word"`, `"a two"`, `"other_word"`} {
		if !strings.Contains(all, want) {
			t.Fatalf("no %s in %s", want, all)
		}
	}
	for text, wrong := range map[string]Rejections{"a nil among": {nil}, "record 9 of 1": {{Text: "none", Index: 9}}} {
		env := newEnv(t)
		env.Sink("wrong", func() Sink { return writer(func([]Message) error { return wrong }) }) //nolint:errcheck
		p := load(t, env, "source: {type: generate, config: {count: 1, template: '{}'}}\nsink: {type: wrong}\nerrors: {policy: skip}\n")
		if err := p.Run(context.Background(), RunOptions{UntilExhausted: true}); err == nil || !strings.Contains(err.Error(), text) {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// Close beside goroutines that wait; OnEvent stops the flow; a payload that lies beside a pointer.
func TestCloseWhileWaiting(t *testing.T) {
	env := newEnv(t)
	for range 200 {
		p, feed, take := both(t, env, "")
		inside := &struct {
			payload [2]byte
			next    *int
		}{[2]byte{'{', '}'}, new(int)}
		if _, err := feed.Push(context.Background(), Message{Payload: inside.payload[:], Key: inside.payload[:]}); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		all.Add(2)
		go func() { defer all.Done(); p.Wait(context.Background()) }() //nolint:errcheck
		go func() {
			defer all.Done()
			for _, err := take.Next(context.Background()); err == nil; _, err = take.Next(context.Background()) {
			}
		}()
		runtime.Gosched()
		take.Close()
		p.Close()
		feed.Close()
		all.Wait()
	}
	var p *Pipeline
	p, err := env.Load("source: {type: generate, config: {rate: 100, template: '{}'}}\nsink: {type: host}\n",
		Options{Name: "events", OnEvent: func(Event) { p.Stop(Now) }})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	take, err := p.Take("sink")
	if err != nil {
		t.Fatal(err)
	}
	defer take.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := p.Run(ctx, RunOptions{}); errors.Is(err, context.DeadlineExceeded) {
		t.Fatal("OnEvent stopped nothing")
	}
}

func TestCancelDrains(t *testing.T) {
	env := newEnv(t)
	k := &keeper{failed: 1}
	env.Sink("keeper", func() Sink { return k }) //nolint:errcheck
	p := load(t, env, "source: {type: generate, config: {rate: 1000, template: '{}'}}\nsink: {type: keeper}\n")
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for s, _ := p.Stats(); s.Sent < 10; s, _ = p.Stats() {
			runtime.Gosched()
		}
		cancel()
	}()
	if err := p.Run(ctx, RunOptions{}); !errors.Is(err, context.Canceled) || errors.Is(err, ETimeout) {
		t.Fatalf("%v", err)
	}
	if s, _ := p.Stats(); s.InFlight != 0 || s.Abandoned != 0 || s.Sent != s.Received || s.Sent < 10 || int(s.Sent) != len(k.got) {
		t.Fatalf("%+v, %d written", s, len(k.got))
	}
}

func threads(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// 1,000 goroutines wait, and no thread does; each comes back when its context ends.
func TestManyWait(t *testing.T) {
	env := newEnv(t)
	p, _, take := both(t, env, "")
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	var late, wrong atomic.Int32
	var canceled atomic.Int64
	for i := range 1000 {
		all.Add(1)
		go func() {
			defer all.Done()
			var err error
			if i%2 == 0 {
				_, err = take.Next(ctx)
			} else {
				err = p.Wait(ctx)
			}
			if !errors.Is(err, context.Canceled) {
				wrong.Add(1)
			}
			if time.Now().UnixMilli()-canceled.Load() > 500 { // of 50 ms on a machine of its own
				late.Add(1)
			}
		}()
	}
	for runtime.NumGoroutine() < 1000 {
		runtime.Gosched()
	}
	if n := threads(t); n > 50 {
		t.Errorf("%d threads", n)
	}
	canceled.Store(time.Now().UnixMilli())
	cancel()
	all.Wait()
	if wrong.Load() != 0 || late.Load() != 0 {
		t.Fatalf("%d wrong, %d late", wrong.Load(), late.Load())
	}
}

// Signals, a profile and the collector beside threads that Go did not make.
func TestSignals(t *testing.T) {
	env := newEnv(t)
	env.Transform("busy", func(r *Record) error { _ = make([]byte, 4096); return nil }) //nolint:errcheck
	p, feed, take := both(t, env, "{type: busy}")
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	defer pprof.StopCPUProfile()
	caught := make(chan os.Signal, 100)
	signal.Notify(caught, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(caught)
	go func() {
		for i := range 20000 {
			if i%1000 == 0 {
				syscall.Kill(syscall.Getpid(), syscall.SIGTERM) //nolint:errcheck
			}
			if _, err := feed.Push(context.Background(), Message{Payload: []byte("{}")}); err != nil {
				t.Error(err)
			}
		}
		feed.Close()
	}()
	if all := drain(t, take); len(all) != 20000 {
		t.Fatalf("%d records", len(all))
	}
	if err := p.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(caught) == 0 {
		t.Fatal("no signal reached Go")
	}
}

func BenchmarkFeedTake(b *testing.B) {
	env, _ := NewEnv(EnvOptions{})
	p, _ := env.Load("source: {type: host}\nsink: {type: host}\n", Options{})
	feed, _ := p.Feed("source")
	take, _ := p.Take("sink")
	p.Start(RunOptions{}) //nolint:errcheck
	payload := make([]byte, 100)
	b.ResetTimer()
	go func() {
		for range b.N {
			feed.Push(context.Background(), Message{Payload: payload}) //nolint:errcheck
		}
		feed.Close()
	}()
	for parcel := range take.Parcels(context.Background()) {
		parcel.Ack() //nolint:errcheck
	}
	p.Close()
	take.Close()
	env.Close()
}

func TestAThousandPathsAreKept(t *testing.T) {
	env := newEnv(t)
	for i := range 3000 {
		compiled, done, err := env.path(fmt.Sprintf("m%d", i))
		if err != nil {
			t.Fatal(err)
		}
		done(compiled)
	}
	kept := 0
	env.paths.Range(func(_, _ any) bool { kept++; return true })
	if kept != mostPaths {
		t.Fatalf("%d paths are kept", kept)
	}
}
