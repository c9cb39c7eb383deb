package mongodb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// The wire protocol: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013

	flagChecksum   = 1 << 0
	flagMoreToCome = 1 << 1

	maxMessageSize  = 48_000_000
	messageHead     = 16
	maxWriteBatch   = 100_000
	keepBufferBytes = 1 << 20
)

// request is one command. Its parts alias the connection's buffer, which the next message overwrites:
// what outlives the command must be copied.
type request struct {
	id        int32
	legacy    bool // came as OP_QUERY and wants an OP_REPLY
	silent    bool // moreToCome: no answer is wanted
	db        string
	name      string
	body      document
	sequences map[string][]document
}

// readMessage reads one message into buffer, grown as needed. Any error ends the connection.
func readMessage(r io.Reader, buffer []byte) (message []byte, err error) {
	if cap(buffer) < 4096 || cap(buffer) > keepBufferBytes {
		buffer = make([]byte, 4096)
	}
	buffer = buffer[:messageHead]
	if _, err := io.ReadFull(r, buffer); err != nil {
		return buffer, err
	}
	n := int32(binary.LittleEndian.Uint32(buffer))
	if n < messageHead+5 || n > maxMessageSize {
		return buffer, fmt.Errorf("a message of %d bytes is outside the limits", n)
	}
	if cap(buffer) < int(n) {
		grown := make([]byte, messageHead, n)
		copy(grown, buffer)
		buffer = grown
	}
	buffer = buffer[:n]
	_, err = io.ReadFull(r, buffer[messageHead:])
	return buffer, err
}

var errFrame = errors.New("malformed message")

func parseMessage(m []byte) (*request, error) {
	req := &request{id: int32(binary.LittleEndian.Uint32(m[4:]))}
	var err error
	switch op := binary.LittleEndian.Uint32(m[12:]); op {
	case opMsg:
		err = req.parseMsg(m)
	case opQuery:
		err = req.parseQuery(m[messageHead:])
	default:
		err = fmt.Errorf("operation code %d is not supported", op)
	}
	if err != nil {
		return nil, err
	}
	it := iterate(req.body)
	name, _, ok := it.next()
	if !ok {
		return nil, errFrame
	}
	req.name = name
	if db, ok := field(req.body, "$db").StringValueOK(); ok {
		req.db = db
	}
	return req, nil
}

func (req *request) parseMsg(m []byte) error {
	flags := binary.LittleEndian.Uint32(m[messageHead:])
	if flags&0xffff&^(flagChecksum|flagMoreToCome) != 0 {
		return fmt.Errorf("required flag bits %#x are not known", flags)
	}
	req.silent = flags&flagMoreToCome != 0
	if flags&flagChecksum != 0 {
		if len(m) < messageHead+8 {
			return errFrame
		}
		body, sum := m[:len(m)-4], binary.LittleEndian.Uint32(m[len(m)-4:])
		if crc32.Checksum(body, castagnoli) != sum {
			return errors.New("message checksum does not match")
		}
		m = body
	}
	rest := m[messageHead+4:]
	for len(rest) > 0 {
		kind := rest[0]
		rest = rest[1:]
		if len(rest) < 5 {
			return errFrame
		}
		n := int(int32(binary.LittleEndian.Uint32(rest)))
		if n < 5 || n > len(rest) {
			return errFrame
		}
		section := rest[:n:n]
		rest = rest[n:]
		switch kind {
		case 0:
			if req.body != nil {
				return errFrame
			}
			if err := validate(section); err != nil {
				return err
			}
			req.body = section
		case 1:
			if err := req.parseSequence(section[4:]); err != nil {
				return err
			}
		default:
			return fmt.Errorf("section kind %d is not known", kind)
		}
	}
	if req.body == nil {
		return errFrame
	}
	return nil
}

func (req *request) parseSequence(b []byte) error {
	end := bytes.IndexByte(b, 0)
	if end < 0 {
		return errFrame
	}
	name := string(b[:end])
	b = b[end+1:]
	docs := []document{}
	for len(b) > 0 {
		if len(b) < 5 {
			return errFrame
		}
		n := int(int32(binary.LittleEndian.Uint32(b)))
		if n < 5 || n > len(b) {
			return errFrame
		}
		if err := validate(b[:n]); err != nil {
			return err
		}
		docs = append(docs, document(b[:n:n]))
		b = b[n:]
	}
	if req.sequences == nil {
		req.sequences = map[string][]document{}
	}
	if _, twice := req.sequences[name]; twice {
		return errFrame
	}
	req.sequences[name] = docs
	return nil
}

// parseQuery reads OP_QUERY, which drivers still send for the handshake on "<db>.$cmd".
func (req *request) parseQuery(b []byte) error {
	if len(b) < 4 {
		return errFrame
	}
	b = b[4:]
	end := bytes.IndexByte(b, 0)
	if end < 0 || len(b) < end+1+8+5 {
		return errFrame
	}
	db, found := bytes.CutSuffix(b[:end], []byte(".$cmd"))
	if !found {
		return errors.New("OP_QUERY is supported for the handshake only")
	}
	b = b[end+1+8:]
	n := int(int32(binary.LittleEndian.Uint32(b)))
	if n < 5 || n > len(b) {
		return errFrame
	}
	req.body, req.legacy, req.db = b[:n:n], true, string(db)
	if err := validate(req.body); err != nil {
		return err
	}
	// Some clients wrap the command: {$query: {...}, $readPreference: ...}.
	if inner := field(req.body, "$query"); inner.Type == bsontype.EmbeddedDocument {
		req.body = inner.Data
	}
	return nil
}

// appendReply frames an answer.
func appendReply(dst []byte, req *request, id int32, doc document) []byte {
	start := len(dst)
	op := uint32(opMsg)
	if req.legacy {
		op = opReply
	}
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(id))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(req.id))
	dst = binary.LittleEndian.AppendUint32(dst, op)
	if req.legacy {
		dst = append(dst, make([]byte, 16)...) // flags, cursor, starting from
		dst = binary.LittleEndian.AppendUint32(dst, 1)
	} else {
		dst = append(dst, 0, 0, 0, 0, 0) // flags, section kind 0
	}
	dst = append(dst, doc...)
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start))
	return dst
}

// errorReply is the answer to a command that failed.
func errorReply(err error) document {
	var e *Error
	if !errors.As(err, &e) {
		e = errorf(codeInternalError, "%s", err)
	}
	b := newObject()
	b.double("ok", 0)
	b.string("errmsg", e.Message)
	b.int32("code", e.Code)
	b.string("codeName", e.Name())
	if e.keyPattern != nil {
		b.document("keyPattern", e.keyPattern)
		b.document("keyValue", e.keyValue)
	}
	return b.end()
}

// object builds a BSON document.
type object struct {
	b     []byte
	start int32
}

func newObject() *object {
	o := &object{}
	o.start, o.b = bsoncore.AppendDocumentStart(make([]byte, 0, 256))
	return o
}

func (o *object) end() document {
	d, _ := bsoncore.AppendDocumentEnd(o.b, o.start)
	return d
}

func (o *object) double(k string, v float64)    { o.b = bsoncore.AppendDoubleElement(o.b, k, v) }
func (o *object) string(k, v string)            { o.b = bsoncore.AppendStringElement(o.b, k, v) }
func (o *object) int32(k string, v int32)       { o.b = bsoncore.AppendInt32Element(o.b, k, v) }
func (o *object) int64(k string, v int64)       { o.b = bsoncore.AppendInt64Element(o.b, k, v) }
func (o *object) bool(k string, v bool)         { o.b = bsoncore.AppendBooleanElement(o.b, k, v) }
func (o *object) document(k string, v document) { o.b = bsoncore.AppendDocumentElement(o.b, k, v) }
func (o *object) value(k string, v value)       { o.b = bsoncore.AppendValueElement(o.b, k, v) }
func (o *object) documents(k string, v []document) {
	list := make([]value, len(v))
	for i := range v {
		list[i] = docValue(v[i])
	}
	o.value(k, arrayValue(list))
}

func (o *object) ok() document {
	o.double("ok", 1)
	return o.end()
}
