// Runs template cases through Go's text/template and prints what each gives, as JSON.
//
//	go run . CASES.json > RECORDED.json
//
// A case: {"name", "text", "data", "missingkey"}; the answer adds "out" or "error".
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"text/template"
)

type testCase struct {
	Text       string `json:"text"`
	Data       any    `json:"data,omitempty"`
	MissingKey string `json:"missingkey,omitempty"`
	Out        string `json:"out"`
	Error      string `json:"error,omitempty"`
}

func run(c *testCase) {
	option := c.MissingKey
	if option == "" {
		option = "default"
	}
	t, err := template.New("t.yaml").Option("missingkey=" + option).Funcs(template.FuncMap{
		"list": func(v ...any) []any { return v },
		"str":  func(s string) string { return s },
		"num":  func(n int) int { return n },
		"fail": func(s string) (string, error) { return "", fmt.Errorf("%s", s) },
	}).Parse(c.Text)
	if err == nil {
		var out bytes.Buffer
		err = t.Execute(&out, c.Data)
		c.Out = out.String()
	}
	c.Error = ""
	if err != nil {
		c.Error, c.Out = err.Error(), ""
	}
}

func main() {
	raw, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var cases []*testCase
	if err := json.Unmarshal(raw, &cases); err != nil {
		panic(err)
	}
	for _, c := range cases {
		run(c)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(cases); err != nil {
		panic(err)
	}
}
