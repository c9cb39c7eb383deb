//go:build !unix

package mongodb

// lockDir does nothing where the system has no advisory file locks.
func lockDir(string) (func(), error) { return func() {}, nil }
