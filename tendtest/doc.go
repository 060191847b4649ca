// Package tendtest has what tests of supervision trees need: a tape of events that
// is compared exactly, services that do what a test tells them, and the ids of a
// tree's timers. It goes well with testing/synctest, in which all time is exact.
package tendtest
