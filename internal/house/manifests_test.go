package house

import (
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// manifest is what the checks below read of a Kubernetes object.
type manifest struct {
	file       string
	Kind       string
	Metadata   struct{ Name string }
	Data       map[string]string
	StringData map[string]string `yaml:"stringData"`
	Resources  []string          // of a Kustomization
	Spec       struct {
		Selector       yaml.MapSlice
		ScaleTargetRef struct{ Kind, Name string } `yaml:"scaleTargetRef"`
		Ports          []struct {
			Port       int
			TargetPort string `yaml:"targetPort"`
		}
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct{ Containers []container }
		}
	}
}

type container struct {
	Image          string
	Args           []string
	EnvFrom        []map[string]struct{ Name string } `yaml:"envFrom"`
	Ports          []struct{ Name string }
	StartupProbe   probe `yaml:"startupProbe"`
	ReadinessProbe probe `yaml:"readinessProbe"`
	LivenessProbe  probe `yaml:"livenessProbe"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

func manifests(t *testing.T) []manifest {
	t.Helper()
	var list []manifest
	for _, name := range files(t) {
		if path.Dir(name) != "deploy/kubernetes" || path.Ext(name) != ".yaml" {
			continue
		}
		decoder := yaml.NewDecoder(strings.NewReader(read(t, name)))
		for {
			m := manifest{file: name}
			if err := decoder.Decode(&m); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			list = append(list, m)
		}
	}
	return list
}

func TestManifests(t *testing.T) {
	t.Parallel()
	byKind := map[string]map[string]manifest{}
	for _, m := range manifests(t) {
		if byKind[m.Kind] == nil {
			byKind[m.Kind] = map[string]manifest{}
		}
		byKind[m.Kind][m.Metadata.Name] = m
	}
	_, variables := configNames(t)
	for _, name := range append(slices.Clone(services), "router") {
		checkPart(t, name, byKind)
	}
	for _, m := range []manifest{byKind["ConfigMap"]["storefront"], byKind["Secret"]["storefront"]} {
		for v := range m.Data {
			if !variables[v] {
				t.Errorf("%s: no command knows the variable %s", m.file, v)
			}
		}
		for v := range m.StringData {
			if !variables[v] {
				t.Errorf("%s: no command knows the variable %s", m.file, v)
			}
		}
	}
	for _, name := range services {
		if want := name + "=http://" + name + ":4000/graphql"; !strings.Contains(byKind["ConfigMap"]["storefront"].Data["STOREFRONT_SUBGRAPHS"], want) {
			t.Errorf("STOREFRONT_SUBGRAPHS lacks %s", want)
		}
	}
}

// checkPart says what keeps one part from being started, reached and scaled.
func checkPart(t *testing.T, name string, byKind map[string]map[string]manifest) {
	t.Helper()
	d, ok := byKind["Deployment"][name]
	if !ok {
		t.Errorf("there is no Deployment %s", name)
		return
	}
	labels := d.Spec.Template.Metadata.Labels
	for _, c := range d.Spec.Template.Spec.Containers {
		checkCommand(t, d.file, c.Args)
		if want := []string{"serve", name}; name != "router" && !slices.Equal(c.Args, want) {
			t.Errorf("%s runs %v, want %v", d.file, c.Args, want)
		}
		startup := "/readyz"
		if name == "products" { // it reads its topics from their beginning first; killed meanwhile, it would begin again
			startup = "/healthz"
		}
		if c.StartupProbe.HTTPGet.Path != startup || c.ReadinessProbe.HTTPGet.Path != "/readyz" || c.LivenessProbe.HTTPGet.Path != "/healthz" {
			t.Errorf("%s: the probes ask at %v, %v and %v", d.file, c.StartupProbe, c.ReadinessProbe, c.LivenessProbe)
		}
		for _, p := range []probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
			if len(c.Ports) != 1 || p.HTTPGet.Port != c.Ports[0].Name {
				t.Errorf("%s: a probe asks port %q, which the container does not name", d.file, p.HTTPGet.Port)
			}
		}
		for _, from := range c.EnvFrom {
			for kind, ref := range from {
				kind = map[string]string{"configMapRef": "ConfigMap", "secretRef": "Secret"}[kind]
				if _, ok := byKind[kind][ref.Name]; !ok {
					t.Errorf("%s refers to the %s %s, which is not there", d.file, kind, ref.Name)
				}
			}
		}
	}
	s := byKind["Service"][name]
	if len(s.Spec.Selector) == 0 {
		t.Errorf("there is no Service %s", name)
	}
	for _, want := range s.Spec.Selector {
		if labels[want.Key.(string)] != want.Value {
			t.Errorf("the Service %s selects %v, its pods have %v", name, want, labels)
		}
	}
	if h := byKind["HorizontalPodAutoscaler"][name]; h.Spec.ScaleTargetRef.Kind != "Deployment" || h.Spec.ScaleTargetRef.Name != name {
		t.Errorf("nothing scales %s", name)
	}
}

func TestKustomizationListsEveryManifest(t *testing.T) {
	t.Parallel()
	listed, there := map[string]bool{}, map[string]bool{}
	for _, m := range manifests(t) {
		if m.Kind == "Kustomization" {
			for _, r := range m.Resources {
				listed[r] = true
			}
		} else if base := path.Base(m.file); base != "secret.example.yaml" {
			there[base] = true
		}
	}
	if !maps.Equal(listed, there) {
		t.Errorf("kustomization.yaml lists %v, the folder has %v", slices.Sorted(maps.Keys(listed)), slices.Sorted(maps.Keys(there)))
	}
}
