// A small HTTP service: it greets, tells the time in any zone, and fetches pages by HTTPS.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// The most that is passed on of a page.
const most = 1 << 20

func greet(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	if name == "" {
		name = "world"
	}
	fmt.Fprintf(w, "hello, %s\n", name)
}

func now(w http.ResponseWriter, r *http.Request) {
	zone, err := time.LoadLocation(r.URL.Query().Get("zone"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	at := time.Now()
	if text := r.URL.Query().Get("at"); text != "" {
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	fmt.Fprintln(w, at.In(zone).Format(time.RFC3339))
}

func fetch(w http.ResponseWriter, r *http.Request) {
	client := &http.Client{Timeout: 10 * time.Second}
	page, err := client.Get(r.URL.Query().Get("url"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer page.Body.Close()
	w.WriteHeader(page.StatusCode)
	io.Copy(w, io.LimitReader(page.Body, most))
}

func main() {
	http.HandleFunc("/", greet)
	http.HandleFunc("/time", now)
	http.HandleFunc("/fetch", fetch)
	address := ":8080"
	if port := os.Getenv("PORT"); port != "" {
		address = ":" + port
	}
	server := &http.Server{Addr: address, ReadHeaderTimeout: 5 * time.Second}
	stop, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	go func() {
		<-stop.Done()
		server.Shutdown(context.Background())
	}()
	log.Println("listening on", address)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}
