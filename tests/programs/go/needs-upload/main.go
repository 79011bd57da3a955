// Command needs-upload is a program of the corpus that the rules on needs are tested with.
package main

import (
	"fmt"
	"net/http"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		err := r.ParseMultipartForm(1 << 20)
		fmt.Fprintln(w, err)
		for name, files := range r.MultipartForm.File {
			fmt.Fprintln(w, name, files[0].Filename, files[0].Size)
		}
	})
	http.ListenAndServe(":8080", nil)
}
