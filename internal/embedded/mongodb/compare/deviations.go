package main

// deviation is something that the other server does otherwise than MongoDB documents.
type deviation struct {
	what     string
	explains func(d difference) bool
}

var deviations = []deviation{}
