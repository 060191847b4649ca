package retry_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tend-go/tend"
	"github.com/tend-go/tend/retry"
)

// A call that fails twice and then works.
func ExampleDo() {
	n := 0
	err := retry.Do(context.Background(), tend.Backoff{Min: time.Millisecond, Max: time.Second}, func(context.Context) error {
		if n++; n < 3 {
			return errors.New("503 service unavailable")
		}
		return nil
	})
	fmt.Println(n, err)
	// Output: 3 <nil>
}

// Limits, a hook for the log, and an error that says why there was no further
// attempt as well as what went wrong last.
func ExamplePolicy_Do() {
	policy := retry.Policy{
		Backoff: tend.Backoff{Min: time.Millisecond}, Limit: tend.Limit{N: 3},
		OnRetry: func(attempt int, err error, wait time.Duration) {
			fmt.Printf("attempt %d: %v, next in %v\n", attempt, err, wait)
		},
	}
	down := errors.New("503 service unavailable")
	err := policy.Do(context.Background(), func(context.Context) error { return down })
	fmt.Println(errors.Is(err, retry.ErrLimit), errors.Is(err, down))
	// Output:
	// attempt 1: 503 service unavailable, next in 1ms
	// attempt 2: 503 service unavailable, next in 1ms
	// true true
}

// The schedule alone: Clair's, from one second to fifteen minutes.
func ExamplePolicy_Delay() {
	policy := retry.Policy{Backoff: tend.Backoff{Min: time.Second, Max: 15 * time.Minute}}
	for _, n := range []int{1, 2, 3, 10, 11, 1000} {
		fmt.Println(n, policy.Delay(n))
	}
	// Output:
	// 1 1s
	// 2 2s
	// 3 4s
	// 10 8m32s
	// 11 15m0s
	// 1000 15m0s
}

// A refusal that will not change is not worth another attempt.
func ExamplePermanent() {
	err := retry.Do(context.Background(), tend.Backoff{}, func(context.Context) error {
		return retry.Permanent(errors.New("400 no such channel"))
	})
	var e *retry.Error
	fmt.Println(errors.As(err, &e), e.Attempts, e.Reason, "-", e.Err)
	// Output: true 1 permanent failure - 400 no such channel
}

// A server that says when it wants to see us again, which is not before then.
func ExampleAfter() {
	calls := 0
	start := time.Now()
	_ = retry.Do(context.Background(), tend.Backoff{Min: time.Millisecond}, func(context.Context) error {
		if calls++; calls == 1 {
			return retry.After(errors.New("429 too many requests"), 20*time.Millisecond)
		}
		return nil
	})
	fmt.Println(calls, time.Since(start) >= 20*time.Millisecond)
	// Output: 2 true
}
