// Closed-loop load on an etcd cluster through etcd's own client: a fixed number of callers, each of which
// asks again once it is answered. Prints one line of JSON.
//
//	etcd-load -endpoints 127.0.0.1:2379 -operation put -callers 64 -seconds 3
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/clientv3"
)

func main() {
	endpoints := flag.String("endpoints", "127.0.0.1:2379", "comma-separated addresses")
	operation := flag.String("operation", "put", "put or get (linearizable)")
	callers := flag.Int("callers", 1, "calls under way")
	connections := flag.Int("connections", 4, "connections that the callers share")
	seconds := flag.Float64("seconds", 3, "how long")
	bytes := flag.Int("bytes", 128, "of a value")
	flag.Parse()

	clients := make([]*clientv3.Client, min(*connections, *callers))
	for at := range clients {
		client, err := clientv3.New(clientv3.Config{
			Endpoints:   strings.Split(*endpoints, ","),
			DialTimeout: 5 * time.Second,
		})
		if err != nil {
			log.Fatal(err)
		}
		defer client.Close()
		if _, err := client.Put(context.Background(), "key", "value"); err != nil {
			log.Fatal(err)
		}
		clients[at] = client
	}

	value := strings.Repeat("v", *bytes)
	begin := time.Now()
	end := begin.Add(time.Duration(*seconds * float64(time.Second)))
	latencies := make([][]time.Duration, *callers)
	var group sync.WaitGroup
	for caller := 0; caller < *callers; caller++ {
		group.Add(1)
		go func(caller int) {
			defer group.Done()
			client := clients[caller%len(clients)]
			key := fmt.Sprintf("key%013d", caller)
			for now := time.Now(); now.Before(end); {
				var err error
				if *operation == "put" {
					_, err = client.Put(context.Background(), key, value)
				} else {
					_, err = client.Get(context.Background(), "key")
				}
				if err != nil {
					log.Fatal(err)
				}
				answered := time.Now()
				latencies[caller] = append(latencies[caller], answered.Sub(now))
				now = answered
			}
		}(caller)
	}
	group.Wait()
	report(latencies, time.Since(begin))
}

func report(latencies [][]time.Duration, elapsed time.Duration) {
	var all []time.Duration
	for _, some := range latencies {
		all = append(all, some...)
	}
	sort.Slice(all, func(a, b int) bool { return all[a] < all[b] })
	ms := func(share float64) float64 {
		return float64(all[int(float64(len(all))*share)].Microseconds()) / 1000
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{
		"calls":        len(all),
		"opsPerSecond": float64(len(all)) / elapsed.Seconds(),
		"p50Ms":        ms(0.5),
		"p99Ms":        ms(0.99),
	})
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}
