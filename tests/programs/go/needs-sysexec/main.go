// Command needs-sysexec is a program of the corpus that the rules on needs are tested with.
package main

import (
	"fmt"
	"syscall"
)

func main() { fmt.Println(syscall.Exec("/bin/ls", []string{"ls", "-d", "/etc"}, nil)) }
