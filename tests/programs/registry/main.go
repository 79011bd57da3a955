// Two registries of other makes: go-containerregistry's, which has the referrers API, and ociregistry's, which says
// how much of an upload has arrived. Both keep all in memory.
//
//	registry ggcr|oci ADDRESS
package main

import (
	"io"
	"log"
	"net/http"
	"os"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	quiet := log.New(io.Discard, "", 0)
	var handler http.Handler
	switch os.Args[1] {
	case "ggcr":
		handler = registry.New(registry.Logger(quiet), registry.WithReferrersSupport(true))
	case "oci":
		handler = ociserver.New(ocimem.New(), nil)
	default:
		log.Fatalf("no such registry: %s", os.Args[1])
	}
	server := http.Server{Addr: os.Args[2], Handler: handler, ErrorLog: quiet}
	log.Fatal(server.ListenAndServe())
}
