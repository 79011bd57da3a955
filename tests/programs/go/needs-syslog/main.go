// Command needs-syslog is a program of the corpus that the rules on needs are tested with.
package main

import (
	"fmt"
	"log/syslog"
)

func main() {
	w, e := syslog.New(syslog.LOG_INFO, "x")
	fmt.Println(e)
	if e == nil {
		fmt.Println(w.Info("hi"))
	}
}
