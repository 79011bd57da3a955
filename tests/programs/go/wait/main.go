// Does nothing about signals.
package main

import "time"

func main() {
	for {
		time.Sleep(time.Second)
	}
}
