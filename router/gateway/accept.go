package gateway

import (
	"mime"
	"strconv"
	"strings"
)

// The media types an answer can have.
const (
	mediaResponse = "application/graphql-response+json"
	mediaJSON     = "application/json"
	mediaEvents   = "text/event-stream"
	mediaParts    = "multipart/mixed"
)

// negotiate chooses the media type of an answer from the Accept header's values, "" when none of
// ours is acceptable. The highest quality wins, then the most specific range; application/json is
// the answer to no header and to wildcards, as GraphQL over HTTP asks for clients from before it.
// An event stream is sent only to a client that names it.
func negotiate(accept []string) string {
	header := strings.Join(accept, ",")
	switch header {
	case mediaResponse, mediaJSON, mediaEvents:
		return header
	}
	if strings.TrimSpace(header) == "" {
		return mediaJSON
	}
	ranges := parseAccept(header)
	best, bestQ, bestSpecific := "", 0.0, -1
	for _, candidate := range []string{mediaResponse, mediaJSON, mediaEvents} {
		q, specific := quality(ranges, candidate)
		if q == 0 {
			continue
		}
		wildcardTie := q == bestQ && specific == bestSpecific && specific < 2 && candidate == mediaJSON
		if q > bestQ || q == bestQ && specific > bestSpecific || wildcardTie {
			best, bestQ, bestSpecific = candidate, q, specific
		}
	}
	return best
}

// takesParts reports whether a deferring operation is to be answered in parts: the client names
// multipart/mixed, in our format or in none, and likes it no less than plain, the type of a response
// that is whole. Clients that ask for a format of before (deferSpec) get their response whole.
func takesParts(accept []string, plain string) bool {
	ranges := parseAccept(strings.Join(accept, ","))
	best := 0.0
	for _, r := range ranges {
		if r.name == mediaParts && ourParts(r.params) {
			best = max(best, r.q)
		}
	}
	q, _ := quality(ranges, plain)
	return best > 0 && (plain == "" || best >= q)
}

func ourParts(params map[string]string) bool {
	for name, value := range params {
		switch name {
		case "q", "boundary", "charset":
		case "incrementalspec":
			if value != "v0.2" {
				return false
			}
		default:
			return false
		}
	}
	return true
}

type mediaRange struct {
	name   string
	q      float64
	params map[string]string
}

func parseAccept(header string) []mediaRange {
	var ranges []mediaRange
	for part := range strings.SplitSeq(header, ",") {
		name, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		if charset, ok := params["charset"]; ok && !isUTF8(charset) {
			continue
		}
		q := 1.0
		if s, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(s, 64); err != nil || q < 0 || q > 1 {
				continue
			}
		}
		ranges = append(ranges, mediaRange{name, q, params})
	}
	return ranges
}

// quality returns the quality the most specific matching range gives candidate, and how specific
// it is: 2 for the type itself, 1 for type/*, 0 for */*.
func quality(ranges []mediaRange, candidate string) (q float64, specific int) {
	specific = -1
	major, _, _ := strings.Cut(candidate, "/")
	for _, r := range ranges {
		s := -1
		switch {
		case r.name == candidate:
			s = 2
		case candidate == mediaEvents: // never by a wildcard
		case r.name == major+"/*":
			s = 1
		case r.name == "*/*":
			s = 0
		}
		if s > specific {
			q, specific = r.q, s
		}
	}
	return q, specific
}

func isUTF8(charset string) bool {
	return strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}
