module github.com/tend-go/tend/benchmarks

go 1.25.0

replace github.com/tend-go/tend => ../

require (
	github.com/capatazlib/go-capataz v0.5.0
	github.com/oklog/run v1.2.0
	github.com/tend-go/tend v0.0.0-00010101000000-000000000000
	github.com/thejerf/suture/v4 v4.0.6
	golang.org/x/sync v0.20.0
)

require (
	github.com/stretchr/testify v1.11.1 // indirect
	github.com/thejerf/abtime v1.0.7 // indirect
)
