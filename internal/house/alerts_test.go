package house

import (
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/goccy/go-yaml"

	"storefront/internal/telemetry"
)

// An alert on a metric that nobody tells never comes. One that is not told before it first happens comes too
// late: nothing can be said of its increase.
func TestAlertsAreAboutMetricsThatAreThere(t *testing.T) {
	t.Parallel()
	const file = "deploy/prometheus/alerts.yaml"
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, file)), &rules); err != nil {
		t.Fatal(err)
	}
	told := httptest.NewRecorder()
	telemetry.NewMetrics().Handler().ServeHTTP(told, httptest.NewRequest("GET", "/metrics", nil))
	name := regexp.MustCompile(`storefront_[a-z_]+`)
	n := 0
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			for _, metric := range name.FindAllString(r.Expr, -1) {
				n++
				if !regexp.MustCompile(`(?m)^` + metric + `[ {]`).MatchString(told.Body.String()) {
					t.Errorf("%s: %s is about %s, which /metrics of a part that has just begun does not have", file, r.Alert, metric)
				}
			}
		}
	}
	if n == 0 {
		t.Errorf("%s has no rule about a metric of ours", file)
	}
}
