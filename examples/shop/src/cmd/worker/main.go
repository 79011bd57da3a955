// Command worker reckons what orders cost, one after the other, each once it is in the queue; what it doesn't finish another one gets.
package main

import (
	"context"
	"log"
	"os/signal"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"example.org/shop/internal/stored"
)

const patience = 10 * time.Second

func main() {
	connection, err := nats.Connect("nats://queue:4222", nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true))
	if err != nil {
		log.Fatal(err)
	}
	queue, err := connection.JetStream()
	if err != nil {
		log.Fatal(err)
	}
	stream := nats.StreamConfig{Name: "orders", Subjects: []string{"orders.*"}, Retention: nats.WorkQueuePolicy}
	if _, err := queue.AddStream(&stream); err != nil {
		log.Fatal(err)
	}
	work, err := queue.PullSubscribe("orders.new", "workers", nats.AckWait(patience))
	if err != nil {
		log.Fatal(err)
	}
	ending, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	log.Print("ready")
	for ending.Err() == nil {
		messages, err := work.Fetch(1, nats.MaxWait(time.Second))
		if err != nil {
			continue
		}
		if err := reckon(string(messages[0].Data)); err != nil {
			log.Printf("order %s: %v", messages[0].Data, err)
			messages[0].NakWithDelay(time.Second)
			continue
		}
		messages[0].AckSync()
	}
}

func reckon(id string) error {
	_, err := stored.Write(`UPDATE orders SET state = 'done',
		price = count * (SELECT price FROM items WHERE items.name = orders.item) WHERE id = ?`, id)
	return err
}
