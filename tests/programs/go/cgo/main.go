// Calls a C library's function: linked dynamically unless told otherwise.
package main

// #include <stdlib.h>
// #include <string.h>
import "C"

import (
	"fmt"
	"unsafe"
)

func main() {
	text := C.CString("counted by C")
	defer C.free(unsafe.Pointer(text))
	fmt.Println(C.strlen(text))
}
