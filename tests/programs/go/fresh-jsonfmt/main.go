// Command fresh-jsonfmt formats JSON.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
)

func main() {
	text, _ := io.ReadAll(os.Stdin)
	var out bytes.Buffer
	if json.Indent(&out, text, "", "  ") != nil {
		out.WriteString("not JSON")
	}
	os.Stdout.Write(append(out.Bytes(), '\n'))
}
