// Records what Kubernetes' own libraries make of quantities, durations and object states:
//
//	go run . ../../golden/kube
//
// writes quantity.json, duration.json and kstatus.json there.
package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"
)

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

func quantities() any {
	type row struct {
		Text      string `json:"text"`
		Canonical string `json:"canonical"`
		Milli     int64  `json:"milli"`
		Value     int64  `json:"value"`
		Error     bool   `json:"error,omitempty"`
	}
	var rows []row
	for _, n := range []string{"0", "1", "-1", "+1", "00", "01", "1.5", "0.5", ".5", "1.", "100", "1000", "1024", "1025", "1536", "2048", "0.1", "0.001", "0.0001", "1.0000000001", "0.0000000001", "123456789", "1000000", "9223372036854775807", "12.345"} {
		for _, s := range []string{"", "n", "u", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "E3", "e-3", "e+3", "e0", "e4"} {
			text := n + s
			q, err := resource.ParseQuantity(text)
			if err != nil {
				rows = append(rows, row{Text: text, Error: true})
				continue
			}
			if q.CmpInt64(9223372036854775807) > 0 || strings.HasPrefix(n, "92") { // beyond what we keep exactly
				continue
			}
			p := &q
			p.Add(resource.Quantity{Format: q.Format}) // forgets the text it came from, so that String() is canonical
			rows = append(rows, row{text, p.String(), p.MilliValue(), p.Value(), false})
		}
	}
	for _, text := range []string{"", "1mm", "1 Gi", " 1", "1 ", "1KI", "1K", "1gi", "1e", "1ee3", "1e3Gi", "--1", "1-", "1.2.3", "abc", "1Ti", "1Pi", "1Ei", "7Ei", "8Ei", "9Ei", "1T", "1P", "1E", "-1Gi", "1.5Ki", "-1.5Gi", "-0.5", "-1500m", "0x10", "1_000", "1,5", "Infinity", "1e1.5"} {
		if q, err := resource.ParseQuantity(text); err != nil {
			rows = append(rows, row{Text: text, Error: true})
		} else {
			p := &q
			p.Add(resource.Quantity{Format: q.Format}) // forgets the text it came from, so that String() is canonical
			rows = append(rows, row{text, p.String(), p.MilliValue(), p.Value(), false})
		}
	}
	return rows
}

func durations() any {
	type row struct {
		Text   string `json:"text"`
		Nanos  int64  `json:"nanos"`
		String string `json:"string"`
		Human  string `json:"human"`
		Error  bool   `json:"error,omitempty"`
	}
	var rows []row
	for _, text := range []string{"0", "+0", "-0", "0s", "1s", "-1s", "+5s", "90s", "10m", "1h", "1h30m", "1.5h", "1h15m30.918273645s", "300ms", "1us", "1µs", "1μs", "1ns", "12.5us", ".5s", "1.s", "1.", ".s", "s", "", "-", "1", "1d", "1w", "1 s", " 1s", "1s ", "1h1h", "1m2h", "3.0000000000000000000000000001s",
		"9223372036854775807ns", "9223372036854775808ns", "-9223372036854775808ns", "-9223372036854775809ns", "2562047h47m16.854775807s", "2562048h", "9223372036854ms775us807ns", "0.100000000000000000000h", "0.3333333333333333333h", "9007199254740993ns", "0.9223372036854775807h", "119s", "120s", "121s", "599s", "600s", "179m", "180m", "181m", "479m", "480m", "47h", "48h", "49h", "72h", "191h", "192h", "17519h", "17520h", "17544h", "70079h", "70080h", "-1ms", "-1500ms", "-2s", "-3s", "1e3s", "0x1s", "1S", "1Ms", "۱s"} {
		d, err := time.ParseDuration(text)
		if err != nil {
			rows = append(rows, row{Text: text, Error: true})
			continue
		}
		rows = append(rows, row{text, int64(d), d.String(), duration.HumanDuration(d), false})
	}
	return rows
}

func states() any {
	type row struct {
		Object any    `json:"object"`
		Status string `json:"status"`
		Note   string `json:"note"`
	}
	var rows []row
	for _, text := range strings.Split(objects, "\n---\n") {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(text), &object); err != nil {
			panic(text + err.Error())
		}
		raw, _ := json.Marshal(object)
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON(raw); err != nil {
			panic(text + err.Error())
		}
		result, err := status.Compute(u)
		if err != nil {
			rows = append(rows, row{object, "Unknown", err.Error()})
			continue
		}
		rows = append(rows, row{object, string(result.Status), result.Message})
	}
	return rows
}

func main() {
	dir := os.Args[1]
	write(filepath.Join(dir, "quantity.json"), quantities())
	write(filepath.Join(dir, "duration.json"), durations())
	write(filepath.Join(dir, "kstatus.json"), states())
}
