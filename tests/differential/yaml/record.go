// Records what sigs.k8s.io/yaml (the library kubectl, Helm and the API server use) makes of tricky YAML and JSON.
//
//	go run . ../../golden/yaml
//
// writes parse.json and marshal.json there; tests/unit/core/value holds our reader and writer to them. Everything is
// derived from the tables here and one seed, so a second run writes the same bytes.
package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

var scalars = []string{
	"", "~", "null", "Null", "NULL", "nULL", "true", "True", "TRUE", "tRue", "false", "False", "FALSE",
	"yes", "Yes", "YES", "yEs", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "oFF", "y", "Y", "n", "N",
	"0", "-0", "+0", "1", "+1", "-1", "01", "007", "0777", "08", "09", "0o17", "0O17", "0o18", "0x1F", "0X1f", "-0x1F", "+0x1f",
	"0x", "0b", "0o", "0b101", "0B101", "-0b101", "+0b101", "0b102", "0b1_0", "0x_ff", "1_000", "_1", "1_", "1__0", "-_1", "+_", "0_7",
	"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
	"18446744073709551616", "+18446744073709551615", "123456789012345678901234567890", "0xFFFFFFFFFFFFFFFF", "0xFFFFFFFFFFFFFFFFF",
	"1.0", "1.", ".5", "-.5", "+.5", "1.5", "1e3", "1E3", "1e+3", "1e-3", "1e", "1e+", "e3", ".e3", "1.e3", "1.5e300", "1e400", "-1e400",
	"1e-400", "1e21", "1e20", "1e19", "1e18", "123456789.123", "0.1", "0.00001", "0.0000001", "1_000.5", ".5_0", "._5", ".5_", "5._0",
	"0x1p4", "0x1.8p1", "1p4", "1d", "1f", "1.2.3", "1.2.3.4", "1,000", "12e03", "0e0", "00", "000", "-00", "0.0", "-0.0",
	".inf", "-.inf", "+.inf", ".Inf", ".INF", ".iNF", ".nan", ".NaN", ".NAN", ".Nan", "inf", "nan", "NaN", "Infinity",
	"2001-12-14", "2001-2-3", "2001-13-01", "2001-02-30", "2000-02-29", "1900-02-29", "2001-12-14t21:59:43.10-05:00",
	"2001-12-14T21:59:43Z", "2001-12-14 21:59:43.10 -5", "2001-12-14 21:59:43", "2001-12-14T21:59:43", "2001-12-14T21:59:43+25:00",
	"2001-1-1T1:2:3Z", "2001-1-1 1:2:3", "2001-1-1 24:0:0", "2001-1-1  1:2:3,5", "01-01-2001", "20011214", "2001-12", "2001-12-14T21:59Z",
	"12:30", "12:30:45", "1:60", "190:20:30", "190:20:30.15", "-1:30", "+1:30", "1:2:3:4", "1:", "09:30", "1_0:30",
	"a: b", "a:b", "a #b", "a#b", "#a", "-", "- a", "-a", "--", "---a", "...", "?", "? a", "?a", ":", ": a", ":a", "a:", "@a", "`a", "%a",
	"!a", "&a", "*a", "|a", ">a", "{a", "[a", "}a", "]a", ",a", "'a", "\"a", "a'b", "a\"b", "a\\b", "\\", "=", "<<", "a,b", "a[b]", "a{b}",
	" a", "a ", "  ", "\ta", "a\t", "a\tb", "a\nb", "a\n", "\na", "\n", "\n\n", "a\n\n", "a\n\n\n", "a \nb", "a\n b", " a\nb", "a\nb ", "a\n\nb\n",
	"a\r\nb", "a\rb", "\r", "\x01", "\x1b[31m", "\x00", "\u00e9", "\u4e2d\u6587", "\U0001F600", "\u00a0", "\u2028", "a\u2028b", "a\u2029", "\ufeff", "a\ufeffb",
	"\ufffd", "\ud7ff", "\ue000", "0.5.0-rc.1", "v1.2.3", "1.2.3-alpha+001", "10m", "1Gi", "100Mi", "1e3Mi", "cron: * * * * *", "*/5 * * * *", "0 0 * * *",
	"http://a.b/c?d=e#f", "key: |", "{{ .Values.x }}", "${HOME}", "a\n{{ x }}\n", "# comment\nkey: value\n", "--- a", "---", "--", "... b", "....", "null ", " null",
	"nullable", "trueish", "yesterday", "none", "None", "NaNs", "0x1G", "deadbeef", "1e5f", "5e", "12345e", "123e45", "0123456789", "0123456789abcdef",
	"$argon2id$v=19", "MTIzNA==", "=", "==", "a=b", "key=value,other=value", "~a", "~/x", "n/a", "N/A", "on-call", "off-by-one", "y2k", "no-op",
	strings.Repeat("long text with words ", 12), strings.Repeat("x", 200), strings.Repeat("é", 70), "'", "''", "\"", "\"\"", "'a'", "\"a\"", "it's", "a: 'b'", "'a: b",
}

var documents = []string{
	"", "\n", "# only a comment\n", "---\n", "---\n---\n", "a: 1", "a: 1\n", "---\na: 1\n", "---\na: 1\n...\n", "%YAML 1.1\n---\na: 1\n",
	"a:\n  b: 1\n  c:\n  - 1\n  - 2\n", "a:\n- 1\n-   2\n- - 3\n  - 4\n- b: 1\n  c: 2\n-\n  d: 1\n", "- 1\n- a\n-\n- ''\n", "[1, 2, [3, {a: b}], ]", "{a: 1, b: {c: d}, e}", "{a, b: }", "{a: [1,2], 'b':3, \"c\":4}",
	"{\"a\":1,\"b\":[true,null,\"x\"]}", "[http://a.b/c, d]", "[a:b]", "{a:b}", "a: {b: http://x:80/y}", "[a b, c d]", "a: [\n  1,\n  2\n]\n", "a: {\n  b: 1,\n  c: 2\n}\n",
	"a: |\n  x\n  y\n", "a: |-\n  x\n  y\n", "a: |+\n  x\n\n", "a: |\n  x\n\n\nb: 1\n", "a: >\n  x\n  y\n\n  z\n", "a: >-\n  x\n  y\n", "a: >+\n  x\n\nb: 1\n", "a: |2\n    x\n   y\n", "a: |\n\n  x\n", "a: |\n   x\n  y\n",
	"a: >\n  x\n    more\n  y\n", "a: >\n\n  x\n", "a: |\n  x: y\n  # no comment\n  z\n# comment\nb: 1\n", "a: |1\n x\n", "a: |-1\n  x\n", "a: |1-\n  x\n", "- |\n x\n- >\n y\n", "a: |\nb: 1\n", "a: |\n  \n  x\n", "a: |\n  x\n \n  y\n", "a: |  # comment\n  x\n", "|\n  x\n", ">\n  x\n  y\n", "--- |\n  x\n",
	"a: 'x'\n", "a: 'it''s'\n", "a: 'x\n  y\n\n  z'\n", "a: \"x\\ty\\n\\u00e9\\U0001F600\\x41\\0\\e\\\"\\\\\\/\"\n", "a: \"x\n  y\"\n", "a: \"x\\\n  y\"\n", "a: \"x\\n\n  y\"\n", "a: \"\\z\"\n", "a: \"\\ud83d\\ude00\"\n", "a: \"\\_\\N\\L\\P\\a\\b\\v\\f\\r\"\n",
	"a: x\n  y\n  z\n", "a: x\n\n  y\n", "a: x # c\n", "a: x# c\n", "a:   x   \n", "a: 'x' # c\n", "a: # c\n  b: 1\n", "a:\n  # c\n  b: 1\n# d\n", "a:    # c\n- 1\n",
	"a: b: c\n", "a: 'b': c\n", "a:b\n", "a :b\n", "a : b\n", "a:\nb:\n", "a: ~\nb: null\nc:\nd: ''\n", "? a\n: b\n", "? a\n? b\n", "? |\n  a\n: b\n", "? [a]\n: b\n", "? {a: 1}\n: b\n", "'a': 1\n\"b\": 2\n",
	"1: a\n", "1.5: a\n", "1.0: a\n", "1e3: a\n", "1e10: a\n", "0.1: a\n", "123456789.5: a\n", "true: a\n", "yes: a\n", "no: a\n", "on: a\n", "~: a\n", "null: a\n", ": a\n", "'': a\n", "0x10: a\n", "010: a\n", "-1: a\n", "18446744073709551615: a\n", ".inf: a\n", "-.inf: a\n", ".nan: a\n", "2001-12-14: a\n", "'1': a\n", "'yes': a\n", "12:30: a\n", "\"~\": a\n",
	"a: 1\na: 2\n", "a:\n  b: 1\n  b: 2\n", "1: a\n1: b\n", "yes: a\ntrue: b\n", "a: 1\n'a': 2\n", "{a: 1, a: 2}\n", "0x1: a\n1: b\n", "0: a\n-0: b\n",
	"a: &x 1\nb: *x\n", "a: &x {b: 1}\nc: *x\n", "a: &x [1, 2]\nb: [*x, *x]\n", "a: *x\n", "a: &x 1\nb: &x 2\nc: *x\n", "&k a: 1\n*k : 2\n", "&k a: 1\nb: *k\n", "a: &x\n  b: *x\n", "a: &x\nb: *x\n", "a: &x 'y'\nb: *x\n", "a: &x yes\nb: *x\n", "a: &x 1.0\nb: *x\n", "- &a a\n- &b b\n- *a\n- *b\n", "a: &x-y.z 1\nb: *x-y.z\n",
	"a: &x {b: 1, c: 2}\nd:\n  <<: *x\n", "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  e: 3\n", "a: &x {b: 1}\nd:\n  <<: *x\n  b: 3\n", "a: &x {b: 1}\nd:\n  b: 3\n  <<: *x\n", "a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne:\n  <<: [*x, *y]\n", "a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne:\n  <<: [*y, *x]\n",
	"a:\n  <<: {b: 1}\n  c: 2\n", "a:\n  <<: 1\n", "a:\n  <<: [1]\n", "a:\n  <<:\n", "a:\n  '<<': {b: 1}\n", "a:\n  !!merge <<: {b: 1}\n", "a: &x {b: 1}\nc: &y\n  <<: *x\n  d: 2\ne:\n  <<: *y\n", "a: &x [1]\nb:\n  <<: *x\n", "a: &x {b: 1}\nc: &y {d: 1}\ne:\n  <<: *x\n  <<: *y\n", "a: <<\n", "- <<\n", "a: &x {b: 1}\nd: {<<: *x, c: 1}\n", "a:\n  <<: {b: {c: 1}}\n  b: {d: 1}\n",
	"a: !!str 1\n", "a: !!str yes\n", "a: !!str\n", "a: !!str ~\n", "a: !!int 1\n", "a: !!int '1'\n", "a: !!int x\n", "a: !!int 1.5\n", "a: !!float 1\n", "a: !!float 1.5\n", "a: !!float x\n", "a: !!float '3'\n", "a: !!bool yes\n", "a: !!bool x\n", "a: !!bool 'true'\n", "a: !!null ~\n", "a: !!null x\n", "a: !!null ''\n", "a: !!null null\n", "a: !!binary aGVsbG8=\n", "a: !!binary '!!'\n", "a: !!binary |\n  aGVs\n  bG8=\n", "a: !!binary /w==\n",
	"a: !!timestamp 2001-12-14\n", "a: !!timestamp x\n", "a: !!map {b: 1}\n", "a: !!seq [1]\n", "a: !!set {b, c}\n", "a: !!omap [b: 1]\n", "a: !foo bar\n", "a: !foo 1\n", "a: !foo {b: 1}\n", "a: !foo [1]\n", "a: !foo\n", "a: !<tag:yaml.org,2002:str> 1\n", "a: !!foo 1\n", "!!str a: 1\n", "!!int 1: a\n", "%TAG !e! tag:example.com,2000:\n---\na: !e!x 1\n", "a: !e!x 1\n", "a: !!map [1]\n", "a: !!str [1]\n", "a: !!str {}\n", "a: !!int []\n", "- !!str\n- !!int 3\n", "!!map\na: 1\n", "--- !!map\na: 1\n", "--- !foo\na: 1\n", "a: !!str &x 1\nb: *x\n", "a: &x !!str 1\nb: *x\n",
	"\ta: 1\n", "a:\n\tb: 1\n", "a:\n  b: 1\n\tc: 2\n", "a:\t1\n", "a: 1\t\n", "a: \t1\n", "-\t1\n", "- \t- 1\n", "a: |\n  \tx\n", "a: |\n\tx\n", "a: 'x\n\ty'\n", "a: x\n\ty\n", "{\ta: 1}\n", "a: [\n\t1\n]\n", "a: 1 \t# c\n", "a:\n  - b:\t1\n", "# c\n\t\na: 1\n", "a: 1\n\t\nb: 2\n", "a: 1\n  \t\nb: 2\n", "a:\n  b: 1\n\t# c\n",
	"a\n", "a\nb\n", "'a'\n", "1\n", "-1\n", "--- a\n", "--- 1\n", "- a\nb: 1\n", "b: 1\n- a\n", "a: 1\n b: 2\n", "  a: 1\n  b: 2\n", "  a: 1\n b: 2\n", "a: 1\n  - 2\n", "a: [1\n", "a: {b\n", "a: ]\n", "a: }\n", "a: 'x\n", "a: \"x\n", "a: @x\n", "a: `x\n", "a: %x\n", "%x\n", "a: &\n", "a: *\n", "a: - 1\n", "- - - 1\n", "-1: a\n", "a: ,\n", "a: 'x' y\n", "a: \"x\" y\n", "[a]: 1\n", "{a: 1}: 2\n", "a: [1] 2\n", "a: {b: 1} c\n", "[1, 2] x\n", "a: |x\n  y\n", "a: > x\n", "a: 1\n---\nb: 2\n", "a: 1\n...\nb: 2\n", "a: 1\n---\n", "a: 1\n...\n", "a: 1\n...\n# c\n", "--- \na: 1\n", "---a: 1\n", "--- a: 1\n", "---\n- 1\n",
	"a: 1\r\nb:\r\n  - 2\r\n", "a: |\r\n  x\r\n  y\r\n", "a: 'x\r\n  y'\r\n", "a: x\r\n  y\r\n", "\ufeffa: 1\n", "\ufeff# c\na: 1\n", "a: \ufeffx\n", "a: \u00e9\n", "\u00e9: 1\n", "a: \U0001F600\n", "a: x\u2028y\n", "a: x\u00a0\n", "a: x\u0085y\n", "a: \x01\n", "a: \x7f\n", "a: 'x\x00'\n",
	"a:\n    b: 1\n    c:\n          d: 1\n", "a:\n- b:\n  - c:\n    - d\n", "a:\n  - b: 1\n    c: 2\n  -   d: 3\n      e: 4\n", "a:\n-\n  - 1\n", "- a: 1\n- b: 2\n  c: 3\n", "-   - 1\n    - 2\n", "- a\n-b\n", "a: -b\n", "a: -\n", "a: --\n", "a: ?b\n", "a: :b\n", "a: b:\n", "a: b:c\n", "a: b: \n", "a: 'b'\n", "a: #b\n", "a: b #c\n", "a: b#c\n", "a: \"b\" #c\n", "a: \"b\"#c\n", "- #c\n- 1\n",
	"a: {b: 'c', \"d\": 'e'}\n", "a: {b: [c, {d: e}]}\n", "{a: b, c: d}: e\n", "{? a : b}\n", "[a: b, c: d]\n", "[? a : b]\n", "{a: , b: }\n", "[,]\n", "[a,,b]\n", "{,}\n", "{a: 1,}\n", "{a\n: 1}\n", "{ }\n", "[ ]\n", "[]\n", "{}\n", "a: {}\nb: []\n", "[a, 'b', \"c\", 1, 1.0, yes, ~, null, ]\n", "{a: b, ? c, : d}\n", "{1: a, yes: b}\n", "[\n# c\na # d\n, b\n]\n", "{a: # c\n b}\n", "a: [b#c]\n", "a: [b #c\n]\n", "a: {b:c}\n", "a: {b:1, c}\n", "a: {\"b\":1}\n", "a: {'b':1}\n", "a: {b: }\n", "a: {b:}\n", "a: {b?c: 1}\n", "a: [?b]\n", "a: [-b]\n", "a: [-1]\n", "a: [- b]\n", "a: [a|b]\n", "a: [*]\n", "a: [a&b]\n", "a: [x@y]\n", "a: ['x'y]\n",
	"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n  nginx.conf: |\n    server {\n      listen 80;\n    }\n  empty: \"\"\n  n: \"1\"\n",
	"spec:\n  containers:\n  - name: a\n    args: [\"-c\", 'echo \"hi\"']\n    command:\n      - sh\n      - -c\n      - |\n        set -e\n        echo x\n    resources:\n      limits: {cpu: 100m, memory: 1Gi}\n    ports:\n    - containerPort: 80\n      protocol: TCP\n",
	"a: x y\n   z\nb: 1\n", "a:\n  x y\n  z\nb: 1\n", "a:\n  'x y\n  z'\nb: 1\n", "a:\n  |\n  x\n", "a:\n- x\n  y\n- z\n", "a: x\nb\n", "a: 1\nb\nc: 2\n", "a: x:y\n", "a: x:y z: w\n", "a: \"x: y\"\n", "http://x: 1\n", "a b: 1\n", "a, b: 1\n", "a\tb: 1\n", "\"a\\nb\": 1\n", "\"a: b\": 1\n", "- a: b: c\n", "a:\n  - 1\n - 2\n", "a:\n   b: 1\n  c: 2\n", "a:\n  b:\n c: 1\n",
	strings.Repeat("k", 1020) + ": 1\n", strings.Repeat("k", 1030) + ": 1\n", "'" + strings.Repeat("k", 1030) + "': 1\n", strings.Repeat("[", 50) + strings.Repeat("]", 50), "a: " + strings.Repeat("x ", 600) + "\n",
}

func randomText(r *rand.Rand) string {
	atoms := []string{"a", "b", "Z", "0", "1", "9", "-", "_", ".", ":", ": ", " ", " #", "#", "\n", "\n\n", "\t", "'", "\"", "\\", ",", "[", "]", "{", "}", "?", "? ", "- ", "!", "&", "*", "|", ">", "%", "@", "=", "~", "e", "x", "é", "中", "😀", "true", "no", "null", "<<", "---", "...", "\u2028", "\r", "\x1b", "\u00a0", "+", "/", "$", "(", "T", "12:30", "2001-12-14"}
	var b strings.Builder
	for n := r.Intn(7); n >= 0; n-- {
		b.WriteString(atoms[r.Intn(len(atoms))])
	}
	return b.String()
}

func randomValue(r *rand.Rand, depth int) any {
	switch k := r.Intn(10); {
	case k < 2 && depth > 0:
		m := map[string]any{}
		for n := r.Intn(5); n > 0; n-- {
			m[randomText(r)] = randomValue(r, depth-1)
		}
		return m
	case k < 4 && depth > 0:
		l := []any{}
		for n := r.Intn(4); n > 0; n-- {
			l = append(l, randomValue(r, depth-1))
		}
		return l
	case k == 4:
		return r.Intn(2) == 0
	case k == 5:
		return nil
	case k == 6:
		return r.Int63() >> uint(r.Intn(63))
	case k == 7:
		return (r.Float64() - 0.5) * []float64{1, 1e-9, 1e3, 1e7, 1e16, 1e25}[r.Intn(6)]
	}
	return randomText(r)
}

type parsed struct {
	YAML  string  `json:"yaml"`
	JSON  *string `json:"json,omitempty"`
	Error string  `json:"error,omitempty"`
	// What the strict reader says where the lenient one takes the last of two equal keys.
	Strict string `json:"strict,omitempty"`
}

type marshalled struct {
	JSON string `json:"json"`
	YAML string `json:"yaml"`
}

func write(path string, value any) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(value); err != nil {
		panic(err)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		panic(err)
	}
}

func main() {
	dir := os.Args[1]
	var parses []parsed
	parse := func(text string) {
		p := parsed{YAML: text}
		if out, err := yaml.YAMLToJSON([]byte(text)); err != nil {
			p.Error = err.Error()
		} else {
			s := string(out)
			p.JSON = &s
			if _, err := yaml.YAMLToJSONStrict([]byte(text)); err != nil {
				p.Strict = err.Error()
			}
		}
		parses = append(parses, p)
	}
	for _, s := range scalars {
		parse("a: " + s + "\n")
		parse("- " + s + "\n")
	}
	for _, d := range documents {
		parse(d)
	}
	var outs []marshalled
	marshal := func(v any) {
		j, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		y, err := yaml.Marshal(v)
		if err != nil { // characters that JSON allows and YAML does not
			fmt.Fprintf(os.Stderr, "skipped %s: %v\n", j, err)
			return
		}
		outs = append(outs, marshalled{string(j), string(y)})
	}
	for _, s := range scalars {
		marshal(s)
		marshal(map[string]any{"a": s})
		marshal([]any{s, []any{s}})
		marshal(map[string]any{s: map[string]any{"b": s}})
		marshal(map[string]any{s: []any{s, map[string]any{s: s, "z": []any{}}}})
	}
	for _, v := range []any{nil, true, false, 0, -1, 1.5, 1e6, 1e15, 1e20, 1e21, 1e-5, 1e-7, 123456.0, 1234567.0, 1234567.5, 12345.678, 100000.5, 1000000.5, uint64(18446744073709551615), int64(-9223372036854775808), 0.1, 1.0, 3.0e-310, 1.7976931348623157e308,
		map[string]any{}, []any{}, []any{[]any{}}, []any{map[string]any{}}, []any{[]any{[]any{1, 2}, 3}, map[string]any{"a": []any{1}}}, map[string]any{"a": map[string]any{"b": map[string]any{"c": []any{map[string]any{"d": 1, "e": []any{[]any{1}}}}}}},
		map[string]any{"a1": 1, "a10": 1, "a2": 1, "A": 1, "B": 1, "_": 1, "-": 1, ".": 1, "a": 1, "a.b": 1, "a-b": 1, "a_b": 1, "aB": 1, "ab": 1, "01": 1, "1": 1, "10": 1, "2": 1, "": 1, "a01": 1, "a001": 1, "é": 1, "z": 1, "日": 1, "app.kubernetes.io/name": 1, "app": 1, "helm.sh/chart": 1, "x10y2": 1, "x10y10": 1, "x9": 1, "😀": 1, "true": 1, "yes": 1, "a99999999999999999999": 1, "a9": 1, "a0": 1, "a00": 1, "a100": 1, "a1000": 1},
	} {
		marshal(v)
	}
	r := rand.New(rand.NewSource(20261123))
	for i := 0; i < 1500; i++ {
		marshal(randomValue(r, 4))
	}
	for i := 0; i < 300; i++ {
		v := map[string]any{}
		for n := 0; n < 8; n++ {
			v[randomText(r)] = n
		}
		marshal(v)
	}
	for i := 0; i < 400; i++ { // and what was written is read the same
		if y, err := yaml.Marshal(randomValue(r, 4)); err == nil {
			parse(string(y))
		}
	}
	write(filepath.Join(dir, "parse.json"), parses)
	write(filepath.Join(dir, "marshal.json"), outs)
}
