// Package mail sends mail: a message is written as RFC 5322 and MIME want it and handed to an SMTP
// server over pooled connections.
//
// It knows no templates and no recipients' wishes, and it does not retry. No value of a message can
// add a header of its own. Enter at NewSMTP.
package mail

import (
	"context"
	"errors"
)

// Message is one mail to one person. Text or HTML may be empty, not both.
type Message struct {
	From      string // an address, "shop@example.com" or "The Shop <shop@example.com>"
	To        string // likewise
	Subject   string
	HTML      string
	Text      string
	MessageID string            // without "<>"; empty means a new one. Repeat it when a mail is sent again
	Headers   map[string]string // more headers; those that Message sets itself are refused

	// ListUnsubscribe is an https URL that takes the person off the list by a POST, without asking
	// (RFC 8058).
	ListUnsubscribe string
}

// Sender sends mail.
//
// Send returns once the server has taken the mail. An error of code BadInput will stay (a wrong
// address, a refused mail); one of code Unavailable may pass, and then the mail may have been taken
// all the same, unless the error is ErrUnsent too. Errors never hold a mail address.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// ErrUnsent is in the chain of an error after which no server has been handed the mail: none was reached,
// or it answered nothing before the mail's content was sent.
var ErrUnsent = errors.New("the mail was not handed over")
