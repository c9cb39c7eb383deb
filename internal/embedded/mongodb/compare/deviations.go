package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// deviation is something that FerretDB 2.7, over DocumentDB, does otherwise than MongoDB documents, or, where
// the manual is silent, than MongoDB's source has it. No store of ours may depend on either way.
type deviation struct {
	what     string
	explains func(d difference) bool // the fields of d's documents are in the order of their names
}

// orderOfFields is a deviation that workload.sameButForOrder knows.
const orderOfFields = "an update adds fields in the order in which it names them; MongoDB since 5.0 in the order of their names"

var deviations = []deviation{
	{
		orderOfFields + ", in a nested document",
		func(d difference) bool { return slices.Equal(d.left.unordered(true), d.right.unordered(true)) },
	},
	{
		"findAndModify that runs into a unique index fails with 1 InternalError; MongoDB says 11000 and the index",
		func(d difference) bool {
			return d.op.name() == "findAndModify" && !d.after && len(d.left) == 1 && strings.HasPrefix(d.left[0], "error 11000") && slices.Equal(d.right, answer{"error 1"})
		},
	},
	{
		"createIndexes on documents that are in the way of a unique index fails with 1 InternalError; MongoDB says 11000 and the index",
		func(d difference) bool {
			return d.op.name() == "createIndexes" && len(d.left) == 1 && strings.HasPrefix(d.left[0], "error 11000") && slices.Equal(d.right, answer{"error 1"})
		},
	},
	{
		"findAndModify that finds a document as it should be says in lastErrorObject that it found none; the value is there",
		func(d difference) bool {
			return d.op.name() == "findAndModify" && !d.after && slices.Equal(d.left.without(d.right), answer{"last n 1 updatedExisting true upserted "}) &&
				slices.Equal(d.right.without(d.left), answer{"last n 0 updatedExisting false upserted "})
		},
	},
	{
		"paths that are in each other's way are not always noticed: not with $unset, with $setOnInsert when nothing is inserted, or when nothing matches; MongoDB says 40",
		func(d difference) bool {
			return writes(d.op) && !d.after && d.missed(40)
		},
	},
	{
		"a unique index on a field of array elements has no null for elements without the field, when others have it",
		func(d difference) bool {
			return !d.after && d.missed(11000) && d.embedded().failures()[:1].hold(` i3$`)
		}, // items.sku
	},
	{
		"a unique index does not see an array that holds a value twice",
		func(d difference) bool {
			return !d.after && d.missed(11000) && d.embedded().failures()[:1].hold(` i\d+$`)
		},
	},
	{
		"$inc takes a boolean for a number; MongoDB says 14",
		func(d difference) bool {
			return writes(d.op, "$inc") && !d.after && d.missed(14) && (d.op.whole || d.before.hold(`true|false`) || answer{describe(d.op)}.hold(`true|false`))
		},
	},
	{
		"an array filter on a field that is no array is 28, or with $unset nothing; MongoDB says 2",
		func(d difference) bool {
			return strings.Contains(describe(d.op), "arrayFilters") && !d.after && d.missed(2)
		},
	},
	{
		"$unset of a field below an array fails with 28, of one in an element that is no document with 2; MongoDB does nothing",
		func(d difference) bool {
			return writes(d.op, "$unset") && !d.after && len(d.embedded().failures()) == 0 && (d.other().fails(28) || d.other().fails(2))
		},
	},
	{
		"a field that cannot be made in an empty array is 9; MongoDB says 28",
		func(d difference) bool {
			return writes(d.op) && !d.after && d.embedded().fails(28) && d.other().fails(9)
		},
	},
	{
		"what is read without a sort and in several batches, while others write, may have a document twice",
		func(d difference) bool {
			return d.op.name() == "find" && d.op.anyRow && strings.Contains(describe(d.op), "batchSize") && len(d.left.without(d.right)) == 0 &&
				!slices.ContainsFunc(d.right, func(line string) bool { return !slices.Contains(d.left, line) })
		},
	},
	{
		"$inc that rounding swallows, of a double beyond 2^53, counts as a change; MongoDB compares the bytes",
		func(d difference) bool {
			return writes(d.op, "$inc") && !d.after && len(d.embedded()) == 1 && len(d.other()) == 1 &&
				strings.HasPrefix(d.embedded()[0], "nModified") && strings.HasPrefix(d.other()[0], "nModified")
		},
	},
	{
		"$set beyond the end of an array, beside $unset within it, does not fill up with null",
		func(d difference) bool {
			text := describe(d.op)
			return d.after && writes(d.op, "$unset") && strings.Contains(text, `"items.0.q":""`) && strings.Contains(text, `"items.1.at":{`)
		},
	},
	{
		"of two mistakes in one update another one is told: MongoDB goes by the order of paths, and of documents",
		func(d difference) bool {
			return writes(d.op) && !d.after && mistakes(d.embedded()) > 0 && mistakes(d.embedded()) == mistakes(d.other()) && slices.Equal(d.left.without(d.left.failures()), d.right.without(d.right.failures()))
		},
	},
	{
		"an update of many that fails at one of them leaves all as they were; MongoDB keeps what was done before",
		func(d difference) bool {
			return d.after && strings.Contains(describe(d.op), `"multi":true`) && len(d.answer.failures()) > 0
		},
	},
}

// embedded and other are what only one of the two says.
func (d difference) embedded() answer { return d.left.without(d.right) }
func (d difference) other() answer    { return d.right.without(d.left) }

// missed says whether the other server did not give the code for the first write that failed here: it gave
// another one, or none until a later write.
func (d difference) missed(code int) bool {
	here, there := d.embedded().failures(), d.other().failures()
	return len(here) > 0 && here[:1].fails(code) && (len(there) == 0 || !there.fails(code) || place(there[0]) > place(here[0]))
}

// place is the number of the write that a line of an error is about.
func place(line string) (n int) {
	fmt.Sscanf(line, "failed at %d:", &n)
	return n
}

var failed = regexp.MustCompile(`error (\d+)`)

// failures are the lines of errors.
func (a answer) failures() answer {
	return slices.DeleteFunc(slices.Clone(a), func(line string) bool { return strings.HasPrefix(line, "value ") || !failed.MatchString(line) })
}

// fails says whether one of the errors has the code.
func (a answer) fails(code int) bool {
	return slices.ContainsFunc(a.failures(), func(line string) bool { return failed.FindStringSubmatch(line)[1] == strconv.Itoa(code) })
}

func mistakes(a answer) int {
	n := 0
	for _, code := range []int{2, 14, 28, 66, 11000} {
		if a.fails(code) {
			n++
		}
	}
	return n
}

func (a answer) hold(pattern string) bool { return regexp.MustCompile(pattern).MatchString(a.String()) }

// writes says whether it is an update that uses one of the operators.
func writes(op operation, operators ...string) bool {
	if op.name() != "update" && op.name() != "findAndModify" {
		return false
	}
	text := describe(op)
	return len(operators) == 0 || slices.ContainsFunc(operators, func(o string) bool { return strings.Contains(text, `"`+o+`"`) })
}
