// Command needs-upload is a program of the corpus that the rules on needs are tested with.
package main

import (
	"net/http"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { r.ParseMultipartForm(1 << 20) })
	http.ListenAndServe(":8080", nil)
}
