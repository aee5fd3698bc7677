// A persistent handler in Go: returns a string in capitals. See docs/handlers.md.
//
//	go build -o upper examples/handlers/upper.go
//	darg-worker --handler 'upper=stream:./upper'
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"strings"
)

type job struct {
	ID      string          `json:"id"`
	Nonce   int64           `json:"nonce"`
	Run     int64           `json:"run"`
	Attempt int64           `json:"attempt"`
	Args    json.RawMessage `json:"args"`
}

// The job cannot be done, however often it is tried.
var errNeverMind = errors.New("args must be a string")

// One line each: Encode ends it, and os.Stdout has no buffer.
var out = json.NewEncoder(os.Stdout)

func say(message map[string]any) {
	if err := out.Encode(message); err != nil {
		log.Fatal(err)
	}
}

// The work itself: takes the job, returns the result.
func handle(j job) (any, error) {
	var text string
	if json.Unmarshal(j.Args, &text) != nil || j.Args[0] != '"' {
		return nil, errNeverMind
	}
	say(map[string]any{"nonce": j.Nonce, "progress": 100})
	return strings.ToUpper(text), nil
}

func answer(j job) map[string]any {
	result, err := handle(j)
	switch {
	case errors.Is(err, errNeverMind):
		return map[string]any{"nonce": j.Nonce, "bury": err.Error()}
	case err != nil: // anything else may go better the next time
		return map[string]any{"nonce": j.Nonce, "retry": err.Error()}
	}
	return map[string]any{"nonce": j.Nonce, "done": result}
}

func main() {
	in := json.NewDecoder(bufio.NewReader(os.Stdin))
	var hello struct {
		Darg int `json:"darg"`
		Max  int `json:"max"`
	}
	if err := in.Decode(&hello); err != nil || hello.Darg != 1 || hello.Max < 2 {
		log.Fatal("upper.go knows version 2 of the protocol only")
	}
	say(map[string]any{"darg": 2})
	for {
		var j job
		err := in.Decode(&j)
		if err == io.EOF { // there will be no more jobs
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		say(answer(j))
	}
}
