// Command store is a database with a server: SQLite, asked over HTTP.
//
//	POST /query {"sql": "SELECT …", "arguments": […]}   →  {"rows": [{"column": value}]}
//	POST /write {"sql": "INSERT …", "arguments": […]}   →  {"id": …, "changed": …}
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	_ "modernc.org/sqlite"
)

type statement struct {
	SQL       string `json:"sql"`
	Arguments []any  `json:"arguments"`
}

func main() {
	database, err := sql.Open("sqlite", "/data/shop.db")
	if err != nil {
		log.Fatal(err)
	}
	// One connection: SQLite writes one after the other, and whoever waits here needn't be told "busy".
	database.SetMaxOpenConns(1)
	for _, pragma := range []string{"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL"} {
		if _, err := database.Exec(pragma); err != nil {
			log.Fatal(err)
		}
	}
	http.Handle("POST /query", answering(func(one statement) (any, error) { return query(database, one) }))
	http.Handle("POST /write", answering(func(one statement) (any, error) { return write(database, one) }))
	http.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if database.Ping() != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	ending, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ending.Done()
		server.Shutdown(context.Background())
	}()
	log.Print("ready")
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	database.Close()
}

func answering(do func(statement) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var one statement
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&one); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer, err := do(one)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		json.NewEncoder(w).Encode(answer)
	}
}

func query(database *sql.DB, one statement) (any, error) {
	rows, err := database.Query(one.SQL, one.Arguments...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	found := []map[string]any{}
	for rows.Next() {
		values, places := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			places[i] = &values[i]
		}
		if err := rows.Scan(places...); err != nil {
			return nil, err
		}
		row := map[string]any{}
		for i, name := range names {
			row[name] = values[i]
		}
		found = append(found, row)
	}
	return map[string]any{"rows": found}, rows.Err()
}

func write(database *sql.DB, one statement) (any, error) {
	result, err := database.Exec(one.SQL, one.Arguments...)
	if err != nil {
		return nil, err
	}
	id, _ := result.LastInsertId()
	changed, _ := result.RowsAffected()
	return map[string]int64{"id": id, "changed": changed}, nil
}
