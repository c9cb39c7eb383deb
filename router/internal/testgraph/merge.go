package testgraph

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Merging puts the payloads of a deferred response together as clients do, and holds them to the format.
type Merging struct {
	Data    any // numbers are json.Number
	Errors  int
	Pending int  // fragments told of
	Failed  bool // a fragment did not come
	Over    bool // the last payload has come

	pending   map[string][]any // paths, by id
	completed map[string]bool
}

type payload struct {
	Data    any
	Errors  []any
	Pending []struct {
		ID   string
		Path []any
	}
	Incremental []struct {
		ID      string
		SubPath []any
		Data    map[string]any
		Errors  []any
	}
	Completed []struct {
		ID     string
		Errors []any
	}
	HasNext *bool
}

// Decode reads JSON with its numbers as they are.
func Decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(into)
}

// Take merges the next payload.
func (c *Merging) Take(raw []byte) error {
	var p payload
	if err := Decode(raw, &p); err != nil {
		return err
	}
	if c.Over {
		return fmt.Errorf("a payload follows the last one")
	}
	if p.HasNext == nil {
		return fmt.Errorf("no hasNext")
	}
	if c.pending == nil {
		c.pending, c.completed, c.Data = map[string][]any{}, map[string]bool{}, p.Data
		if len(p.Incremental)+len(p.Completed) > 0 {
			return fmt.Errorf("the first payload has more than what is pending")
		}
	}
	c.Errors += len(p.Errors)
	for _, n := range p.Pending {
		if _, ok := c.pending[n.ID]; ok {
			return fmt.Errorf("%s is pending twice", n.ID)
		}
		c.pending[n.ID] = n.Path
		c.Pending++
		if _, err := c.object(n.Path); err != nil && len(p.Incremental) == 0 {
			return fmt.Errorf("%s is pending at %v: %w", n.ID, n.Path, err)
		}
	}
	for _, n := range p.Incremental {
		path, ok := c.pending[n.ID]
		if !ok || c.completed[n.ID] {
			return fmt.Errorf("data for %s, which is not pending", n.ID)
		}
		o, err := c.object(append(path[:len(path):len(path)], n.SubPath...))
		if err != nil {
			return err
		}
		for key, v := range n.Data {
			if _, ok := o[key]; ok {
				return fmt.Errorf("%s comes twice at %v %v", key, path, n.SubPath)
			}
			o[key] = v
		}
		c.Errors += len(n.Errors)
	}
	for _, n := range p.Completed {
		if _, ok := c.pending[n.ID]; !ok || c.completed[n.ID] {
			return fmt.Errorf("%s is completed and was not pending", n.ID)
		}
		c.completed[n.ID] = true
		c.Errors += len(n.Errors)
		c.Failed = c.Failed || len(n.Errors) > 0
	}
	c.Over = !*p.HasNext
	if open := len(c.pending) - len(c.completed); (open == 0) != c.Over {
		return fmt.Errorf("%d fragments are open, and hasNext is %v", open, *p.HasNext)
	}
	return nil
}

// object finds the object at a path.
func (c *Merging) object(path []any) (map[string]any, error) {
	at := c.Data
	for _, step := range path {
		switch step := step.(type) {
		case string:
			o, _ := at.(map[string]any)
			at = o[step]
		case json.Number:
			list, _ := at.([]any)
			i, err := step.Int64()
			if err != nil || int(i) >= len(list) {
				return nil, fmt.Errorf("there is no %v at %v", step, path)
			}
			at = list[i]
		}
	}
	if o, ok := at.(map[string]any); ok {
		return o, nil
	}
	return nil, fmt.Errorf("no object is at %v", path)
}
