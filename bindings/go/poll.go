// SPDX-License-Identifier: Apache-2.0

package dataflow

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// A poller waits for a descriptor of the library in Go's own poller: a goroutine waits, no thread does.
type poller struct {
	file *os.File
	raw  syscall.RawConn
	turn chan struct{} // one goroutine at a time
}

func newPoller(fd int) (*poller, error) {
	own, err := dupCloexec(fd) // the library closes its own
	if err != nil {
		return nil, err
	}
	p := &poller{file: os.NewFile(uintptr(own), "dataflow"), turn: make(chan struct{}, 1)}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		p.file.Close()
		return nil, err
	}
	return p, nil
}

func dupCloexec(fd int) (int, error) {
	own, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(own), nil
}

// until calls done, again whenever the descriptor has become readable, until it answers true or ctx ends.
func (p *poller) until(ctx context.Context, done func() bool) error {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.file.SetReadDeadline(time.Time{}) //nolint:errcheck // a closed file shows below
		stop := context.AfterFunc(ctx, func() { p.file.SetReadDeadline(time.Unix(1, 0)) })
		err := p.raw.Read(func(uintptr) bool { return done() })
		stop()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
}

func (p *poller) close() { p.file.Close() }
