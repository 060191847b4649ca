// Package sample has rules that its tests hold, and one that they do not.
package sample

// Fee is what an order costs beside its price.
func Fee(price int, express bool) int {
	fee := 3
	if price > 100 {
		fee = 0
	}
	if express && fee > 0 {
		fee += 5
	}
	return fee
}

// Steps has no end if it does not count.
func Steps(n int64) (steps int) {
	for n != 0 {
		n--
		steps++
	}
	return steps
}

// Of is what is of a name. Nothing else than a sum of texts compiles.
func Of(name string) string { return "of " + name }
