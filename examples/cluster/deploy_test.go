package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"
)

// A manifest, as far as it matters here.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Spec       struct {
		ClusterIP                string   `yaml:"clusterIP"`
		PublishNotReadyAddresses bool     `yaml:"publishNotReadyAddresses"`
		MaxUnavailable           int      `yaml:"maxUnavailable"`
		ServiceName              string   `yaml:"serviceName"`
		Replicas                 int      `yaml:"replicas"`
		PodManagementPolicy      string   `yaml:"podManagementPolicy"`
		MinReadySeconds          int      `yaml:"minReadySeconds"`
		VolumeClaimTemplates     []any    `yaml:"volumeClaimTemplates"`
		Template                 struct { // of a pod
			Spec struct {
				Grace      int `yaml:"terminationGracePeriodSeconds"`
				Containers []struct {
					Env       []variable
					Resources struct{ Requests, Limits map[string]string }
				}
			}
		}
	}
}

func manifests(t *testing.T, name string) map[string]manifest {
	t.Helper()
	data, err := os.ReadFile("deploy/" + name)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]manifest{}
	for d := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var m manifest
		err := d.Decode(&m)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if m.Metadata.Name != "shop" || m.APIVersion == "" {
			t.Errorf("%s: a %s of %s is called %q", name, m.Kind, m.APIVersion, m.Metadata.Name)
		}
		found[m.Kind] = m
	}
}

// What docs/cluster.md says that manifests must have, these have.
func TestManifests(t *testing.T) {
	for name, grace := range map[string]int{"statefulset.yaml": 20 + 5, "voters.yaml": 20 + 5 + 8} {
		all := manifests(t, name)
		set, service := all["StatefulSet"].Spec, all["Service"].Spec
		pod := set.Template.Spec
		for what, ok := range map[string]bool{
			"three kinds":                 len(all) == 3,
			"a headless service":          service.ClusterIP == "None" && set.ServiceName == "shop",
			"one at a time":               all["PodDisruptionBudget"].Spec.MaxUnavailable == 1,
			"three replicas":              set.Replicas == 3,
			"all at once":                 set.PodManagementPolicy == "Parallel",
			"Settle and the moves":        set.MinReadySeconds > 5,
			"time to stop":                pod.Grace > grace,
			"one container":               len(pod.Containers) == 1,
			"voters find each other":      service.PublishNotReadyAddresses == (name == "voters.yaml"),
			"voters have volumes":         (len(set.VolumeClaimTemplates) == 1) == (name == "voters.yaml"),
			"nobody is throttled":         pod.Containers[0].Resources.Requests["cpu"] != "" && pod.Containers[0].Resources.Limits["cpu"] == "",
			"names and addresses of pods": fields(pod.Containers[0].Env) == "SHOP_NAME=metadata.name SHOP_IP=status.podIP",
		} {
			if !ok {
				t.Errorf("%s: %s: it is not so", name, what)
			}
		}
	}
}

// A variable is set in the manifest, or is a field of the pod.
type variable struct {
	Name, Value string
	ValueFrom   struct {
		FieldRef struct {
			FieldPath string `yaml:"fieldPath"`
		} `yaml:"fieldRef"`
	} `yaml:"valueFrom"`
}

func fields(env []variable) string {
	var found []string
	for _, v := range env {
		if path := v.ValueFrom.FieldRef.FieldPath; path != "" {
			found = append(found, v.Name+"="+path)
		}
	}
	return strings.Join(found, " ")
}

func TestUnit(t *testing.T) {
	data, err := os.ReadFile("deploy/shop.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nType=notify\n", "\nRestart=always\n", "\nTimeoutStopSec=30s\n"} {
		if !strings.Contains(string(data), want) {
			t.Errorf("it has no %q", want)
		}
	}
}
