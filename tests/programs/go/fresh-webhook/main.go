// Command fresh-webhook posts to an address that it is given.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

func main() {
	body, _ := json.Marshal(map[string]string{"text": "deployed"})
	if len(os.Args) < 2 {
		fmt.Println("usage: webhook URL")
		return
	}
	resp, err := http.Post(os.Args[1], "application/json", bytes.NewReader(body))
	if err != nil {
		fmt.Println("failed")
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
}
