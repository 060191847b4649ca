// Module shim takes the place of github.com/thejerf/suture/v4 in the go.mod of a
// program. It has a module of its own since what a replace directive names is a module.
module github.com/tend-go/tend/suture/shim

go 1.25.0

require github.com/tend-go/tend v0.0.0

require github.com/thejerf/abtime v1.0.7 // indirect

replace github.com/tend-go/tend => ../..
