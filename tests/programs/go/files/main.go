// Command files prints the media type of the extension that is its argument.
package main

import (
	"fmt"
	"mime"
	"os"
)

func main() { fmt.Println(mime.TypeByExtension(os.Args[1])) }
