package tendprom

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"

	"github.com/tend-go/tend"
)

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// alertRules are the rules of alerts.yml.
func alertRules(t *testing.T) (rules []alertRule) {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []alertRule
		}
	}
	if err := yaml.UnmarshalStrict([]byte(read(t, "alerts.yml")), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	return rules
}

type alertRule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

// dashboard returns the queries of dashboard.json by panel, and those of its
// variables.
func dashboard(t *testing.T) map[string][]string {
	t.Helper()
	var file struct {
		UID, Title string
		Panels     []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
			GridPos struct{ X, Y, W, H int }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "dashboard.json")), &file); err != nil {
		t.Fatal(err)
	}
	queries := map[string][]string{}
	for _, p := range file.Panels {
		if len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q: %+v", p.Title, p)
		}
		for _, target := range p.Targets {
			queries[p.Title] = append(queries[p.Title], target.Expr)
		}
	}
	for _, v := range file.Templating.List {
		if v.Definition != "" {
			queries["$"+v.Name] = []string{v.Definition}
		}
	}
	return queries
}

// What a query says about labels of metrics.
var (
	metricName = regexp.MustCompile(`\btend_[a-z_]+`)
	selector   = regexp.MustCompile(`(tend_[a-z_]+)\{([^}]*)\}`)
	labelName  = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	grouping   = regexp.MustCompile(`\b(?:by|without)\s*\(([^)]*)\)`)
	template   = regexp.MustCompile(`(?:\$labels\.|\{\{)([a-z_]+)`)
)

// attached are the labels that Prometheus adds to what it scrapes.
var attached = []string{"job", "instance"}

func find(name string) (metric, bool) {
	for _, series := range []string{"_bucket", "_sum", "_count"} {
		if name == stopsName+series {
			return metric{name: name, labels: []string{"le"}}, true
		}
	}
	i := slices.IndexFunc(all, func(m metric) bool { return m.name == name })
	if i < 0 {
		return metric{}, false
	}
	return all[i], true
}

// checkQuery finds metrics and labels that do not exist. It returns the metrics.
func checkQuery(t *testing.T, where, query string) (names []string) {
	t.Helper()
	names = metricName.FindAllString(query, -1)
	if len(names) == 0 {
		t.Errorf("%s: there is no metric of ours in %s", where, query)
	}
	known := slices.Clone(attached)
	for _, name := range names {
		m, ok := find(name)
		if !ok {
			t.Errorf("%s: there is no metric %s", where, name)
		}
		known = append(known, m.labels...)
	}
	for _, s := range selector.FindAllStringSubmatch(query, -1) {
		m, _ := find(s[1])
		for _, l := range labelName.FindAllStringSubmatch(s[2], -1) {
			if !slices.Contains(append(slices.Clone(attached), m.labels...), l[1]) {
				t.Errorf("%s: %s has no label %s", where, s[1], l[1])
			}
		}
	}
	for _, g := range grouping.FindAllStringSubmatch(query, -1) {
		for l := range strings.SplitSeq(g[1], ",") {
			if !slices.Contains(known, strings.TrimSpace(l)) {
				t.Errorf("%s: no metric of %s has a label %s", where, query, l)
			}
		}
	}
	for _, state := range regexp.MustCompile(`state(?:=~|!=|=)"([a-z|]+)"`).FindAllStringSubmatch(query, -1) {
		for s := range strings.SplitSeq(state[1], "|") {
			if !slices.Contains(states(), s) {
				t.Errorf("%s: there is no state %s", where, s)
			}
		}
	}
	return names
}

func states() (list []string) {
	for s := range tend.StateGone {
		list = append(list, s.String())
	}
	return list
}

func TestAlerts(t *testing.T) {
	rules := alertRules(t)
	if len(rules) == 0 {
		t.Fatal("there are none")
	}
	guide := read(t, "../docs/operations.md")
	for _, r := range rules {
		if !strings.Contains(guide, "\n| "+r.Alert+" | ") {
			t.Errorf("docs/operations.md does not say what to do about %s", r.Alert)
		}
		names := checkQuery(t, r.Alert, r.Expr)
		if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s lacks something: %+v", r.Alert, r)
		}
		known := slices.Clone(attached)
		for _, name := range names {
			m, _ := find(name)
			known = append(known, m.labels...)
		}
		for _, l := range template.FindAllStringSubmatch(r.Annotations["summary"], -1) {
			if !slices.Contains(known, l[1]) {
				t.Errorf("%s: its summary wants a label %s", r.Alert, l[1])
			}
		}
	}
}

// Critical is what takes a program out of service: what its root says, and nobody else.
func TestCriticalIsForTheRoot(t *testing.T) {
	const root = `{supervisor!~".*/.*"}`
	critical := 0
	for _, r := range alertRules(t) {
		switch severity := r.Labels["severity"]; severity {
		case "critical":
			critical++
			if !strings.Contains(r.Expr, root) {
				t.Errorf("%s is critical, and not of the root alone: %s", r.Alert, r.Expr)
			}
		case "warning", "info":
			if strings.Contains(r.Expr, root) {
				t.Errorf("%s is of the root alone, and a mere %s", r.Alert, severity)
			}
		default:
			t.Errorf("%s has the severity %q", r.Alert, severity)
		}
	}
	if critical == 0 {
		t.Error("nothing is critical")
	}
}

// alerts_test.yml, which promtool runs in CI, has for each alert a moment when it does
// not fire, one when it does, and a series for which it does not even then.
func TestAlertsAreTested(t *testing.T) {
	var file struct {
		RuleFiles []string `yaml:"rule_files"`
		Every     string   `yaml:"evaluation_interval"`
		Tests     []struct {
			Name, Interval string
			Series         []struct{ Series, Values string } `yaml:"input_series"`
			Alerts         []struct {
				Name   string `yaml:"alertname"`
				At     string `yaml:"eval_time"`
				Expect []struct {
					Labels      map[string]string `yaml:"exp_labels"`
					Annotations map[string]string `yaml:"exp_annotations"`
				} `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	if err := yaml.UnmarshalStrict([]byte(read(t, "alerts_test.yml")), &file); err != nil {
		t.Fatal(err)
	}
	type seen struct{ fires, rests, spares bool }
	tested := map[string]seen{}
	for _, test := range file.Tests {
		for _, a := range test.Alerts {
			s := tested[a.Name]
			s.fires = s.fires || len(a.Expect) > 0
			s.rests = s.rests || len(a.Expect) == 0
			s.spares = s.spares || len(test.Series) > len(a.Expect)
			tested[a.Name] = s
		}
	}
	for _, r := range alertRules(t) {
		if tested[r.Alert] != (seen{true, true, true}) {
			t.Errorf("%s is tested so: %+v", r.Alert, tested[r.Alert])
		}
	}
}

func TestDashboard(t *testing.T) {
	used := map[string]bool{}
	for where, queries := range dashboard(t) {
		for _, q := range queries {
			for _, name := range checkQuery(t, where, q) {
				used[name] = true
			}
		}
	}
	for _, name := range []string{
		"tend_services", "tend_failures_total", "tend_unstopped_services", "tend_supervisor_failure_level", "tend_supervisors_left_out",
		"tend_pauses_total", "tend_escalations_total", "tend_stuck_total", "tend_gave_up_total", "tend_events_dropped_total", "tend_mailbox_lost_total", "tend_mailbox_oldest_age_seconds", stopsName + "_bucket",
	} {
		if !used[name] {
			t.Errorf("%s is not on the dashboard", name)
		}
	}
}

// The check itself finds what is wrong.
func TestCheckQuery(t *testing.T) {
	for _, bad := range []string{
		"tend_nonsense > 0", "up == 0", `tend_services{service="x"}`, `sum by (service) (tend_services)`, `tend_services{state="tired"}`,
	} {
		var seen testing.T
		checkQuery(&seen, "bad", bad)
		if !seen.Failed() {
			t.Errorf("%s passes", bad)
		}
	}
}
