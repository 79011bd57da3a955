// Command swarmed answers with its host's name, or asks another one for its name all the time and counts the answers.
package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

type counts struct {
	Answered int     `json:"answered"`
	Failed   int     `json:"failed"`
	Longest  float64 `json:"longest"` // seconds without an answer
	Last     string  `json:"last"`
}

func main() {
	if len(os.Args) > 1 {
		go ask(os.Args[1])
		http.HandleFunc("/counts", show)
	}
	http.HandleFunc("/hostname", func(w http.ResponseWriter, _ *http.Request) {
		name, _ := os.Hostname()
		io.WriteString(w, name)
	})
	if http.ListenAndServe(":8080", nil) != nil {
		os.Exit(1)
	}
}

var (
	lock  sync.Mutex
	total counts
)

func show(w http.ResponseWriter, r *http.Request) {
	lock.Lock()
	defer lock.Unlock()
	json.NewEncoder(w).Encode(total)
	if r.URL.Query().Has("anew") {
		total = counts{}
	}
}

// ask asks over a new connection each time, as many clients would.
func ask(url string) {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	since := time.Now()
	for {
		answer, err := client.Get(url)
		if err == nil {
			io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
		lock.Lock()
		if err == nil {
			total.Answered++
			since = time.Now()
		} else {
			total.Failed++
			total.Last = err.Error()
		}
		if silent := time.Since(since).Seconds(); silent > total.Longest {
			total.Longest = silent
		}
		lock.Unlock()
		time.Sleep(20 * time.Millisecond)
	}
}
