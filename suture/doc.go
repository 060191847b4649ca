// Package suture runs programs that were written for
// github.com/thejerf/suture/v4 on tend: change the import path to
// github.com/tend-go/tend/suture and build again; or put module shim in the place of v4
// in the program's go.mod, and change nothing. The package has every exported name of
// v4.0.6 and none besides; a test in the nested module apicheck holds the two
// together.
//
// The package is a translation. A [Supervisor] is a [tend.Supervisor] behind
// v4's methods: restarts, pauses, stops and the tree are the core's, and the
// core's [Event]s are told in v4's words. So everything of package tend works in
// such a tree, and the two kinds of supervisor can be nested in each other:
//
//   - Services may call [tend.Ready], [tend.Alive], [tend.Annotate], [tend.Go] and
//     [tend.Self].
//   - [Supervisor.Add] takes a [tend.Child] and heeds what it says.
//   - A [Supervisor] may be added to a [tend.Supervisor], whose Status, Events,
//     WaitReady and Restart then reach the services in here by their tokens.
//
// What differs from v4 on purpose, and how to move on to package tend step by
// step, is in docs/from-suture.md.
package suture
