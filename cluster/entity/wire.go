package entity

import (
	"context"
	"errors"
	"fmt"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/actor"
	"github.com/tend-go/tend/cluster"
)

// Transport carries requests between nodes. One serves any number of Entities. [HTTP] is
// one; what else carries bytes to a member's address and back will do.
type Transport interface {
	// Send carries a request to a member and returns its reply. It ends with ctx, whose
	// deadline is worth telling to the other end. An error means that the request may have been
	// carried out; of a member that could not be reached the reply is StatusNotOwner.
	Send(ctx context.Context, to cluster.Member, q Request) (Reply, error)
	// Listen has requests for a role be answered by receive, on any goroutine. What comes
	// for a role that is not listened for is StatusNotOwner. [New] calls it.
	Listen(role string, receive func(ctx context.Context, q Request) Reply)
}

// Request is a message to an entity, on its way.
type Request struct {
	Role, Key string
	Body      []byte // what Marshal made of the message
}

// Reply is what became of a [Request].
type Reply struct {
	Status Status
	Body   []byte        // StatusDone: what Marshal made of the answer
	Claim  cluster.Claim // StatusNotOwner: Token, and Owner's Name and Addr, as far as the other end knows
	Text   string        // else: what the error says
}

// Status is how a [Request] ended.
type Status uint8

// What may become of a request.
const (
	StatusDone       Status = iota + 1
	StatusNotOwner          // the key is not there; nothing was done
	StatusFailed            // the entity has failed with the message
	StatusGone              // it is gone; nothing was done
	StatusTooMany           // there are too many in the shard; nothing was done
	StatusTimeout           // the request's time was over, or its asker gone
	StatusUnreadable        // the message could not be decoded; nothing was done
)

// failed is the reply that an error is of who was asked in ctx. First what says that the
// entity had the message in hand: what it failed with may be any error.
func failed(ctx context.Context, err error) Reply {
	var no *cluster.NotOwner
	switch {
	case errors.Is(err, actor.ErrFailed):
		return Reply{Status: StatusFailed, Text: err.Error()}
	case errors.As(err, &no):
		return Reply{Status: StatusNotOwner, Claim: no.Claim}
	case errors.Is(err, actor.ErrGone):
		return Reply{Status: StatusGone, Text: err.Error()}
	case errors.Is(err, tend.ErrTooManyServices):
		return Reply{Status: StatusTooMany, Text: err.Error()}
	case ctx.Err() != nil: // whatever its cause
		return Reply{Status: StatusTimeout, Text: err.Error()}
	default:
		return Reply{Status: StatusFailed, Text: err.Error()}
	}
}

// veil has nobody find a *cluster.NotOwner in an error of user code: of a message that may
// have taken effect it would say that nothing was done.
func veil(err error) error {
	if no := (*cluster.NotOwner)(nil); errors.As(err, &no) {
		return &veiled{err}
	}
	return err
}

// veiled is an error as it is, but for what is not to be found in it.
type veiled struct{ err error }

func (v *veiled) Error() string        { return v.err.Error() }
func (v *veiled) Is(target error) bool { return errors.Is(v.err, target) }

func (v *veiled) As(target any) bool {
	if _, is := target.(**cluster.NotOwner); is {
		return false
	}
	return errors.As(v.err, target)
}

// err is the error of the entity that a reply is, which was asked under the claim; nil: it is
// an answer.
func (r Reply) err(c cluster.Claim) error {
	if r.Status == StatusDone {
		return nil
	}
	return &remoteError{r.Status, r.Text, c}
}

// remoteError is an error of another node: its kind and its text.
type remoteError struct {
	status Status
	text   string
	claim  cluster.Claim
}

func (e *remoteError) Error() string {
	return fmt.Sprintf("tend/entity: %s/%d on %s: %s", e.claim.Role, e.claim.Shard, e.claim.Owner.Name, e.text)
}

func (e *remoteError) Is(target error) bool {
	switch e.status {
	case StatusFailed:
		return target == actor.ErrFailed
	case StatusGone:
		return target == actor.ErrGone
	case StatusTooMany:
		return target == tend.ErrTooManyServices
	case StatusTimeout:
		return target == context.DeadlineExceeded
	default:
		return false
	}
}
