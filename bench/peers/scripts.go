// A script for each machine out of a map in memory, by Go's own HTTP server: what a small server in Go costs.
package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
)

type node struct {
	name, profile string
}

func main() {
	address := os.Args[1]
	count, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	text, err := os.ReadFile(os.Args[3])
	if err != nil {
		panic(err)
	}
	parts := strings.Split(string(text), "@MAC@")
	nodes := make(map[string]node, count)
	for i := 0; i < count; i++ {
		mac := fmt.Sprintf("02-de-%02x-%02x-%02x-%02x", i>>24&255, i>>16&255, i>>8&255, i&255)
		nodes[mac] = node{name: fmt.Sprintf("n%d", i), profile: "worker"}
	}
	http.HandleFunc("/boot/", func(w http.ResponseWriter, r *http.Request) {
		mac := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/boot/"), ".ipxe")
		found, ok := nodes[mac]
		if !ok {
			http.NotFound(w, r)
			return
		}
		var script bytes.Buffer
		for i, part := range parts {
			if i > 0 {
				script.WriteString(mac)
			}
			script.WriteString(strings.ReplaceAll(part, "@NODE@", found.name))
		}
		header := w.Header()
		header.Set("Content-Type", "text/plain")
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Length", strconv.Itoa(script.Len()))
		w.Write(script.Bytes())
	})
	panic(http.ListenAndServe(address, nil))
}
