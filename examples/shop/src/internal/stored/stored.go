// Package stored asks the store.
package stored

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

var client = http.Client{Timeout: 10 * time.Second}

// Row is a row of a table by its columns' names.
type Row map[string]any

// Query gives the rows that a statement finds.
func Query(sql string, arguments ...any) ([]Row, error) {
	var answer struct{ Rows []Row }
	return answer.Rows, ask("query", sql, arguments, &answer)
}

// Write executes a statement, and gives the number of the row that it inserted.
func Write(sql string, arguments ...any) (int64, error) {
	var answer struct{ ID int64 }
	err := ask("write", sql, arguments, &answer)
	return answer.ID, err
}

func ask(verb, sql string, arguments []any, answer any) error {
	question, err := json.Marshal(map[string]any{"sql": sql, "arguments": arguments})
	if err != nil {
		return err
	}
	response, err := client.Post("http://store:8080/"+verb, "application/json", bytes.NewReader(question))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("store: %s: %s", response.Status, bytes.TrimSpace(body))
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(body, answer)
}
