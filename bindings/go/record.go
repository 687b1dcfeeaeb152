// SPDX-License-Identifier: Apache-2.0

package dataflow

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
	"unsafe"
)

// Record is the record that a transform works on, borrowed until its function returns.
type Record struct {
	r   *C.df_record
	env *Env
}

func (r *Record) use() error {
	if r.r == nil {
		return &Error{Status: EState, Text: "the record is used after its transform returned"}
	}
	return nil
}

func (r *Record) at(path string) (*C.df_path, func(*C.df_path), error) {
	if err := r.use(); err != nil {
		return nil, kept, err
	}
	return r.env.path(path)
}

// Get reads the value at a path such as "price" or "$.items[0].id". It never fails: the value of a payload that is not
// JSON, or of a wrong path, has the error, which each of its methods returns.
func (r *Record) Get(path string) Value {
	compiled, done, err := r.at(path)
	if err != nil {
		return Value{err: err}
	}
	defer done(compiled)
	var v C.df_value
	if rc := C.df_record_get(r.r, compiled, &v); rc < 0 {
		return Value{err: &Error{Status: Status(rc), Text: "the payload is not JSON"}}
	}
	return copied(&v)
}

// Set puts a value at a path and makes missing parents: nil, bool, integers, floats, string, []byte, time.Time,
// json.Number, a Value, or anything else that encoding/json writes.
func (r *Record) Set(path string, to any) error {
	compiled, done, err := r.at(path)
	if err != nil {
		return err
	}
	defer done(compiled)
	var v C.df_value
	var text string
	switch x := to.(type) {
	case nil:
		v._type = C.DF_V_NULL
	case bool:
		v._type = C.DF_V_BOOL
		if x {
			setInt(&v, 1)
		}
	case int:
		v._type = C.DF_V_INT
		setInt(&v, int64(x))
	case int64:
		v._type = C.DF_V_INT
		setInt(&v, x)
	case float64:
		v._type = C.DF_V_DOUBLE
		setInt(&v, int64(math.Float64bits(x)))
	case json.Number:
		return r.setJSON(compiled, []byte(x))
	case string:
		v._type, text = C.DF_V_STRING, x
	case []byte:
		v._type, text = C.DF_V_BYTES, string(x)
	case time.Time:
		_, seconds := x.Zone()
		v._type, v.zone = C.DF_V_TIMESTAMP, C.int32_t(seconds/60)
		setInt(&v, x.UnixMicro())
	case Value:
		if x.err != nil {
			return x.err
		}
		if x.kind == C.DF_V_STRING || x.kind == C.DF_V_BYTES {
			v._type, text = x.kind, x.text
			break
		}
		if x.kind != C.DF_V_OBJECT && x.kind != C.DF_V_ARRAY && x.kind != C.DF_V_NUMBER {
			v._type, v.zone = x.kind, x.zone
			setInt(&v, x.bits)
			break
		}
		return r.setJSON(compiled, []byte(x.json))
	default:
		written, err := json.Marshal(to)
		if err != nil {
			return err
		}
		return r.setJSON(compiled, written)
	}
	var at unsafe.Pointer // of a text; what is none has NULL
	if v._type == C.DF_V_STRING || v._type == C.DF_V_BYTES {
		at = pointer(append([]byte{}, text...))
	}
	return setError(C.dfgo_set(r.r, compiled, &v, (*C.char)(at), C.size_t(len(text))))
}

// Remove takes away what is at a path.
func (r *Record) Remove(path string) error {
	compiled, done, err := r.at(path)
	if err != nil {
		return err
	}
	defer done(compiled)
	var none C.df_value
	return setError(C.df_record_set(r.r, compiled, &none))
}

// Payload is a copy of the record's bytes; nil: a tombstone.
func (r *Record) Payload() ([]byte, error) {
	if err := r.use(); err != nil {
		return nil, err
	}
	var b C.df_bytes
	if rc := C.df_record_payload(r.r, &b); rc < 0 {
		return nil, Status(rc)
	}
	return bytesOf(b), nil
}

// Meta is metadata by name: "topic", "offset", "headers.NAME".
func (r *Record) Meta(name string) Value {
	if err := r.use(); err != nil {
		return Value{err: err}
	}
	n := C.CString(name)
	defer C.free(unsafe.Pointer(n))
	var v C.df_value
	if rc := C.df_record_meta(r.r, n, &v); rc < 0 {
		return Value{err: Status(rc)}
	}
	return copied(&v)
}

func (r *Record) setJSON(path *C.df_path, text []byte) error {
	if len(text) == 0 {
		return &Error{Status: EInval, Text: "an empty text is not JSON"}
	}
	return setError(C.dfgo_set_json(r.r, path, (*C.char)(unsafe.Pointer(unsafe.SliceData(text))), C.size_t(len(text))))
}

func setError(rc C.int) error {
	if rc < 0 {
		return &Error{Status: Status(rc), Text: "not JSON, or a parent is no container"}
	}
	return nil
}

func setInt(v *C.df_value, to int64) { *(*int64)(unsafe.Pointer(&v.u)) = to }

func bytesOf(b C.df_bytes) []byte {
	if b.data == nil {
		return nil
	}
	return append([]byte{}, unsafe.Slice((*byte)(b.data), int(b.len))...)
}

// Value is a copy of one value of a record.
type Value struct {
	kind C.int32_t
	zone C.int32_t
	bits int64  // as the library has it: BOOL, INT, TIMESTAMP, DATE, TIME, and the bits of a DOUBLE
	text string // STRING, BYTES, NUMBER and an INT that was read
	json string // of what is no scalar of the above
	err  error
}

func copied(v *C.df_value) Value {
	made := Value{kind: v._type, zone: v.zone}
	switch v._type {
	case C.DF_V_OBJECT, C.DF_V_ARRAY:
		made.json = written(v, true)
		return made
	case C.DF_V_STRING, C.DF_V_BYTES, C.DF_V_NUMBER:
		made.text = string(unsafe.Slice((*byte)(unsafe.Pointer(v.text)), int(v.len)))
		made.json = made.text
		return made
	case C.DF_V_INT, C.DF_V_DATE, C.DF_V_TIME, C.DF_V_TIMESTAMP:
		made.text = written(v, false)
	}
	made.bits = *(*int64)(unsafe.Pointer(&v.u))
	return made
}

// written is a value as text for people, or as JSON.
func written(v *C.df_value, asJSON bool) string {
	write := func(to *C.char, room int) int {
		if asJSON {
			return int(C.df_value_json(v, to, C.size_t(room)))
		}
		return int(C.df_value_text(v, to, C.size_t(room)))
	}
	n := write(nil, 0)
	if n == 0 {
		return ""
	}
	text := make([]byte, n+1)
	write((*C.char)(unsafe.Pointer(&text[0])), len(text))
	return string(text[:n])
}

// Err is why there is no value.
func (v Value) Err() error { return v.err }

// Exists tells whether there is a value at the path, null included.
func (v Value) Exists() bool { return v.err == nil && v.kind != C.DF_V_ABSENT }

// IsNull tells whether it is null.
func (v Value) IsNull() bool { return v.kind == C.DF_V_NULL && v.err == nil }

// IsUnchanged tells whether the source did not send it: a column that an update left alone. It is not null.
func (v Value) IsUnchanged() bool { return v.kind == C.DF_V_UNCHANGED && v.err == nil }

func (v Value) wrong(what string) error {
	if v.err != nil {
		return v.err
	}
	return &Error{Status: EData, Text: "no " + what}
}

// Int is an integer of 64 bits, exactly.
func (v Value) Int() (int64, error) {
	if v.err == nil && v.kind == C.DF_V_INT {
		return v.bits, nil
	}
	return 0, v.wrong("integer of 64 bits")
}

// Float is the nearest number of 64 bits.
func (v Value) Float() (float64, error) {
	if v.err == nil {
		switch v.kind {
		case C.DF_V_INT:
			return float64(v.bits), nil
		case C.DF_V_DOUBLE:
			return math.Float64frombits(uint64(v.bits)), nil
		case C.DF_V_NUMBER:
			var n float64
			if _, err := fmt.Sscan(v.text, &n); err == nil {
				return n, nil
			}
		}
	}
	return 0, v.wrong("number")
}

// Bool is true or false.
func (v Value) Bool() (bool, error) {
	if v.err == nil && v.kind == C.DF_V_BOOL {
		return v.bits != 0, nil
	}
	return false, v.wrong("boolean")
}

// Text is a string; of a number its exact text.
func (v Value) Text() (string, error) {
	if v.err == nil && (v.kind == C.DF_V_STRING || v.kind == C.DF_V_NUMBER || v.kind == C.DF_V_INT) {
		return v.text, nil
	}
	return "", v.wrong("text")
}

// Time is a timestamp, in its zone; UTC without one.
func (v Value) Time() (time.Time, error) {
	if v.err == nil && v.kind == C.DF_V_TIMESTAMP {
		at := time.UnixMicro(v.bits).UTC()
		if v.zone != C.DF_ZONE_NONE && v.zone != 0 {
			at = at.In(time.FixedZone("", int(v.zone)*60))
		}
		return at, nil
	}
	return time.Time{}, v.wrong("timestamp")
}

// Decode writes an object or array into a value of this program, as encoding/json does.
func (v Value) Decode(to any) error {
	if v.err == nil && (v.kind == C.DF_V_OBJECT || v.kind == C.DF_V_ARRAY) {
		return json.Unmarshal([]byte(v.json), to)
	}
	return v.wrong("object or array")
}

// Message is a record outside of the flow: what is fed, and a copy of what is taken.
type Message struct {
	Payload, Key []byte // nil: none
	Headers      []Header
	Time         time.Time // zero: now, when it is fed
	Offset       int64
	Partition    string
}

// Header of a record: ordered, names may repeat.
type Header struct {
	Name  string
	Value []byte
}

const rowsAtOnce = 64

// messages copies the records of a parcel.
func messages(parcel *C.df_parcel) ([]Message, error) {
	count := int(C.df_parcel_count(parcel))
	all := make([]Message, 0, count)
	rows := (*[rowsAtOnce]C.df_output)(C.calloc(rowsAtOnce, C.sizeof_df_output))
	if rows == nil {
		return nil, ENoMem
	}
	defer C.free(unsafe.Pointer(rows))
	for len(all) < count {
		var filled C.size_t
		rows[0].size = C.sizeof_df_output
		if rc := C.df_parcel_rows(parcel, C.size_t(len(all)), &rows[0], rowsAtOnce, &filled); rc < 0 {
			return nil, Status(rc)
		}
		if filled == 0 {
			break
		}
		for i := range rows[:filled] {
			all = append(all, message(&rows[i]))
		}
	}
	return all, nil
}

func message(row *C.df_output) Message {
	m := Message{Payload: bytesOf(row.payload), Key: bytesOf(row.key), Offset: int64(row.offset), Partition: C.GoString(row.partition)}
	if row.time_us != 0 {
		m.Time = time.UnixMicro(int64(row.time_us)).UTC()
	}
	for _, h := range unsafe.Slice(row.headers, int(row.header_count)) {
		m.Headers = append(m.Headers, Header{C.GoString(h.name), bytesOf(h.value)})
	}
	return m
}
