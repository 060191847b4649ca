package peer

// unsupported is embedded by supervisors that can do little. The scenarios do not call
// what a peer cannot do.
type unsupported struct{}

func (unsupported) Nest(Config) Supervisor { panic("cannot nest") }
func (unsupported) Remove(int)             { panic("cannot remove") }
func (unsupported) List() int              { panic("cannot list") }

// noActors is embedded by peers that have none.
type noActors struct{}

func (noActors) Actors(ActorConfig) Actors { panic("cannot act") }

// noSupervisors is embedded by peers that have actors only.
type noSupervisors struct{}

func (noSupervisors) New(Config) Supervisor { panic("cannot supervise") }

// Why a peer cannot do what it lacks a whole half for.
const (
	noneAreActors = "there are no actors"
	onlyActors    = "it runs actors, not services"
)
