// Package faults is the fault suite of package cluster: real processes, real etcd, kill -9,
// SIGSTOP, partitions. It has tests only; its README says what they do and how to run them.
package faults
