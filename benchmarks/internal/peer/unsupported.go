package peer

// unsupported is embedded by peers that can do little. The scenarios do not call
// what a peer cannot do.
type unsupported struct{}

func (unsupported) Nest(Config) Supervisor { panic("cannot nest") }
func (unsupported) Remove(int)             { panic("cannot remove") }
func (unsupported) List() int              { panic("cannot list") }
