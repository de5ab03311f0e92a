#!/bin/bash
# Writes docs/benchmarks.md from rows of build/bench/results.jsonl; run it where they were measured.
#   tools/bench_tables.sh [RESULTS [PAGE]]      PAGE "-" is the standard output
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
file=${1:-$root/build/bench/results.jsonl} page=${2:-$root/docs/benchmarks.md}
[[ -s $file ]] || { echo "$0: $file has no rows; ./test --only bench makes them" >&2; exit 1; }

field() { sed -nE "s/.*\"$1\":(\"([^\"]*)\"|([^,}]*)).*/\2\3/p" <<<"$2"; }

version() { "$@" 2>/dev/null | grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)*' | head -1; }

about() {  # BENCH: what the table is about
  case $1 in
    gap) echo 'Gap in service that a client sees which connects every 2 ms, for `replace` and, in turn on the same pod, for
plain `StopContainer` and `StartContainer` with the replacement created before. The limit is that of the ratio.' ;;
    hot) echo '`hot` restarts of a server with SO_REUSEPORT under a steady load; a request has failed if no complete answer came.' ;;
    idle) echo 'The daemon beside 110 running pods with nothing to do: resident memory, and processor time over a minute.' ;;
    stopcall) echo 'From the moment a client sends a request until the `StopContainer` call arrives at the runtime, with 110 pods on the
node. Own time leaves out the moments in which a call to the runtime was under way (reads, and the creation of the
replacement); the journal write and all transport are in it. Beside it what a bare client needs between as many calls
one after the other: transport alone. The daemon runs under the lowest real-time priority (`realtime`, on by default), so
a woken thread does not wait for a processor: with two processors and a load average of 15 to 20 (compilers) five runs of
100 rounds gave a 99th percentile of 2.7 to 3.5 ms. With `realtime: false` the same machine gave 25 to 43 ms under that
load, and 3.0 to 7.9 ms when it was quiet. What the daemon itself computes and writes takes about 0.5 ms.' ;;
    batch) echo 'All 200 containers of one pod, which leave at once on SIGTERM, restarted by one call, until the last operation has
ended; beside a client that makes only the create, stop and start calls, at whichever of 1, 2, 4 and 8 at a time is
fastest here (at 16 the shim of containerd 1.6 locks up). The limit is that of the ratio.' ;;
    client) echo 'The cache of the API client without a network, on one thread, with realistic pods of 7 kB and two containers: decoding
of pages of 500 (150 MB/s are 6,667 ns/kB), 100,000 of them listed into a cache with two indexes, what it holds then (heap)
and what the process has of the kernel for it (resident), and one changed pod from its frame to the handler. Times are
processor time.' ;;
    fleet) echo 'One restart on each of 5,000 nodes at once through the connections of the controller, over mutual TLS on loopback, until
the last has ended: with no connection there (cold: as many handshakes; 256 connections are kept), and with all of them
made ahead (warm). The daemons are simulated, with a port each, in a process of its own on the same processors; their runtime is
a timer of 100 to 200 ms. Memory (RssAnon) and processor time are those of the calling side, but for the rows that name daemons.' ;;
    recreate) echo 'A ContainerRecreateRequest for a pod of one container on bare metal: from the moment it is sent to the embedded API server
until a watch shows its end, with `rekindle-controller --embedded` and a local `rekindled`; beside it what the daemon took from
the stop to the end (own stop and start), which the limit leaves out, and the hops: answered, accepted by the daemon,
`Recreating` seen, stop begun, done, `Completed` seen.' ;;
    recreate-kubernetes) echo 'The same on a private Kubernetes 1.20 of one node, with kinds, DaemonSet, controller (two replicas), rights and webhooks
installed from `deploy/kubernetes` and the images: a pod of one container, and the request sent as `kubectl apply` does (a look
whether it is there, and its creation). Own stop and start is what the daemon takes beside the kubelet, its own look at the new
container included. Admission is what kube-apiserver measured of its calls of the webhook; writes are what it counted: of the
status, of the request besides (label), and of events, which nobody waits for.' ;;
    recreate-scale) echo 'One ContainerRecreateRequest for each of 5,000 pods on as many nodes, made by 16 clients as fast as they are answered,
until a watch has shown the end of all. `rekindle-controller` is a program as on a cluster, the embedded API server another
one, and the daemons are simulated behind gRPC with mutual TLS on loopback, their runtime a timer of 100 to 200 ms; all on the
same processors. The controller has connected to the daemons ahead, as it does (`--node-connections`); what that took is in the
table. Memory (RssAnon) is the controller'\''s; processor time is told for each process until the last request has completed,
and for the events that are written afterwards. Daemons, clients and the watch are one process.' ;;
    recreate-scale-cold) echo 'The same with no connection there (`--node-connections 0`): each request waits for a TLS handshake with its node first, which
takes processor time on both sides.' ;;
    plan) echo 'The planner alone, on one thread: a CloneSet of 100,000 pods planned from its caches, the same again after one pod
has changed (at rest, in the middle of an update, scaling in, rolling back to a partition), a StatefulSet of 10,000
replicas, the memory of a pod record, and a rolling in-place update of one million pods on 100,000 nodes simulated to its
end.' ;;
    api) echo 'The embedded API server, and kube-apiserver 1.20 with etcd under the same load after it, each in processes of its own over
HTTPS on the same disk and with all writes synced: 100,000 pods of 6 kB are created and given their status by 16 clients
(microseconds a write: 1,000 are a thousand writes a second), single ones are read by one client and by 16, all are listed in
pages of 500, and memory is looked at (RssAnon of all processes). Then 1,000 changes a second are made while one client
follows all pods in its cache and 200 further watches follow the pods of a node each: the time from the moment a change is
sent until the handler of the cache has heard of it, and the processor time of the server for a change with all its watches.
Clients run on the same processors.' ;;
    podman) echo 'Gap in service of `replace` beside `podman restart` of the same program in a podman pod on the same bridge, in turn,
seen by the same client.' ;;
    kubelet) echo 'Beside the kubelet of a private Kubernetes 1.20, all in one run and in turn, each restart at a random moment of the
second in which a kubelet looks once. `replace`: of fresh pods (first), of each of them about a second later (at once), and
of one pod again and again (repeated). `delegate`: of fresh pods (first), and of each of them once more within ten minutes,
eight side by side, each with its client; that is when the kubelet backs off. The floor is `StopContainer` and
`StartContainer` in a pod of no kubelet on the same machine, with the replacement created before; beside a kubelet nothing
may be created before the stop, so the creation is part of the gap. Limits are those of the ratios. `hot` has the load of the
benchmark of that name. Placeholders are explained in [operations.md](operations.md); a call lasts until its operation has
ended. The bench has the real-time priority of the daemon while it measures gaps one by one.' ;;
  esac
}

tables() {
  local bench='' row kind unit reference
  while IFS= read -r row; do
    if [[ $(field bench "$row") != "$bench" ]]; then
      bench=$(field bench "$row")
      printf '\n## %s\n\n' "$bench"
      about "$bench"
      printf '\n| metric | value | compared with | its value | ratio | limit |\n|---|---:|---|---:|---:|---:|\n'
    fi
    kind=floor
    [[ $row == *'"peer":'* ]] && kind=peer
    unit=$(field unit "$row") reference=$(field "$kind" "$row")
    printf '| %s | %s %s | %s | %s | %s | %s |\n' "$(field metric "$row")" "$(field value "$row")" "$unit" \
      "$(field "${kind}_name" "$row")" "${reference:+$reference $unit}" "$(field ratio "$row")" \
      "$(field limit "$row")"
  done <"$file"
}

whole_page() {
  cat <<EOF
# Benchmarks

Made by

    tools/build_kubernetes.sh    # once, for \`kubelet\`, \`recreate-kubernetes\` and \`api\`
    cmake --preset release && cmake --build --preset release --target rekindle-bench rekindle-plan-bench rekindle-client-bench rekindle-fleet-bench rekindle-recreate-bench rekindle-api-bench
    rm -f build/bench/results.jsonl
    build/release/bin/rekindle-bench --rounds 50
    build/release/bin/rekindle-plan-bench
    build/release/bin/rekindle-client-bench
    build/release/bin/rekindle-fleet-bench
    REKINDLE_KUBERNETES=~/.cache/rekindle/kubernetes/current build/release/bin/rekindle-recreate-bench
    REKINDLE_KUBERNETES=~/.cache/rekindle/kubernetes/current build/release/bin/rekindle-api-bench
    tools/bench_tables.sh

(\`rekindle-plan-bench\`, \`rekindle-client-bench\` and \`rekindle-fleet-bench\` need neither root nor a container runtime; \`stopcall\` of these tables had 100 rounds;
\`--only kubelet\` leaves out the others.)

Absolute times depend on the machine and on what else it does. What counts are the ratios: both sides of each were
measured in turn in the same run. Machine of these tables: $(nproc) processors ($(uname -m)), Linux $(uname -r),
containerd $(version containerd --version), runc $(version runc --version), podman $(version podman --version).
EOF
  tables
}

if [[ $page == - ]]; then
  whole_page
else
  whole_page >"$page.new"
  mv "$page.new" "$page"
fi
