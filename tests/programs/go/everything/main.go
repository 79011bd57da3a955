// Command everything links whatever the other programs link one by one.
package main

import (
	"fmt"
	"mime"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"time"
)

func main() {
	fmt.Println("hello from go")
	if len(os.Args) < 2 {
		return
	}
	argument := os.Args[1]
	location, err := time.LoadLocation(argument)
	fmt.Println(location, err)
	account, err := user.Lookup(argument)
	fmt.Println(account, err)
	group, err := user.LookupGroup(argument)
	fmt.Println(group, err)
	file, err := os.CreateTemp("", argument)
	fmt.Println(file, err)
	response, err := http.Get(argument)
	fmt.Println(response, err)
	fmt.Println(mime.TypeByExtension(argument), exec.Command(argument).Run())
}
