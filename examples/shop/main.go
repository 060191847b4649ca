// Shop takes orders over HTTP, keeps them in a database, and has workers charge for
// them. docs/tutorial.md builds it in eight steps.
package main

import (
	"cmp"
	"fmt"
	"os"

	"github.com/tend-go/tend/app"
)

func main() {
	root, options, err := newShop(fromEnv())
	if err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(2)
	}
	app.Main(root, options)
}

// settings come from the environment, as in a container.
type settings struct {
	web, probes, debug string // where to listen: for customers, for the platform, for us
	database           string // a file
	bank               string // a URL; empty: a toy
	crashes            string // a directory for crash bundles; empty: none
}

func fromEnv() settings {
	get := func(name, otherwise string) string { return cmp.Or(os.Getenv("SHOP_"+name), otherwise) }
	return settings{
		web: get("WEB", "localhost:8080"), probes: get("PROBES", "localhost:8081"), debug: get("DEBUG", "localhost:6060"),
		database: get("DATABASE", "shop.db"), bank: get("BANK", ""), crashes: get("CRASHES", ""),
	}
}
