package main

// How the access matrix asks.

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// changes asks for the mutations of those who may, one after the other, those that end things last.
func (m *matrix) changes() {
	for _, last := range []bool{false, true} {
		for _, key := range slices.Sorted(maps.Keys(fieldRows)) {
			r := fieldRows[key]
			if !strings.HasPrefix(key, "Mutation.") || r.ends != last {
				continue
			}
			for _, w := range m.worlds {
				for _, id := range w.things[r.thing] {
					for _, a := range m.people {
						if !a.holds(r.may, w) {
							continue
						}
						if m.viaRouter(key, m.documents[key][plain], a, r, w, id); r.ends {
							break
						}
					}
				}
			}
		}
	}
}

// lists asks for what takes no id: it must not tell anything of others either.
func (m *matrix) lists() {
	for _, f := range m.public.Query.Fields {
		args, ok := arguments(f)
		if _, row := fieldRows["Query."+f.Name]; row || !ok || strings.HasPrefix(f.Name, "__") {
			continue
		}
		text := "{ " + f.Name + args + " " + (&writer{schema: m.public}).selection(f.Type.Name(), nil) + " }"
		for _, a := range m.people {
			got := m.send(a.person.url+"/graphql", a.person.header, vars{"query": text})
			m.asked++
			for _, w := range m.worlds {
				if !a.holds(theirs|staffs, w) {
					m.secret(f.Name, a, w, got)
				}
			}
		}
	}
}

func (m *matrix) viaRouter(key string, d document, a asker, r row, w *world, id string) {
	header := a.person.header.Clone()
	if d.name == styles[deferred] {
		header.Set("Accept", "multipart/mixed")
	}
	blind := r.blind || strings.HasPrefix(d.name, "through") // there may be nothing at the end of a path
	m.judge(key+" "+d.name, a, r.may, blind, w, id, func(id string) reply {
		request := vars{"query": d.text, "variables": m.values(r, w, key, id)}
		if a.partner {
			request = vars{"id": m.ids[d.text], "variables": request["variables"]}
		}
		return m.send(a.person.url+"/graphql", header, request)
	})
}

// byGet asks as whoever wants answers that may be kept on the way.
func (m *matrix) byGet(key string, d document, a asker, r row, w *world, id string) {
	m.judge(key+" by GET", a, r.may, r.blind, w, id, func(id string) reply {
		values, err := json.Marshal(m.values(r, w, key, id))
		if err != nil {
			return reply{0, err.Error()}
		}
		req, err := http.NewRequest(http.MethodGet, a.person.url+"/graphql?"+url.Values{"query": {d.text}, "variables": {string(values)}}.Encode(), nil)
		if err != nil {
			return reply{0, err.Error()}
		}
		return m.do(req, a.person.header)
	})
}

func (m *matrix) values(r row, w *world, key, id string) vars {
	values := vars{"id": id}
	if strings.Contains(r.args, "$more") {
		_, field, _ := strings.Cut(key, ".")
		values["more"] = w.more[field]
	}
	return values
}

// send posts a request and returns the answer as it is.
func (m *matrix) send(url string, header http.Header, request vars) reply {
	body, err := json.Marshal(request)
	if err != nil {
		return reply{0, err.Error()}
	}
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return reply{0, err.Error()}
	}
	return m.do(req, header)
}

// do sends a request, and again while the shop has more to do than it can: that says nothing of rights.
func (m *matrix) do(req *http.Request, header http.Header) reply {
	for tries := 1; ; tries++ {
		r := m.once(req, header)
		if !strings.Contains(r.text, `"OVERLOADED"`) || tries == maxTries {
			return r
		}
		comeAgain(1)
		if req.GetBody != nil {
			req.Body, _ = req.GetBody()
		}
	}
}

func (m *matrix) once(req *http.Request, header http.Header) reply {
	req.Header = header.Clone()
	req.Header.Set("Content-Type", "application/json")
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/graphql-response+json, application/json")
	}
	res, err := browser.Do(req)
	if err != nil {
		return reply{0, err.Error()}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{0, err.Error()}
	}
	return reply{res.StatusCode, string(text)}
}
