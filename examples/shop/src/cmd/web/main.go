// Command web takes orders, and tells what has become of them.
//
//	POST /orders {"item": "…", "count": 3}   →  {"id": 1}: stored, and put into the queue for a worker
//	GET  /orders/1                           →  {"id": 1, "state": "done", …}: from the cache, else from the store
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"example.org/shop/internal/stored"
)

const keptFor = time.Minute

type web struct {
	cache *redis.Client
	queue nats.JetStreamContext
	name  string
}

func main() {
	connection, err := nats.Connect("nats://queue:4222", nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true))
	if err != nil {
		log.Fatal(err)
	}
	queue, err := connection.JetStream()
	if err != nil {
		log.Fatal(err)
	}
	name, _ := os.Hostname()
	one := &web{redis.NewClient(&redis.Options{Addr: "cache:6379"}), queue, name}
	http.HandleFunc("POST /orders", one.order)
	http.HandleFunc("GET /orders/{id}", one.tell)
	http.HandleFunc("GET /{$}", one.greet)
	http.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if !connection.IsConnected() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	serve()
}

func serve() {
	ending, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		<-ending.Done()
		server.Shutdown(context.Background())
		close(done)
	}()
	log.Print("ready")
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	<-done
}

func (one *web) greet(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]string{"greeting": os.Getenv("GREETING"), "web": one.name})
}

func (one *web) order(w http.ResponseWriter, r *http.Request) {
	var order struct {
		Item  string `json:"item"`
		Count int    `json:"count"`
	}
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&order) != nil || order.Count < 1 {
		http.Error(w, "an order is {\"item\": …, \"count\": …}", http.StatusBadRequest)
		return
	}
	id, err := stored.Write("INSERT INTO orders (item, count, state) VALUES (?, ?, 'new')", order.Item, order.Count)
	if err == nil {
		_, err = one.queue.Publish("orders.new", []byte(strconv.FormatInt(id, 10)))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	answer(w, map[string]int64{"id": id})
}

func (one *web) tell(w http.ResponseWriter, r *http.Request) {
	key := "order:" + r.PathValue("id")
	// A cache that is away is no reason to say nothing.
	if kept, err := one.cache.Get(r.Context(), key).Bytes(); err == nil {
		w.Header().Set("X-Cache", "hit")
		w.Write(kept)
		return
	}
	rows, err := stored.Query("SELECT id, item, count, state, price FROM orders WHERE id = ?", r.PathValue("id"))
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case len(rows) == 0:
		http.NotFound(w, r)
	default:
		text, _ := json.Marshal(rows[0])
		if rows[0]["state"] == "done" {
			one.cache.Set(r.Context(), key, text, keptFor)
		}
		w.Write(text)
	}
}

func answer(w http.ResponseWriter, what any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(what)
}
