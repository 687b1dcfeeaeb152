#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The container image: the same bytes from another folder, small, without a shell, and its program
# runs in it as an unprivileged user under a read-only root.
# ctest: no-servers timeout=1500
. "$(dirname "$0")/../cli_lib.sh"
command -v dpkg-query >/dev/null || { echo "skipped: the image is made from Debian packages"; exit 77; }
cd "$dir" || exit 1

# ---- built twice -----------------------------------------------------------------------------------
first=$DF_BUILD_DIR/image.tar
limit=700
export SOURCE_DATE_EPOCH=1700000000
run 'it is built' 0 "$source/packaging/oci/build" --revision r --build "$DF_BUILD_DIR/oci" --output "$first"
[ $failed = 0 ] || exit 1
# Elsewhere, and at the same place each time: what ccache has of it was compiled there.
copy=$DF_BUILD_DIR/oci-copy
rm -rf "$copy" && mkdir "$copy" && tar -C "$source" --exclude=./build --exclude='./build-*' --exclude=./.git -c . | tar -x -C "$copy"
run 'and again from a copy elsewhere' 0 "$copy/packaging/oci/build" --revision r --output "$dir/second.tar"
if cmp "$first" second.tar >out 2>&1; then ok '  the same bytes'; else bad '  the same bytes'; fi
if cmp "${first%.tar}.spdx.json" second.spdx.json >out 2>&1; then ok '  the same list'; else bad '  the same list'; fi
rm -rf "$copy"
limit=60

# ---- what is in it ---------------------------------------------------------------------------------
size=$(stat -c %s "$first")
if [ "$size" -le 60000000 ]; then ok "$size bytes"; else bad "$size bytes are more than 60 MB"; fi
mkdir root
cat >look.py <<'PYTHON'
import gzip, hashlib, io, json, re, sys, tarfile

def check(what, good):
    print(("ok      " if good else "FAILED  ") + what)
    check.failed |= not good
check.failed = False

tar = tarfile.open(sys.argv[1])
def blob(name):
    content = tar.extractfile("blobs/" + name.replace(":", "/")).read()
    assert name == "sha256:" + hashlib.sha256(content).hexdigest(), name
    return content
index = json.load(tar.extractfile("index.json"))
manifest = json.loads(blob(index["manifests"][0]["digest"]))
config = json.loads(blob(manifest["config"]["digest"]))
names = {}
for layer, plain in zip(manifest["layers"], config["rootfs"]["diff_ids"]):
    content = gzip.decompress(blob(layer["digest"]))
    assert plain == "sha256:" + hashlib.sha256(content).hexdigest()
    files = tarfile.open(fileobj=io.BytesIO(content))
    names.update({member.name: member for member in files.getmembers()})
    files.extractall(sys.argv[2])
check("user 65532", config["config"]["User"] == "65532:65532")
labels = config["config"]["Labels"]
check("labels", all(labels.get("org.opencontainers.image." + key) for key in
                    ("title", "description", "version", "revision", "created", "licenses")))
unwanted = re.compile(r"(^|/)(ba|da|z|c|k)?sh$|bin/dpkg|bin/apt|/(busybox|apt-get|perl|python3?|curl|wget)$")
check("no shell, no package manager", not [name for name in names if unwanted.search(name)])
check("no program but ours", sorted(n for n in names if re.match(r"usr/s?bin/.", n)) in
      (["usr/bin/dfproc"], ["usr/bin/dfoperator", "usr/bin/dfproc"]))
check("nothing with special rights", not [n for n, m in names.items() if m.mode & 0o6000])
own = [n for n, m in names.items() if m.uid or (m.mode & 0o022 and not m.issym() and n != "tmp")]
check("nothing that others may write, but the state", own == ["var/lib/dataflow"])
bundle = open(sys.argv[2] + "/etc/ssl/certs/ca-certificates.crt").read()
check("certificates", bundle.count("BEGIN CERTIFICATE") > 100)
check("time zones", "usr/share/zoneinfo/Europe/Berlin" in names)
bom = json.load(open(sys.argv[2] + "/usr/share/doc/dataflow/sbom.spdx.json"))
listed = {package["name"]: package for package in bom["packages"]}
check("SPDX 2.3", bom["spdxVersion"] == "SPDX-2.3" and len(bom["relationships"]) == len(listed))
check("a list of its packages", {"dataflow", "libc6", "libssl3", "tzdata"} <= set(listed) and all(
    re.match(r"pkg:deb/debian/\S+@\S+\?arch=", ref["referenceLocator"])
    for package in listed.values() for ref in package.get("externalRefs", [])))
licences = {n.split("/")[3] for n in names if n.endswith("/copyright")}
check("the licence of each", licences == set(listed) - {"dataflow"})
sys.exit(check.failed)
PYTHON
python3 look.py "$first" root || failed=1

# A certificate that this machine trusts besides Debian's must not travel.
local_one=$(cat /usr/local/share/ca-certificates/*.crt 2>/dev/null | sed -n 2p)
if [ -n "$local_one" ] && grep -qF "$local_one" root/etc/ssl/certs/ca-certificates.crt; then
    bad 'a certificate of this machine is in the image'
fi
if grep -rlF -e "$source" -e "$DF_BUILD_DIR" root >out; then bad 'a path of this machine is in it'; else ok 'no path of this machine'; fi

# ---- its program runs in it ------------------------------------------------------------------------
[ "$(id -u)" = 0 ] || { ok 'SKIPPED: running it needs root'; exit $failed; }
# Another user than the image's, as some clusters choose.
inside=(unshare --mount --pid --net --ipc --fork --kill-child bash -c '
    mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && mount -t proc proc "$0/proc" 2>/dev/null
    exec chroot --userspec=123456:0 --groups=0 "$0" /usr/bin/dfproc "$@"' "$dir/root")
chmod 755 "$dir"
mkdir root/proc
run 'version' 0 "${inside[@]}" --version
grep -q '^dfproc [0-9]' out || bad '  a version'
run 'its connectors' 0 "${inside[@]}" connectors
for name in kafka postgresql stdio; do grep -q "^$name " out || bad "  $name"; done
printf '%s\n' 'source: {type: stdio}' 'transformations: [{type: select, config: {fields: [a]}}]' 'sink: {type: stdio}' >root/flow.yaml
printf '%s\n' '{"a":1,"b":2}' '{"a":2,"b":3}' >in
run 'a flow through it' 0 "${inside[@]}" run -u --no-progress /flow.yaml <in
if [ "$(cat out)" = $'{"a":1}\n{"a":2}' ]; then ok '  the records'; else bad '  the records'; fi
if [ -x root/processor ] && [ "$(readlink root/processor)" = usr/bin/dfproc ]; then ok 'the command of pods'; else bad 'the command of pods'; fi
exit $failed
