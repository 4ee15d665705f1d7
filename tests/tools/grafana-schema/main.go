// Reads Grafana dashboards by Grafana's own schema, as its foundation SDK has it: strictly, panels' options and queries included.
// A line for each fault; status 1 if there is one. Fields left out are none: Grafana fills in what it has defaults for.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

const leftOut = ": required field is missing from input"

func faults(file string) []string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return []string{err.Error()}
	}
	var board dashboard.Dashboard
	err = board.UnmarshalJSONStrict(raw)
	if err == nil {
		err = board.Validate()
	}
	if err == nil {
		return nil
	}
	var found []string
	for _, line := range strings.Split(err.Error(), "\n") {
		if !strings.HasSuffix(line, leftOut) {
			found = append(found, line)
		}
	}
	return found
}

func main() {
	plugins.RegisterDefaultPlugins()
	status := 0
	for _, file := range os.Args[1:] {
		for _, line := range faults(file) {
			fmt.Printf("%s: %s\n", file, line)
			status = 1
		}
	}
	os.Exit(status)
}
