# SPDX-License-Identifier: Apache-2.0
# The node of the Kubernetes bed: kubelet and containerd in namespaces of their own. Sourced, not run.
#
# One process holds a network, a mount and a process namespace. When it ends, the kernel ends every
# program and container in them and takes away their mounts and network; only the control groups and
# a folder in /tmp are left to remove.

node_address=10.99.0.1

check_node() {
    local name path=$PATH:/usr/sbin:/sbin
    [ "$(id -u)" = 0 ] || die "a node needs root" "sudo tests/bed/kubernetes start --kubelet, or leave out --kubelet"
    for name in containerd ctr runc conntrack nft ip cc; do
        PATH=$path command -v $name >/dev/null || die "no $name found" "tools/setup kubernetes"
    done
    [ -x /usr/lib/cni/bridge ] || die "no CNI plugins in /usr/lib/cni" "tools/setup kubernetes"
}

# The command before program $1 that starts it in the node's network; our own end with it. What writes outside of its own folders
# sees a copy of /run and /var that ends with the node.
inside() {
    local spaces="--net"
    case $1 in
    containerd | kubelet | ctr) spaces+=" --pid --mount" ;;
    etcd | kube-*) spaces+=" --pid" ;;
    esac
    echo nsenter -t "$(cat "$dir/pid.init")" $spaces --
}

start_node() {
    data=$(mktemp -d /tmp/dataflow-bed-node.XXXXXX) || die "cannot write in /tmp"
    mkdir -p "$data"/{containerd,kubelet,cni,shadow}
    make_cgroups
    write_node_files
    setsid unshare --net --mount --pid --fork --kill-child --mount-proc "$parts/node-init" "$data" "$node_address" \
        </dev/null >>"$dir/log.node" 2>&1 &
    echo $! >"$dir/pid.node"
    disown
    wait_until 30 [ -e "$data/up" ] || { cat "$dir/log.node" >&2; die "the node's namespaces cannot be made; the log is above"; }
    pgrep -P "$(cat "$dir/pid.node")" >"$dir/pid.init"
    write_relay
}

# The API server listens in the node's network; the relay brings the same port of loopback there.
write_relay() {
    setsid python3 "$parts/relay" "$api_port" "$(cat "$dir/pid.init")" "$data/" </dev/null >>"$dir/log.relay" 2>&1 &
    echo $! >"$dir/pid.relay"
    disown
    became "$!" "$data/"
}

stop_node() {
    local name
    end_process KILL "$(pid_of relay)" "$data/" 10
    end_process KILL "$(pid_of node)" "$data" 10
    case $data in
    /tmp/dataflow-bed-node.*)
        wait_until 20 remove_cgroups
        rm -rf "$data"
        ;;
    esac
}

# Pods of several nodes on one machine must not share a group.
cgroup_folders() { # cgroup v1: one tree for each controller; v2: one tree
    local tree
    [ -e /sys/fs/cgroup/cgroup.controllers ] && echo "/sys/fs/cgroup/${data##*/}" && return
    for tree in /sys/fs/cgroup/*/; do [ -d "$tree" ] && [ ! -L "${tree%/}" ] && echo "$tree${data##*/}"; done
}

make_cgroups() {
    local folder
    for folder in $(cgroup_folders); do mkdir -p "$folder" || die "cannot create the control group $folder"; done
}

remove_cgroups() {
    local folder left=0
    for folder in $(cgroup_folders); do
        [ ! -d "$folder" ] || find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || left=1
    done
    return $left
}

node_arguments() { # of program $1, one a line
    case $1 in
    containerd) printf '%s\n' --config "$data/containerd.toml" ;;
    kubelet)
        printf '%s\n' --config="$data/kubelet.yaml" --kubeconfig="$data/kubeconfig" --root-dir="$data/kubelet" \
            --cert-dir="$data/kubelet/pki" --hostname-override=bed --node-ip="$node_address"
        ;;
    kube-proxy) printf '%s\n' --config="$data/proxy.yaml" ;;
    esac
}

write_node_files() {
    cp "$dir/node.kubeconfig" "$data/kubeconfig"
    cat >"$data/containerd.toml" <<-END
	version = 2
	root = "$data/containerd"
	state = "/run/containerd"
	[grpc]
	  address = "/run/containerd/containerd.sock"
	[plugins."io.containerd.grpc.v1.cri"]
	  sandbox_image = "bed.local/pause:1"
	  disable_apparmor = true
	  # Without the right to lower it (CAP_SYS_RESOURCE) no container would start.
	  restrict_oom_score_adj = true
	  [plugins."io.containerd.grpc.v1.cri".cni]
	    bin_dir = "/usr/lib/cni"
	    conf_dir = "$data/cni"
	  [plugins."io.containerd.grpc.v1.cri".containerd]
	    snapshotter = "overlayfs"
	    default_runtime_name = "runc"
	    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
	      runtime_type = "io.containerd.runc.v2"
	      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
	        SystemdCgroup = false
	END
    cat >"$data/cni/bed.conflist" <<-END
	{"cniVersion": "0.4.0", "name": "bed", "plugins": [
	  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
	   "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.98.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
	  {"type": "portmap", "capabilities": {"portMappings": true}}]}
	END
    cat >"$data/kubelet.yaml" <<-END
	apiVersion: kubelet.config.k8s.io/v1beta1
	kind: KubeletConfiguration
	failCgroupV1: false
	cgroupDriver: cgroupfs
	cgroupRoot: /${data##*/}
	failSwapOn: false
	syncFrequency: 5s
	containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
	address: $node_address
	readOnlyPort: 0
	healthzPort: 0
	authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
	authorization: {mode: AlwaysAllow}
	enforceNodeAllocatable: []
	makeIPTablesUtilChains: false
	resolvConf: ""
	imageGCHighThresholdPercent: 100
	evictionHard: {memory.available: "50Mi", nodefs.available: "1%", imagefs.available: "1%"}
	END
    cat >"$data/proxy.yaml" <<-END
	apiVersion: kubeproxy.config.k8s.io/v1alpha1
	kind: KubeProxyConfiguration
	mode: nftables
	clientConnection: {kubeconfig: $data/kubeconfig}
	clusterCIDR: 10.98.0.0/24
	hostnameOverride: bed
	conntrack: {maxPerCore: 0, min: 0}
	healthzBindAddress: 127.0.0.1:10256
	metricsBindAddress: 127.0.0.1:10249
	END
}

# Ready, and no longer tainted as not ready.
node_ready() {
    local node
    node=$(api '/api/v1/nodes/bed?pretty=false') || return 1
    [[ $node == *'"type":"Ready","status":"True"'* && $node != *'"taints":'* ]]
}

# ctr reads the file itself, so the name must hold inside as well.
import_image() {
    local log
    log=$($(inside ctr) ctr -n k8s.io images import --all-platforms - <"$1" 2>&1) ||
        die "containerd does not take $1: $log" "is it a tar of an OCI layout?"
    echo "$log"
}

# What holds the namespaces of a pod.
import_pause() {
    cc -static -Os -o "$data/pause" "$parts/pause.c" &&
        "$bed/../../packaging/oci/oci.py" --name bed.local/pause:1 --entrypoint /pause --file "$data/pause:/pause" \
            --output "$data/pause.tar" && import_image "$data/pause.tar" >/dev/null ||
        die "the pause image cannot be made" "tools/setup kubernetes"
}
