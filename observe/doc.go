// Package observe shows a running tree of services as a web page, and through a
// small API.
//
//	mux.Handle("/debug/tree/", observe.Handler(root, observe.Options{}))
//
// The page is a list of all services, one a line: its state, for how long it has
// been in it, restarts, how close its supervisor is to the failure threshold, when
// it is started again, its last error. The first line is the root, which is running
// exactly while [tend.Status.Ready] is nil, and says why it is not. Closed branches
// sum up what is below them; branches in trouble ([tend.ServiceStatus.InTrouble])
// are open. Beside it are what is known of the service selected, with its last
// failures, their stacks and the stacks of its goroutines now, and what happened
// last. Everything is live while one looks.
//
// The list can be sorted, and is flat then: by restarts, failures, age, last failure or
// goroutines. What is in trouble has the worst first; title and icon say how many that
// are. A line above tells of the program: host, version, uptime, goroutines, memory, GC
// and failures per minute. Several services may be marked and acted on at once.
//
// Keys: / filters, t shows what is in trouble, the arrows move and open, Enter selects,
// Space marks, Esc clears the filter, the marks and then the selection; ? has them all.
// Filter, order and selection are in the address, so that a link shows to others what
// one sees; it names a service by its path, and so means the same one when the program
// has been started again. "?live=off" shows the moment of the request and
// opens no stream, for pictures and archives.
//
// # Mounting
//
// The handler finds out by itself where it is mounted: at the root, below a prefix
// of an [http.ServeMux], with or without [http.StripPrefix], behind a proxy that
// cuts a prefix off, with or without a slash at its end. Other routers need
// StripPrefix. A path without a slash must be mounted too ("/debug/tree") where the
// router does not redirect it.
//
// [http.Server].WriteTimeout may be set; streams have deadlines of their own. Call
// [Page.Close] when the server is to shut down; the page is live again when another
// one serves it. Behind a middleware whose ResponseWriter can neither Flush nor
// Unwrap there are no streams, and the page asks every two seconds.
//
// # API
//
// Below the path of the page, all with GET:
//
//	api/tree           tend.Status as JSON, which can be read as one again; as text
//	                   for curl and wget, with "Accept: text/plain", or with ?format=text
//	                   (and as JSON with ?format=json). So is the page itself as text.
//	                   With ?q=, ?state= (as "failed,stuck", or "trouble") or ?sort=
//	                   the text is what is found, as api/view finds it.
//	api/tree.dot       the tree as a Graphviz graph
//	api/node/{id}      one service: its "path", and the "epoch" of the program;
//	                   "service", a tend.ServiceStatus or for the root (id 0) null;
//	                   "supervisor" if it is one, a tend.Status without services;
//	                   "not_ready", what Ready says of that with them; "minutes":
//	                   failures per minute of the last hour; "events"
//	api/node/{id}/goroutines
//	                   the stacks of its goroutines as text, or why there are none;
//	                   refused above 100,000 goroutines
//	api/goroutines     how many goroutines each service has, by its id; those without
//	                   any are missing; bounded as the stacks are
//	api/program        of the program: "host", "module", "version" and "go" it was built
//	                   with, when it "started", "goroutines", "memory" that it has of the
//	                   system and "heap" of objects in bytes, cycles of "gc" and "gc_cpu",
//	                   their share; "minutes" as above, of the whole tree
//	api/events         server-sent events: what changed
//	api/view           the rows of the page; with ?q= (words, 8 and 200 bytes at
//	                   most) and ?state= ("trouble", or states) those that are found,
//	                   with ?sort= (tree, worst, restarts, failures, age, last, goroutines)
//	                   those that come first, one search at a time
//
// and with POST, if [Options].Allow says yes,
//
//	api/node/{id}/restart
//	api/node/{id}/suspend
//	api/node/{id}/remove
//	api/node/{id}/resume    ends the pause of a supervisor, of the root with id 0;
//	                        restart is what brings back what is suspended
//
// with a form of "epoch" and "path", as api/node has them: an id is another service in
// another program, so it is 409 if one of them differs.
//
//	curl -d epoch=$EPOCH -d path=root/db http://localhost:6060/debug/tree/api/node/17/restart
//
// Ids are those of [tend.ServiceToken.ID]. Errors are text with a fitting status:
// 400 not understood, or more than may be asked for, 403 refused or read-only, 404
// no such service, 409 the tree says no, 421 asked for under a foreign name, 429
// somebody else is searching (come again after Retry-After), 503 too much at once.
//
// A message of api/events is a JSON object with "at" (Unix milliseconds), "rows"
// (services that changed, in the short form of the page), "gone" (ids) and
// "events", newest first: "t" time in Unix milliseconds, "k" [tend.Kind], missing if
// somebody has used a button, "l" level, "i" id, "p" path, "x" text for people. Its id,
// as Last-Event-ID or ?since=, is where to go on after a break; "event: reset" says that this is too long ago, or
// was another process, and api/view is to be fetched again. What else events have,
// the keys of api/view and those of "page" in api/node belong to the page and may
// change with it; the rest is stable.
//
// # Safety
//
// The page is read-only unless Options.Allow is set, and GET never acts. It is
// answered only under loopback names unless Options.Hosts names others, which
// defeats DNS rebinding; what a browser asks for because of another site's page is
// refused, but for a link to the page. It loads nothing from anywhere, and its
// Content-Security-Policy forbids that as well as any script but its own. Names and
// errors are shown as text, whatever they are. It tells names, addresses, error
// texts and stacks, the host and what was built: put it where only those who may know them can get. A Host header
// is no authentication; docs/security.md has more of that.
//
// # Cost
//
// While nobody looks: one goroutine that reads the tree's events into a ring. While
// somebody looks: [tend.Supervisor.Status] at most ten times a second and at most
// a tenth of the time, shared by all who look. What has the whole tree in it is made
// once of a snapshot, one at a time, and kept compressed. Readers that are slow or gone
// hold nobody up: each has 10 seconds for a piece and 2 minutes for an answer, and of
// more than 100 streams the oldest ends, to be opened again. Trees of up to 20,000 services are sent as a whole; of larger ones the
// page fetches a branch when it is opened, and the server does the searching.
package observe
