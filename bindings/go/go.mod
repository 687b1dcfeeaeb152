module dataflow.dataflow.io/go

go 1.23
