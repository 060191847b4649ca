// What package suture promises about github.com/thejerf/suture/v4 is checked
// against that very module. It has a module of its own so that nothing of it
// enters the module graph of tend's users.
module github.com/tend-go/tend/suture/apicheck

go 1.25.0

require (
	github.com/tend-go/tend v0.0.0
	github.com/tend-go/tend/suture/shim v0.0.0
	github.com/thejerf/suture/v4 v4.0.6
)

require github.com/thejerf/abtime v1.0.7 // indirect

replace github.com/tend-go/tend => ../..

replace github.com/tend-go/tend/suture/shim => ../shim
