import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Commands that a machine's agent calls and that would change this computer: each writes down how it was called and does
 * as little as its name promises. `FAKES` is the folder they share: `calls`, and switches that a test sets there.
 */
const recording = `#!/bin/sh
[ "$*" = "version -o short" ] || printf '%s %s\\n' "\${0##*/}" "$*" >>"$FAKES/calls"
`;
const scripts: Readonly<Record<string, string>> = {
  'apt-get': '[ ! -e "$FAKES/apt-fails" ] || { echo "E: Unable to locate package kubelet"; exit 100; }\n',
  'apt-mark': '',
  dpkg: '',
  systemctl: '',
  modprobe: '',
  sysctl: '',
  swapoff: '',
  containerd: 'echo "            SystemdCgroup = false"\n',
  hostname: 'cat "$FAKES/hostname"\n',
  crictl: `case $* in
  ps*) echo c0ffee ;;
  *member*list*) cat "$FAKES/members" ;;
  *snapshot*save*) mkdir -p "$OVERCAST_ROOT/var/lib/etcd"; echo snapshot >"$OVERCAST_ROOT/var/lib/etcd/overcast-snapshot.db" ;;
esac
`,
  // As far as `etcdutl snapshot restore` goes, in etcd's image: what it is given, and the hash at a snapshot's end.
  ctr: `[ "$1 $2 $3 $4 $5" = "--namespace k8s.io run --rm --mount" ] || { echo "ctr: $*"; exit 1; }
from=\${6#type=bind,src=}
from=\${from%,dst=/restore,options=rbind:rw}
[ "$7 $8 $9" = "registry.k8s.io/etcd:3.6.8-0 overcast-restore /usr/local/bin/etcdutl" ] || { echo "ctr: no such image: $7"; exit 1; }
[ "$(cat "$from/snapshot.db")" = snapshot ] || { echo "Error: expected sha256 [123], got [124]"; exit 1; }
[ ! -e "$from/data" ] || { echo "Error: data-dir /restore/data not empty or could not be read"; exit 1; }
mkdir -p "$from/data/member/snap"
cp "$from/snapshot.db" "$from/data/member/snap/db"
`,
  ip: 'case "$1 $2" in "-4 route") cat "$FAKES/routes" 2>/dev/null ;; esac\n:\n',
  wg: 'case $1 in syncconf) cp "$3" "$FAKES/wg.conf" ;; show) cat "$FAKES/handshakes" 2>/dev/null ;; esac\n:\n',
  // Says what kubeadm says, and what it must never be allowed to tell anybody; what it is given is checked in kubeadm.ts.
  kubeadm: `case $1 in
  init | join) [ -s "\${3:-/none}" ] || { echo "no configuration"; exit 3; } ;;
  version) cat "$FAKES/kubeadm-version" 2>/dev/null || echo v1.36.4; exit 0 ;;
  config) [ "$2 $3" = "images pull" ] || printf 'registry.k8s.io/%s\\n' kube-apiserver:v1.36.4 etcd:3.6.8-0 pause:3.10.1; exit 0 ;;
  *) exit 0 ;;
esac
sleep "\${KUBEADM_SECONDS:-0.1}"
if [ -e "$FAKES/kubeadm-fails" ]; then
  echo "[preflight] Running pre-flight checks"
  cat "$FAKES/kubeadm-fails"
  echo "error execution phase etcd-join: context deadline exceeded"
  exit 1
fi
"$NODE" "$KUBEADM_STAND_IN" "$@" || exit 1
mkdir -p "$OVERCAST_ROOT/etc/kubernetes"
echo node >"$OVERCAST_ROOT/etc/kubernetes/kubelet.conf"
`,
  kubectl: `[ -s "$2" ] || { echo "no such kubeconfig: $2" >&2; exit 1; }
case "$*" in
  *"configmap kubeadm-config"*) cat "$FAKES/kubeadm-config" 2>/dev/null || exit 1 ;;
  *status.phase*) cat "$FAKES/pending" 2>/dev/null || echo '{"items":[]}' ;;
  *jsonpath*) [ -e "$FAKES/not-ready" ] || printf True ;;
  *--ignore-not-found*) [ ! -e "$FAKES/away" ] || exit 1; [ -e "$FAKES/unknown" ] || echo "node/$5" ;;
  *"get pods"*)
    printf '{"items":['
    comma=
    for pod in "$FAKES"/pods/*; do
      [ -e "$pod" ] || continue
      printf '%s' "$comma"; cat "$pod"; comma=,
    done
    printf ']}'
    ;;
  *eviction*) pod=\${6#*/pods/}; rm -f "$FAKES/pods/\${pod%/eviction}" ;;
esac
`,
};

/** Writes them into a folder that is to come first in PATH; `except` leaves the real ones. */
export function writeFakes(folder: string, except: readonly string[] = []): void {
  mkdirSync(join(folder, 'bin'), { recursive: true });
  mkdirSync(join(folder, 'pods'), { recursive: true });
  for (const [name, script] of Object.entries(scripts)) {
    if (except.includes(name)) continue;
    const path = join(folder, 'bin', name);
    writeFileSync(path, recording + script);
    chmodSync(path, 0o755);
  }
  writeFileSync(join(folder, 'calls'), '');
}
