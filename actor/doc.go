// Package actor has actors: states that one handler at a time may touch, each with a
// bounded mailbox in front of it. An [Actor] is a [tend.Service] of a tree like any other,
// restarted, suspended and stopped by the same rules; while it has nothing to do it has no
// goroutine.
package actor
