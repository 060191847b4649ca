// Package tendtest tests supervision trees, in virtual time and without a change to their
// code. docs/testing.md is a guide, from a first test to a storm.
//
//	tendtest.Run(t, newShop, func(t *testing.T, shop *tendtest.Tree) {
//		shop.Fail("shop/mailer", errors.New("connection refused"))
//		shop.Sleep(time.Minute)
//		shop.Tape.WantAmong("0s shop/mailer service failed", "1s shop/mailer service started")
//	})
//
// [Run] serves a tree in a bubble of testing/synctest and fails the test on what is left
// behind; the methods of [Tree] have its services go wrong, by their paths; a [Tape] compares
// events; a [Storm] does everything by a seed, and looks whether the tree recovers.
// [TestService] shows that a service keeps what a supervisor counts on. Beside those there are
// services that do what a test tells them, and the ids of a tree's timers for tests with a
// manual clock.
//
// # Faults
//
// Faults are given to services by their paths, nested supervisors included, in which "*" stands
// for any part of a name and "**", in place of a name, for any number of names, also none:
// "root/db", "root/worker-*", "root/**". [Tree.Fail], [Tree.Panic] and [Tree.Exit] are over at
// once, of an actor with its next message. The others last, for runs to come, too, until [Tree.Heal]. At the end of the test those
// are healed by themselves, and one that was for nobody all the while fails it.
package tendtest
