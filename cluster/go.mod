module github.com/tend-go/tend/cluster

go 1.26.0

require (
	github.com/google/go-cmp v0.7.0
	github.com/tend-go/tend v0.0.0
)

require github.com/thejerf/abtime v1.0.7 // indirect

replace github.com/tend-go/tend => ../
