package house

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

func loadCompose(t *testing.T, env map[string]string) (*types.Project, error) {
	t.Helper()
	dir := root(t)
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: dir, Environment: env,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "docker-compose.yml")}},
	})
}

func TestCompose(t *testing.T) {
	t.Parallel()
	project, err := loadCompose(t, map[string]string{"STOREFRONT_SECRET": strings.Repeat("s", 32)})
	if err != nil {
		t.Fatal(err)
	}
	_, variables := configNames(t)
	oneShot := map[string]bool{} // containers that others wait for until they have ended
	for _, s := range project.Services {
		for on, d := range s.DependsOn {
			if d.Condition == types.ServiceConditionCompletedSuccessfully {
				oneShot[on] = true
			}
		}
	}
	for name, s := range project.Services {
		if s.Image == "" && s.Build == nil {
			t.Errorf("%s has neither image nor build", name)
		}
		if s.Build == nil && !strings.Contains(s.Image, ":") {
			t.Errorf("%s: the image %s has no tag", name, s.Image)
		}
		if !oneShot[name] && (s.HealthCheck == nil || len(s.HealthCheck.Test) < 2) {
			t.Errorf("%s has no health check", name)
		}
		for on, d := range s.DependsOn {
			other, ok := project.Services[on]
			switch {
			case !ok:
				t.Errorf("%s depends on %s, which is not there", name, on)
			case d.Condition == types.ServiceConditionHealthy && other.HealthCheck == nil:
				t.Errorf("%s waits for the health of %s, which has no check", name, on)
			case d.Condition == types.ServiceConditionStarted:
				t.Errorf("%s waits for %s to start only, not to be ready", name, on)
			}
		}
		for _, v := range s.Volumes {
			if _, ok := project.Volumes[v.Source]; v.Type == types.VolumeTypeVolume && !ok {
				t.Errorf("%s: the volume %s is not declared", name, v.Source)
			}
			if _, err := os.Stat(v.Source); v.Type == types.VolumeTypeBind && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is open to more than this machine", name, p.Published)
			}
		}
		for v := range s.Environment {
			if ours(v) && !variables[v] {
				t.Errorf("%s: no command knows the variable %s", name, v)
			}
		}
		if s.Image == "storefront" {
			checkCommand(t, name, s.Command)
			checkCommand(t, name+"'s health check", s.HealthCheck.Test[2:])
		}
	}
	for _, name := range services {
		if s, ok := project.Services[name]; !ok || !slices.Equal(s.Command, types.ShellCommand{"serve", name}) {
			t.Errorf("there is no container that runs serve %s", name)
		}
	}
	checkSubgraphs(t, project)
}

// The router has to know every subgraph at the address where its container listens.
func checkSubgraphs(t *testing.T, project *types.Project) {
	t.Helper()
	router, ok := project.Services["router"]
	if !ok {
		t.Fatal("there is no router")
	}
	value := func(s types.ServiceConfig, name string) string {
		if v := s.Environment[name]; v != nil {
			return *v
		}
		t.Errorf("%s has no %s", s.Name, name)
		return ""
	}
	known := map[string]bool{}
	for part := range strings.SplitSeq(value(router, "STOREFRONT_SUBGRAPHS"), ",") {
		known[strings.TrimSpace(part)] = true
	}
	for _, name := range services {
		s := project.Services[name]
		_, port, _ := strings.Cut(value(s, "STOREFRONT_SERVICE_LISTEN"), ":")
		if want := name + "=http://" + name + ":" + port + "/graphql"; !known[want] {
			t.Errorf("the router's STOREFRONT_SUBGRAPHS lacks %s", want)
		}
		if value(s, "STOREFRONT_SECRET") != value(router, "STOREFRONT_SECRET") {
			t.Errorf("%s and the router have different secrets", name)
		}
	}
	for page := range strings.SplitSeq(value(router, "STOREFRONT_PAGES"), ",") {
		_, url, _ := strings.Cut(strings.TrimSpace(page), "=")
		name, port, _ := strings.Cut(strings.TrimPrefix(url, "http://"), ":")
		if _, ok := project.Services[name]; !ok || !strings.HasSuffix(value(project.Services[name], "STOREFRONT_SERVICE_LISTEN"), ":"+port) {
			t.Errorf("STOREFRONT_PAGES: nothing listens at %s", url)
		}
	}
	if len(known) != len(services) {
		t.Errorf("STOREFRONT_SUBGRAPHS names %d subgraphs, there are %d", len(known), len(services))
	}
}

func TestComposeWantsASecret(t *testing.T) {
	t.Parallel()
	if _, err := loadCompose(t, nil); err == nil || !strings.Contains(err.Error(), "STOREFRONT_SECRET") {
		t.Errorf("without STOREFRONT_SECRET the error is %v; it should say that it is needed", err)
	}
}

// The realm has to give what the router asks of a token, to the people and the partner of the documents.
func TestRealm(t *testing.T) {
	t.Parallel()
	var realm struct {
		Realm   string
		Clients []struct {
			ClientID        string
			ProtocolMappers []struct {
				ProtocolMapper string
				Config         map[string]string
			}
		}
		Users []struct {
			Username   string
			RealmRoles []string
		}
	}
	if err := json.Unmarshal([]byte(read(t, "deploy/oidc/storefront-realm.json")), &realm); err != nil {
		t.Fatal(err)
	}
	project, err := loadCompose(t, map[string]string{"STOREFRONT_SECRET": strings.Repeat("s", 32)})
	if err != nil {
		t.Fatal(err)
	}
	issuer := *project.Services["router"].Environment["STOREFRONT_OIDC_ISSUER"]
	if want := *project.Services["oidc"].Environment["KC_HOSTNAME"] + "/realms/" + realm.Realm; issuer != want {
		t.Errorf("the router's issuer is %s, Keycloak's is %s", issuer, want)
	}
	for _, c := range realm.Clients {
		var audience, roles bool
		for _, m := range c.ProtocolMappers {
			audience = audience || m.Config["included.custom.audience"] == "storefront"
			roles = roles || m.Config["claim.name"] == "roles"
		}
		if !audience || !roles {
			t.Errorf("tokens of %s lack the audience or the roles", c.ClientID)
		}
	}
	roles := map[string][]string{}
	for _, u := range realm.Users {
		roles[u.Username] = u.RealmRoles
	}
	for user, want := range map[string][]string{"ada": nil, "ben": nil, "sam": {"staff"}, "service-account-acme": {"partner"}} {
		if got, ok := roles[user]; !ok || !slices.Equal(got, want) {
			t.Errorf("%s has the roles %v, want %v", user, got, want)
		}
	}
}
