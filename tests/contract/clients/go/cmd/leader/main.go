// Two candidates of client-go's leader election on one Lease: one leads, lets go, and the other takes over. Beside it
// typed creates, patches, watches and deletes, in JSON and in protobuf.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

var namespace = os.Getenv("NAMESPACE")

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	must(err)
	for _, media := range []string{"application/json", "application/vnd.kubernetes.protobuf"} {
		typed(ctx, config, media)
	}
	custom(ctx, config)
	elect(ctx, config)
	fmt.Println("done")
}

// typed does with a ConfigMap what operators do, in one encoding.
func typed(ctx context.Context, config *rest.Config, media string) {
	own := rest.CopyConfig(config)
	own.ContentType = media
	own.AcceptContentTypes = media + ",application/json"
	maps := kubernetes.NewForConfigOrDie(own).CoreV1().ConfigMaps(namespace)
	watch, err := maps.Watch(ctx, metav1.ListOptions{})
	must(err)
	defer watch.Stop()
	made, err := maps.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "typed"}, Data: map[string]string{"a": "1"},
	}, metav1.CreateOptions{})
	must(err)
	made.Data["b"] = "2"
	_, err = maps.Update(ctx, made, metav1.UpdateOptions{})
	must(err)
	patch := []byte(`{"data":{"a":null},"metadata":{"finalizers":["example.com/x"]}}`)
	patched, err := maps.Patch(ctx, "typed", types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	must(err)
	if fmt.Sprint(patched.Data) != "map[b:2]" || len(patched.Finalizers) != 1 {
		panic(fmt.Sprint(patched))
	}
	_, err = maps.Patch(ctx, "typed", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	must(err)
	must(maps.Delete(ctx, "typed", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &made.UID}}))
	for _, expected := range []string{"ADDED", "MODIFIED", "MODIFIED", "MODIFIED", "DELETED"} {
		if event := <-watch.ResultChan(); string(event.Type) != expected {
			panic(fmt.Sprint(expected, event))
		}
	}
	must(maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "none=such"}))
}

// custom makes and deletes a Pipeline through the dynamic client.
func custom(ctx context.Context, config *rest.Config) {
	kind := schema.GroupVersionResource{Group: "sagemaker.services.k8s.aws", Version: "v1alpha1", Resource: "pipelines"}
	pipelines := dynamic.NewForConfigOrDie(config).Resource(kind).Namespace(namespace)
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
		"kind":       "Pipeline",
		"metadata":   map[string]any{"name": "dynamic"},
		"spec":       map[string]any{"pipelineName": "dynamic", "roleARN": "r"},
	}}
	_, err := pipelines.Apply(ctx, "dynamic", object, metav1.ApplyOptions{FieldManager: "go"})
	must(err)
	must(pipelines.Delete(ctx, "dynamic", metav1.DeleteOptions{}))
}

func elect(ctx context.Context, config *rest.Config) {
	client := kubernetes.NewForConfigOrDie(config)
	led := make(chan string, 2)
	for _, name := range []string{"first", "second"} {
		own, stop := context.WithCancel(ctx)
		lock := &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: "leader", Namespace: namespace},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: name},
		}
		leaderelection.RunOrDie(own, leaderelection.LeaderElectionConfig{
			Lock: lock, ReleaseOnCancel: true,
			LeaseDuration: 6 * time.Second, RenewDeadline: 4 * time.Second, RetryPeriod: time.Second,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { led <- name; stop() },
				OnStoppedLeading: func() {},
			},
		})
	}
	if first, second := <-led, <-led; first != "first" || second != "second" {
		panic(first + second)
	}
	lease, err := client.CoordinationV1().Leases(namespace).Get(ctx, "leader", metav1.GetOptions{})
	must(err)
	if lease.Spec.LeaseTransitions == nil || *lease.Spec.LeaseTransitions < 1 {
		panic(fmt.Sprint(lease))
	}
}
