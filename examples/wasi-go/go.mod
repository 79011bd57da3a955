module example.com/wasi-go

go 1.21
