// Package house holds no code, only tests of the house itself: who may import whom, that what is
// generated is up to date, that docker-compose.yml and deploy/ name only commands, flags and variables
// that exist, and that the documents name only files that exist.
package house
