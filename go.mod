module github.com/tend-go/tend

go 1.25.0

require (
	github.com/google/go-cmp v0.7.0
	github.com/thejerf/abtime v1.0.7
)
