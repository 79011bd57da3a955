// Command needs-tzembed is a program of the corpus that the rules on needs are tested with.
package main

import (
	"fmt"
	"time"
	_ "time/tzdata"
)

func main() { l, e := time.LoadLocation("Europe/Berlin"); fmt.Println(time.Unix(0, 0).In(l), e) }
