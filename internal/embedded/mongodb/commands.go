package mongodb

import (
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson/bsontype"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// command is a handler with the fields it understands. A field it does not is refused, for ignoring it
// could make the answer wrong.
type command struct {
	run    func(req *request, conn int32) (document, error)
	fields []string // nil takes any
}

// generic fields every command may carry and that change nothing here.
var genericFields = []string{
	"$db", "lsid", "$clusterTime", "$readPreference", "readConcern", "writeConcern", "comment", "maxTimeMS",
	"apiVersion", "apiStrict", "apiDeprecationErrors", "$audit", "$client", "let", "hint", "allowDiskUse",
}

func (c command) check(req *request) error {
	it := iterate(req.body)
	it.next() // the command's own name
	for {
		key, v, ok := it.next()
		if !ok {
			return nil
		}
		switch key {
		case "txnNumber", "startTransaction", "autocommit":
			return errorf(codeIllegalOperation, "Transaction numbers are only allowed on a replica set member or mongos")
		case "collation":
			if err := checkCollation(v); err != nil {
				return err
			}
			continue
		}
		if c.fields != nil && !slices.Contains(c.fields, key) && !slices.Contains(genericFields, key) {
			return errorf(codeUnknownField, "BSON field '%s.%s' is an unknown field.", req.name, key)
		}
	}
}

// checkCollation takes the binary collation only: any other would order and compare differently.
func checkCollation(v value) error {
	if v.Type == bsontype.EmbeddedDocument {
		locale, ok := field(v.Data, "locale").StringValueOK()
		if len(v.Data) <= 5 || ok && locale == "simple" {
			return nil
		}
	}
	return errorf(codeNotImplemented, "collations are not supported by the embedded server")
}

// commandTable lists the commands there are.
func (s *Server) commandTable() map[string]command {
	hello := command{run: s.hello}
	one := command{run: func(*request, int32) (document, error) { return newObject().ok(), nil }}
	noTransaction := command{run: func(*request, int32) (document, error) {
		return nil, errorf(codeIllegalOperation, "Transaction numbers are only allowed on a replica set member or mongos")
	}}
	on := func(run func(*request) (document, error), fields ...string) command {
		return command{run: func(req *request, _ int32) (document, error) { return run(req) }, fields: append(fields, genericFields...)}
	}
	modify := on(s.findAndModify, "query", "sort", "remove", "update", "new", "fields", "upsert", "arrayFilters", "bypassDocumentValidation")
	buildInfo := on(s.buildInfo)
	return map[string]command{
		"hello": hello, "isMaster": hello, "ismaster": hello,
		"ping": one, "endSessions": one, "refreshSessions": one, "killSessions": one, "killAllSessions": one, "logout": one,
		"commitTransaction": noTransaction, "abortTransaction": noTransaction,
		"buildInfo": buildInfo, "buildinfo": buildInfo,
		"whatsmyuri":       on(s.whatsMyURI),
		"hostInfo":         on(s.hostInfo),
		"connectionStatus": on(s.connectionStatus, "showPrivileges"),
		"getParameter":     on(s.getParameter, "featureCompatibilityVersion"),
		"getLog":           on(s.getLog),
		"startSession":     on(s.startSession),
		"serverStatus":     command{run: func(req *request, _ int32) (document, error) { return s.serverStatus(req) }},

		"insert":        on(s.insert, "documents", "ordered", "bypassDocumentValidation"),
		"update":        on(s.update, "updates", "ordered", "bypassDocumentValidation"),
		"delete":        on(s.delete, "deletes", "ordered"),
		"findAndModify": modify, "findandmodify": modify,

		"find":        on(s.find, "filter", "sort", "skip", "limit", "projection", "batchSize", "singleBatch", "noCursorTimeout", "oplogReplay", "allowPartialResults"),
		"getMore":     on(s.getMore, "collection", "batchSize"),
		"killCursors": on(s.killCursors, "cursors"),
		"count":       on(s.count, "query", "skip", "limit", "fields"),
		"distinct":    on(s.distinct, "key", "query"),
		"aggregate":   on(s.aggregate, "pipeline", "cursor", "bypassDocumentValidation"),

		"create":          on(s.createCollection),
		"drop":            on(s.drop),
		"dropDatabase":    on(s.dropDatabase),
		"createIndexes":   on(s.createIndexes, "indexes", "commitQuorum"),
		"dropIndexes":     on(s.dropIndexes, "index"),
		"listIndexes":     on(s.listIndexes, "cursor"),
		"listCollections": on(s.listCollections, "filter", "nameOnly", "authorizedCollections", "cursor"),
		"listDatabases":   on(s.listDatabases, "filter", "nameOnly", "authorizedDatabases"),
		"collStats":       on(s.collStats, "scale"),
		"dbStats":         on(s.dbStats, "scale", "freeStorage"),
	}
}

// hello presents a standalone server, so that drivers do not retry writes by transaction number.
func (s *Server) hello(req *request, conn int32) (document, error) {
	if !isMissing(field(req.body, "speculativeAuthenticate")) && req.legacy {
		return nil, errorf(codeIllegalOperation, "this server has no access control; connect without user and password")
	}
	b := newObject()
	if req.name == "hello" {
		b.bool("isWritablePrimary", true)
	} else {
		b.bool("ismaster", true)
	}
	b.bool("helloOk", true)
	b.int32("maxBsonObjectSize", maxDocumentSize)
	b.int32("maxMessageSizeBytes", maxMessageSize)
	b.int32("maxWriteBatchSize", maxWriteBatch)
	b.value("localTime", dateValue(time.Now()))
	b.int32("logicalSessionTimeoutMinutes", 30)
	b.int32("connectionId", conn)
	b.int32("minWireVersion", 0)
	b.int32("maxWireVersion", 21)
	b.bool("readOnly", false)
	return b.ok(), nil
}

func dateValue(t time.Time) value {
	return value{Type: bsontype.DateTime, Data: bsoncore.AppendDateTime(nil, t.UnixMilli())}
}

// version is the server release whose behaviour is followed; wire version 21 belongs to it.
const version = "7.0.0"

func (s *Server) buildInfo(*request) (document, error) {
	b := newObject()
	b.string("version", version)
	b.string("gitVersion", "storefront-embedded")
	b.documents("modules", nil)
	numbers := []value{fromNumber(int32(7)), fromNumber(int32(0)), fromNumber(int32(0)), fromNumber(int32(0))}
	b.value("versionArray", arrayValue(numbers))
	b.int32("bits", 64)
	b.int32("maxBsonObjectSize", maxDocumentSize)
	return b.ok(), nil
}

func (s *Server) whatsMyURI(*request) (document, error) {
	b := newObject()
	b.string("you", s.listener.Addr().String())
	return b.ok(), nil
}

func (s *Server) hostInfo(*request) (document, error) {
	b := newObject()
	system := newObject()
	system.value("currentTime", dateValue(time.Now()))
	system.string("hostname", "localhost")
	b.document("system", system.end())
	return b.ok(), nil
}

func (s *Server) connectionStatus(*request) (document, error) {
	info := newObject()
	info.documents("authenticatedUsers", nil)
	info.documents("authenticatedUserRoles", nil)
	b := newObject()
	b.document("authInfo", info.end())
	return b.ok(), nil
}

func (s *Server) getParameter(req *request) (document, error) {
	b := newObject()
	if !isMissing(field(req.body, "featureCompatibilityVersion")) {
		v := newObject()
		v.string("version", "7.0")
		b.document("featureCompatibilityVersion", v.end())
	}
	return b.ok(), nil
}

func (s *Server) getLog(*request) (document, error) {
	b := newObject()
	b.int32("totalLinesWritten", 0)
	b.documents("log", nil)
	return b.ok(), nil
}

func (s *Server) startSession(*request) (document, error) {
	return nil, errorf(codeNotImplemented, "clients make their own session ids; startSession is not needed")
}

func (s *Server) serverStatus(*request) (document, error) {
	s.mu.Lock()
	open := len(s.conns)
	s.mu.Unlock()
	b := newObject()
	b.string("host", s.listener.Addr().String())
	b.string("version", version)
	b.string("process", "storefront")
	b.int64("uptime", int64(time.Since(s.started)/time.Second))
	connections := newObject()
	connections.int32("current", int32(open))
	b.document("connections", connections.end())
	return b.ok(), nil
}

// namespace returns "db.collection" for a command whose first field names the collection.
func (req *request) namespace() (string, error) {
	it := iterate(req.body)
	_, v, _ := it.next()
	name, ok := v.StringValueOK()
	if !ok || name == "" {
		return "", errorf(codeInvalidNamespace, "collection name has invalid type %s", typeName(v.Type))
	}
	if err := checkNamespace(req.db, name); err != nil {
		return "", err
	}
	return req.db + "." + name, nil
}

// documents returns a list given in the body or as a document sequence.
func (req *request) documents(name string) ([]document, error) {
	if list, ok := req.sequences[name]; ok {
		return list, nil
	}
	v := field(req.body, name)
	if isMissing(v) {
		return nil, errorf(codeMissingField, "BSON field '%s.%s' is missing but a required field", req.name, name)
	}
	if v.Type != bsontype.Array {
		return nil, errorf(codeTypeMismatch, "BSON field '%s.%s' is the wrong type '%s', expected type 'array'", req.name, name, typeName(v.Type))
	}
	var list []document
	for _, item := range items(v) {
		if item.Type != bsontype.EmbeddedDocument {
			return nil, errorf(codeTypeMismatch, "BSON field '%s.%s' holds the wrong type '%s', expected type 'object'", req.name, name, typeName(item.Type))
		}
		list = append(list, item.Data)
	}
	return list, nil
}

// batch is documents with the size limits of a bulk write.
func (req *request) batch(name string) ([]document, error) {
	list, err := req.documents(name)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || len(list) > maxWriteBatch {
		return nil, errorf(codeInvalidLength, "Write batch sizes must be between 1 and %d. Got %d operations.", maxWriteBatch, len(list))
	}
	return list, nil
}

// objectField returns a document field; nil when it is missing or null.
func objectField(d document, name string) (document, error) {
	v := field(d, name)
	switch v.Type {
	case 0, bsontype.Null:
		return nil, nil
	case bsontype.EmbeddedDocument:
		return v.Data, nil
	default:
		return nil, errorf(codeTypeMismatch, "BSON field '%s' is the wrong type '%s', expected type 'object'", name, typeName(v.Type))
	}
}

// integerField returns a whole number; fallback when the field is missing or null.
func integerField(d document, name string, fallback int64) (int64, error) {
	v := field(d, name)
	if v.Type == 0 || v.Type == bsontype.Null {
		return fallback, nil
	}
	n, ok := integer(v)
	if !ok {
		return 0, errorf(codeTypeMismatch, "BSON field '%s' is the wrong type '%s', expected types '[long, int, decimal, double]'", name, typeName(v.Type))
	}
	return n, nil
}

func ordered(d document) bool {
	v := field(d, "ordered")
	return isMissing(v) || truthy(v)
}
