package testgateway

import "storefront/subgraphs/payments"

// The payment methods, and what becomes of them.
const (
	tokenVisa       = "tok_visa"
	tokenMastercard = "tok_mastercard"
	tokenDeclined   = "tok_declined"
	tokenNoFunds    = "tok_insufficient_funds"
	tokenExpired    = "tok_expired_card"
	token3DS        = "tok_3ds"
	tokenTimeout    = "tok_timeout"
	tokenSlow       = "tok_slow"
	tokenNoRefund   = "tok_refund_refused"
)

// Tokens lists the payment methods.
func Tokens() []payments.TestToken {
	return []payments.TestToken{
		{Token: tokenVisa, Description: "succeeds"},
		{Token: tokenMastercard, Description: "succeeds"},
		{Token: tokenDeclined, Description: "is declined"},
		{Token: tokenNoFunds, Description: "is declined: insufficient funds"},
		{Token: tokenExpired, Description: "is declined: the card has expired"},
		{Token: token3DS, Description: "asks for 3-D Secure: approve or decline on the page at actionUrl"},
		{Token: tokenTimeout, Description: "succeeds, but the first answer is lost"},
		{Token: tokenSlow, Description: "succeeds after two seconds"},
		{Token: tokenNoRefund, Description: "succeeds, but the first refund is refused"},
	}
}

// outcome is what an authorization with token leads to.
func outcome(token string) (op operation, code, message string) {
	switch token {
	case tokenVisa, tokenMastercard, tokenTimeout, tokenSlow, tokenNoRefund:
		return opAuthorize, "", ""
	case token3DS:
		return opChallenge, "", ""
	case tokenDeclined:
		return opDecline, "CARD_DECLINED", "The card was declined."
	case tokenNoFunds:
		return opDecline, "INSUFFICIENT_FUNDS", "The card has insufficient funds."
	case tokenExpired:
		return opDecline, "EXPIRED_CARD", "The card has expired."
	}
	return opDecline, "INVALID_PAYMENT_METHOD", "The payment method is not known; choose another one."
}
