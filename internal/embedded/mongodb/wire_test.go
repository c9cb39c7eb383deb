package mongodb

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"net"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

func dial(t testing.TB, s *Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}

// frame builds a message of an operation.
func frame(op uint32, parts ...[]byte) []byte {
	m := make([]byte, messageHead)
	for _, p := range parts {
		m = append(m, p...)
	}
	binary.LittleEndian.PutUint32(m, uint32(len(m)))
	binary.LittleEndian.PutUint32(m[4:], 7)
	binary.LittleEndian.PutUint32(m[12:], op)
	return m
}

func u32(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

func raw(t testing.TB, d bson.D) []byte {
	t.Helper()
	return must[[]byte](t)(bson.Marshal(d))
}

func receive(t testing.TB, conn net.Conn) (op uint32, doc bson.Raw) {
	t.Helper()
	m, err := readMessage(conn, nil)
	if err != nil {
		t.Fatal(err)
	}
	if binary.LittleEndian.Uint32(m[8:]) != 7 {
		t.Errorf("answers request %d", binary.LittleEndian.Uint32(m[8:]))
	}
	if op = binary.LittleEndian.Uint32(m[12:]); op == opReply {
		return op, bson.Raw(m[36:])
	}
	return op, bson.Raw(m[21:])
}

func TestWireForms(t *testing.T) {
	s := start(t, "")
	conn := dial(t, s)
	send := func(m []byte) {
		t.Helper()
		if _, err := conn.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	send(frame(opQuery, u32(0), []byte("admin.$cmd\x00"), u32(0), u32(0xffffffff), raw(t, bson.D{{Key: "isMaster", Value: 1}, {Key: "helloOk", Value: true}})))
	if op, doc := receive(t, conn); op != opReply || !doc.Lookup("ismaster").Boolean() {
		t.Errorf("OP_QUERY handshake: %d %s", op, doc)
	}
	section := func(d bson.D) []byte { return append([]byte{0}, raw(t, d)...) }
	sequence := func(docs ...bson.D) []byte {
		b := []byte("documents\x00")
		for _, d := range docs {
			b = append(b, raw(t, d)...)
		}
		return append(append([]byte{1}, u32(uint32(len(b)+4))...), b...)
	}
	insert := bson.D{{Key: "insert", Value: "c"}, {Key: "$db", Value: "shop"}}
	// Unacknowledged: no answer; the next command's answer is the next message.
	send(frame(opMsg, u32(flagMoreToCome), section(insert), sequence(bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "_id", Value: 2}})))
	send(frame(opMsg, u32(0), sequence(bson.D{{Key: "_id", Value: 3}}), section(insert)))
	if _, doc := receive(t, conn); doc.Lookup("n").AsInt64() != 1 {
		t.Errorf("insert by sequence: %s", doc)
	}
	m := frame(opMsg, u32(flagChecksum), section(bson.D{{Key: "count", Value: "c"}, {Key: "$db", Value: "shop"}}), u32(0))
	binary.LittleEndian.PutUint32(m[len(m)-4:], crc32.Checksum(m[:len(m)-4], castagnoli))
	send(m)
	if _, doc := receive(t, conn); doc.Lookup("n").AsInt64() != 3 {
		t.Errorf("count with checksum: %s", doc)
	}
	m[len(m)-1] ^= 1
	bad := map[string][]byte{
		"checksum": m, "length": append(u32(5), make([]byte, 12)...), "too long": append(u32(50_000_000), make([]byte, 12)...),
		"operation": frame(2001, make([]byte, 30)), "flags": frame(opMsg, u32(1<<5), section(insert)), "section kind": frame(opMsg, u32(0), []byte{9, 5, 0, 0, 0, 0}),
		"no body": frame(opMsg, u32(0), sequence(bson.D{{Key: "_id", Value: 9}})), "cut body": frame(opMsg, u32(0), []byte{0, 200, 0, 0, 0, 0}),
		"bad BSON": frame(opMsg, u32(0), []byte{0, 12, 0, 0, 0, 2, 'a', 0, 99, 0, 0, 0, 0}), "empty": frame(opMsg, u32(0), []byte{0, 5, 0, 0, 0, 0}),
	}
	for name, m := range bad {
		other := dial(t, s)
		if _, err := other.Write(m); err != nil {
			t.Fatal(err)
		}
		if n, err := other.Read(make([]byte, 1)); err != io.EOF && n != 0 {
			t.Errorf("%s: the connection stays open (%v)", name, err)
		}
	}
	send(frame(opMsg, u32(0), section(bson.D{{Key: "ping", Value: 1}, {Key: "$db", Value: "admin"}})))
	if _, doc := receive(t, conn); doc.Lookup("ok").AsFloat64() != 1 {
		t.Errorf("after others' bad messages: %s", doc)
	}
}

func TestCloseEndsConnections(t *testing.T) {
	s, err := Start(t.Context(), Config{Addr: "127.0.0.1:0", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("the connection outlives the server")
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

// FuzzCommand feeds whole messages to the parser and the commands: none may panic.
func FuzzCommand(f *testing.F) {
	for _, cmd := range []bson.D{
		{{Key: "find", Value: "c"}, {Key: "filter", Value: bson.D{{Key: "a", Value: bson.D{{Key: "$elemMatch", Value: bson.D{{Key: "$gt", Value: 1}}}}}}}, {Key: "$db", Value: "d"}},
		{{Key: "update", Value: "c"}, {Key: "updates", Value: bson.A{bson.D{{Key: "q", Value: bson.D{}}, {Key: "u", Value: bson.D{{Key: "$push", Value: bson.D{{Key: "l", Value: bson.D{{Key: "$each", Value: bson.A{1}}, {Key: "$slice", Value: -1}}}}}}}, {Key: "upsert", Value: true}}}}, {Key: "$db", Value: "d"}},
		{{Key: "createIndexes", Value: "c"}, {Key: "indexes", Value: bson.A{bson.D{{Key: "key", Value: bson.D{{Key: "a", Value: 1}}}, {Key: "name", Value: "x"}}}}, {Key: "$db", Value: "d"}},
	} {
		f.Add(frame(opMsg, u32(0), append([]byte{0}, raw(f, cmd)...)))
	}
	s := start(f, "")
	f.Fuzz(func(t *testing.T, m []byte) {
		if len(m) < messageHead+5 {
			return
		}
		req, err := parseMessage(m)
		if err != nil {
			return
		}
		run, known := s.commands[req.name]
		if known && run.check(req) == nil {
			run.run(req, 1)
		}
	})
}
