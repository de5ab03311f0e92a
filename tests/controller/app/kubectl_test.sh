#!/bin/bash
# The real kubectl against `rekindle-controller --embedded`: what people do on their first day.
# Usage: kubectl_test.sh PROGRAM DIRECTORY: the directory that has kubectl.
set -uo pipefail
program=$1
kubectl=$2/kubectl
[[ -x $kubectl ]] || {
  echo "FAILED: no $kubectl"
  exit 1
}
dir=$(mktemp -d /tmp/rkXXXXXX)
pid=
failed=0
clean_up() {
  [[ -n $pid ]] && kill "$pid" 2>/dev/null && wait "$pid"
  rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

start() {
  "$program" --embedded --data-dir "$dir/data" --listen 127.0.0.1:0 \
    --metrics-listen off 2>"$dir/log" &
  pid=$!
  for _ in $(seq 600); do
    grep -q 'serving https' "$dir/log" && return
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  cat "$dir/log"
  exit 1
}
stop() {
  kill "$pid"
  wait "$pid" || fail "the server ended with $?"
  pid=
}
fail() {
  echo "FAILED: $*"
  failed=1
}
export KUBECONFIG=$dir/data/admin.kubeconfig KUBECACHEDIR=$dir/cache HOME=$dir
k() { "$kubectl" --cache-dir "$dir/cache" "$@"; }

# expect PATTERN COMMAND...: the command succeeds and its output matches.
expect() {
  local pattern=$1 output
  shift
  output=$("$@" 2>&1) || fail "$* ended with $?: $output"
  grep -qE -- "$pattern" <<<"$output" || fail "$*: no '$pattern' in: $output"
}
# refused PATTERN COMMAND...: the command fails with such an output.
refused() {
  local pattern=$1 output
  shift
  output=$("$@" 2>&1) && fail "$* should have failed: $output"
  grep -qE -- "$pattern" <<<"$output" || fail "$*: no '$pattern' in: $output"
}

start
expect 'Server Version' k version
expect '^clonesets ' k api-resources
expect '^pods ' k api-resources
expect '^apps.kruise.io/v1alpha1' k api-versions
expect 'updateStrategy' k explain cloneset.spec
expect 'containers.*-required-' k explain containerrecreaterequest.spec
refused 'does not exist' k explain cloneset.spec.nothing
expect 'default +Active' k get namespaces
expect 'No resources found in default namespace' k get pods
expect 'yes' k auth can-i delete pods
expect '\*\.\*' k auth can-i --list
expect 'apiserver_request_total' k get --raw /metrics
expect 'rekindle_store_commits_total' k get --raw /metrics
expect 'namespace/one created' k create namespace one
expect 'configmap/c created' k -n one create configmap c --from-literal=a=1
refused 'already exists|AlreadyExists' k -n one create configmap c --from-literal=a=1
expect 'a: "1"' k -n one get configmap c -o yaml
expect '^1$' k -n one get configmap c -o 'jsonpath={.data.a}{"\n"}'
refused 'NotFound' k -n one get configmap d
expect 'configmap/c patched' k -n one patch configmap c --type=merge -p '{"data":{"a":"2","b":"x"}}'
expect 'configmap/c patched' k -n one patch configmap c --type=json \
  -p '[{"op":"remove","path":"/data/b"}]'
expect 'configmap/c labeled' k -n one label configmap c app=web
expect '^configmap/c$' k -n one get configmap -l app=web -o name
expect 'No resources found' k -n one get configmap -l app=other
expect 'configmap/c annotated' k -n one annotate configmap c note=hello

cat >"$dir/clone.yaml" <<'YAML'
apiVersion: apps.kruise.io/v1alpha1
kind: CloneSet
metadata:
  name: web
  namespace: one
spec:
  replicas: 2
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
        - name: main
          image: busybox:1
YAML
expect 'created' k apply -f "$dir/clone.yaml"
cat >"$dir/map.yaml" <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata:
  name: applied
  namespace: one
data:
  a: "1"
YAML
expect 'configmap/applied created' k apply -f "$dir/map.yaml"
expect 'configmap/applied unchanged' k apply -f "$dir/map.yaml"
sed -i 's/busybox:1/busybox:2/' "$dir/clone.yaml"
k diff -f "$dir/clone.yaml" >"$dir/diff" 2>&1
[[ $? == 1 ]] && grep -q 'busybox:2' "$dir/diff" || fail "diff: $(cat "$dir/diff")"
expect 'configured' k apply -f "$dir/clone.yaml"
expect 'busybox:2' k -n one get cloneset web -o yaml
expect 'scaled' k -n one scale cloneset web --replicas=5
expect '^5$' k -n one get cloneset web -o 'jsonpath={.spec.replicas}{"\n"}'
expect 'web' k get clonesets -A
expect 'Name: +web' k -n one describe cloneset web
expect 'serverside-applied' k -n one apply --server-side --force-conflicts -f "$dir/clone.yaml"

cat >"$dir/pod.yaml" <<'YAML'
apiVersion: v1
kind: Pod
metadata:
  name: p
  namespace: one
spec:
  containers:
    - name: main
      image: busybox:1
YAML
timeout 60 "$kubectl" --cache-dir "$dir/cache" -n one get pods -w -o name >"$dir/watched" 2>&1 &
watcher=$!
await_lines() {
  for _ in $(seq 300); do
    (($(grep -c '^pod/p$' "$dir/watched") >= $1)) && return
    sleep 0.1
  done
  fail "the watch saw fewer than $1: $(cat "$dir/watched")"
}
expect 'pod/p created' k create -f "$dir/pod.yaml"
await_lines 1
expect 'Pending' k -n one get pods
expect 'pod "p" (force )?deleted' k -n one delete pod p --grace-period=0 --force --wait=true --timeout=30s
await_lines 2
kill "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null

# Another user, who may only read.
"$program" kubeconfig --user bob --group rekindle:read-only --data-dir "$dir/data" >"$dir/bob"
expect '^configmap/c$' k --kubeconfig "$dir/bob" -n one get configmap c -o name
refused 'Forbidden' k --kubeconfig "$dir/bob" -n one get secrets
refused 'cannot delete resource "configmaps"' k --kubeconfig "$dir/bob" -n one delete configmap c
refused '^no' k --kubeconfig "$dir/bob" auth can-i create pods

# A backup of the running server, a loss, a restore.
expect 'objects, revision' "$program" backup "$dir/backup" --data-dir "$dir/data"
expect 'deleted' k -n one delete cloneset web --timeout=30s
refused 'in use' "$program" restore "$dir/backup" --data-dir "$dir/data"
stop
expect '^restored: ' "$program" restore "$dir/backup" --data-dir "$dir/data"
start
rm -rf "$dir/cache"
expect '^5$|^2$' k -n one get cloneset web -o 'jsonpath={.spec.replicas}{"\n"}'
expect 'namespace "one" deleted' k delete namespace one --timeout=60s
refused 'NotFound' k get namespace one
stop
exit $failed
