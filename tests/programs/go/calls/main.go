package main

import (
	"flag"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func found(values ...any) {
	println(len(values))
}

func main() {
	address := flag.String("addr", ":8080", "where to listen")
	label := flag.String("label", ":1234", "no address")
	flag.Parse()
	if len(os.Args) < 2 {
		println("nothing to do")
		return
	}
	out, err := exec.Command("git", "status").Output()
	found(out, err)
	path, err := exec.LookPath("kubectl")
	found(path, err, exec.Command(os.Getenv("APP_EDITOR")).Run())
	zone, err := time.LoadLocation("Europe/Berlin")
	found(zone, err)
	text, err := os.ReadFile("/etc/app/config.yaml")
	found(text, err, os.WriteFile("/var/log/app.log", text, 0o644), os.MkdirAll("/var/cache/app", 0o755))
	file, err := os.Create("/var/lib/app/new")
	found(file, err)
	file, err = os.Open("/etc/app/more.yaml")
	found(file, err)
	file, err = os.OpenFile("/var/lib/app/db", os.O_RDWR, 0o644)
	found(file, err)
	mode, ok := os.LookupEnv("APP_MODE")
	found(mode, ok, *label)
	listener, err := net.Listen("tcp", "127.0.0.1:9000")
	found(listener, err)
	http.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/items", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("/readyz", http.NotFoundHandler())
	found(syscall.Exec("/usr/bin/env", os.Args, nil))
	found(http.ListenAndServe(*address, mux))
}
