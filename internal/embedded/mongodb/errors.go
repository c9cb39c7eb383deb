package mongodb

import "fmt"

// MongoDB's numbers for the errors given here (src/mongo/base/error_codes.yml).
const (
	codeInternalError           = 1
	codeBadValue                = 2
	codeFailedToParse           = 9
	codeUnauthorized            = 13
	codeTypeMismatch            = 14
	codeOverflow                = 15
	codeIllegalOperation        = 20
	codeInvalidBSON             = 22
	codeNamespaceNotFound       = 26
	codeIndexNotFound           = 27
	codePathNotViable           = 28
	codeConflictingUpdate       = 40
	codeCursorNotFound          = 43
	codeNamespaceExists         = 48
	codeDollarPrefixedName      = 52
	codeInvalidIDField          = 53
	codeNotSingleValueField     = 54
	codeEmptyFieldName          = 56
	codeCommandNotFound         = 59
	codeImmutableField          = 66
	codeCannotCreateIndex       = 67
	codeIndexAlreadyExists      = 68
	codeInvalidLength           = 16
	codeInvalidOptions          = 72
	codeInvalidNamespace        = 73
	codeIndexOptionsConflict    = 85
	codeIndexKeySpecsConflict   = 86
	codeShutdownInProgress      = 91
	codeParallelArrays          = 171
	codeInvalidIndexSpec        = 197
	codeNotImplemented          = 238
	codeDuplicateKey            = 11000
	codeBSONObjectTooLarge      = 10334
	codeUnknownStage            = 40324
	codeMissingField            = 40414
	codeUnknownField            = 40415
	codeProjectionMixInclude    = 31253
	codeProjectionMixExclude    = 31254
	codeProjectionPathCollision = 31249
)

var codeNames = map[int32]string{
	codeInternalError: "InternalError", codeBadValue: "BadValue", codeFailedToParse: "FailedToParse",
	codeUnauthorized: "Unauthorized", codeTypeMismatch: "TypeMismatch", codeOverflow: "Overflow",
	codeIllegalOperation: "IllegalOperation", codeInvalidBSON: "InvalidBSON",
	codeNamespaceNotFound: "NamespaceNotFound", codeIndexNotFound: "IndexNotFound",
	codePathNotViable: "PathNotViable", codeConflictingUpdate: "ConflictingUpdateOperators",
	codeCursorNotFound: "CursorNotFound", codeNamespaceExists: "NamespaceExists",
	codeDollarPrefixedName: "DollarPrefixedFieldName", codeInvalidIDField: "InvalidIdField",
	codeNotSingleValueField: "NotSingleValueField", codeEmptyFieldName: "EmptyFieldName",
	codeCommandNotFound: "CommandNotFound", codeImmutableField: "ImmutableField",
	codeCannotCreateIndex: "CannotCreateIndex", codeIndexAlreadyExists: "IndexAlreadyExists", codeInvalidLength: "InvalidLength", codeInvalidOptions: "InvalidOptions",
	codeInvalidNamespace: "InvalidNamespace", codeIndexOptionsConflict: "IndexOptionsConflict",
	codeIndexKeySpecsConflict: "IndexKeySpecsConflict", codeShutdownInProgress: "ShutdownInProgress",
	codeParallelArrays: "CannotIndexParallelArrays", codeInvalidIndexSpec: "InvalidIndexSpecificationOption",
	codeNotImplemented: "NotImplemented", codeDuplicateKey: "DuplicateKey",
	codeBSONObjectTooLarge: "BSONObjectTooLarge",
}

// Error is what a client gets for a command or one of its writes: MongoDB's code and a message.
type Error struct {
	Code       int32
	Message    string
	keyPattern document // of a duplicate key
	keyValue   document
}

func (e *Error) Error() string { return e.Message }

// Name is the code's name as MongoDB prints it.
func (e *Error) Name() string {
	if name, ok := codeNames[e.Code]; ok {
		return name
	}
	return fmt.Sprintf("Location%d", e.Code)
}

func errorf(code int32, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
