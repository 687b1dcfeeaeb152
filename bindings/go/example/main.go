package main // SPDX-License-Identifier: Apache-2.0

import "context"
import _ "embed"
import "log"
import dataflow "dataflow.dataflow.io/go"

//go:embed flow.yaml
var flow string // Kafka, the function below, PostgreSQL

func withTotal(r *dataflow.Record) error {
	price, _ := r.Get("price").Float()
	if quantity, err := r.Get("quantity").Int(); err == nil && quantity > 0 {
		return r.Set("total", price*float64(quantity))
	}
	return dataflow.Reject("no quantity")
}

func main() {
	env, _ := dataflow.NewEnv(dataflow.EnvOptions{})
	env.Transform("with_total", withTotal)
	all := dataflow.RunOptions{UntilExhausted: true}
	log.Println(env.Run(context.Background(), flow, dataflow.Options{Name: "orders", Resolve: true, RunOptions: all}))
}
