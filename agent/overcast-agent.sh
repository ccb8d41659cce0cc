#!/bin/sh
# The Overcast node agent: makes a stock Ubuntu 24.04 machine a Kubernetes node and keeps it one.
#
#   overcast-agent install        what cloud-init calls: puts itself into systemd, so that it survives reboots
#   overcast-agent run            the agent: is admitted once, then syncs and does what each reply says
#   overcast-agent kubeadm VERB   the one kubeadm of this machine's life; runs apart, so that it outlives the agent
#
# It needs what stock cloud images bring: sh, coreutils, curl, openssl, and python3 (cloud-init is written in it) for
# JSON. Settings stand in /etc/overcast/agent.env. What must survive lies in /var/lib/overcast, what must not in
# /run/overcast; every file is written whole or not at all, so the agent may be killed anywhere and started again.
# OVERCAST_ROOT puts all files under another folder; OVERCAST_SECOND, OVERCAST_METADATA, OVERCAST_PACKAGES and
# OVERCAST_INTERFACE exist for tests alone.
set -u
umask 077
export LC_ALL=C

root=${OVERCAST_ROOT:-}
etc=$root/etc/overcast
state=$root/var/lib/overcast
run=$root/run/overcast
log=$root/var/log/overcast-agent.log
kubeadm_log=$root/var/log/overcast-kubeadm.log
self=$root/usr/local/sbin/overcast-agent
second=${OVERCAST_SECOND:-1}
interface=${OVERCAST_INTERFACE:-wg0}
network_interface=overcast0

leave_seconds_max=25
call_seconds_max=30
backoff_seconds_max=60
join_checks_max=200

# --- JSON: read and made by python, so that no reply is ever pieced apart by patterns, and none of it reaches a shell ---

# shellcheck disable=SC2016 # it is python
program='
import json, os, re, sys

def replace(path, text, mode=0o600):
    os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
    new = path + ".new"
    if os.path.lexists(new):
        os.unlink(new)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.rename(new, path)

def matching(form, text):
    if not isinstance(text, str) or not re.fullmatch(form, text):
        raise SystemExit("the reply is not as the protocol says: %r" % (text,))
    return text

def read_sync(reply, out):
    """One file per field; a field that is not there has none."""
    reply = json.load(open(reply))
    instruction = reply["instruction"]
    fields = {
        "kind": matching("[a-z-]{1,40}", instruction["kind"]),
        "id": matching("[A-Za-z0-9][A-Za-z0-9._-]{0,199}", instruction["id"]),
        "endpoint": matching(r"[!#-\[\]-~]{0,4096}", instruction.get("endpoint", "")),
        "reason": matching("[ -~]{0,300}", re.sub("[^ -~]", "?", instruction.get("reason", ""))[:300]),
        "mesh": str(int(reply["meshVersion"])),
        "after": str(max(1, min(300, int(reply["syncAfterSeconds"])))),
    }
    if "peers" in reply:
        fields["peers"] = "".join("%s %s %s\n" % (
            matching("[A-Za-z0-9+/]{43}=", peer["publicKey"]),
            matching("[0-9.]{7,15}/32", peer["allowedIps"]),
            matching("[0-9.]{7,15}:[0-9]{1,5}", peer["endpoint"])) for peer in reply["peers"])
        fields["neighbours"] = "".join("%s %s\n" % (
            matching("[0-9.]{7,15}", each["overlayAddress"]),
            matching("[0-9.]{7,15}", each["privateAddress"])) for each in reply.get("neighbours", []))
    for name in ("kind", "id", "endpoint", "reason", "mesh", "after", "peers", "neighbours"):
        path = os.path.join(out, name)
        if name in fields:
            replace(path, fields[name])
        elif os.path.exists(path):
            os.unlink(path)

def read_admit(reply):
    print(max(1, min(300, int(json.load(open(reply))["syncAfterSeconds"]))))

def files_request(attempt, kubernetes):
    request = {"attempt": int(attempt), "kubernetes": kubernetes}
    place = dict(line.split() for line in sys.stdin)
    if place:
        request["place"] = place
    print(json.dumps(request))

def write_files(reply, root):
    """[{path, mode, content}], only where Kubernetes and Overcast have their files. Prints how many."""
    files = json.load(open(reply))["files"]
    for file in files:
        path = os.path.normpath(file["path"])
        if not re.match("/(etc/kubernetes|etc/overcast|var/lib/kubelet)/.", path) or path != file["path"]:
            raise SystemExit("a file has no place at " + path)
    for file in files:
        replace(root + file["path"], file["content"], int(matching("0[0-7]{3}", file["mode"]), 8))
    print(len(files))

silent_seconds = 180
silent_max = 32

def handshakes(peers, since, now):
    """From `wg show latest-handshakes`. How long a peer is known lies in the file `since`: a new one has time to answer."""
    overlay = {key: ips[:-3] for key, ips, _ in map(str.split, open(peers))}
    try:
        known = json.load(open(since))
    except (OSError, ValueError):
        known = {}
    now, first, ages, silent = int(now), {}, [], []
    for key, last in map(str.split, sys.stdin):
        if key not in overlay:
            continue
        first[key] = known.get(key, now)
        age = max(0, now - int(last)) if last != "0" else None
        if age is not None:
            ages.append(age)
        if (now - first[key] if age is None else age) > silent_seconds:
            peer = {"overlayAddress": overlay[key]}
            silent.append(peer if age is None else dict(peer, ageSeconds=age))
    if first != known:
        replace(since, json.dumps(first))
    reply = {"silent": sorted(silent, key=lambda peer: -peer.get("ageSeconds", now))[:silent_max]}
    if ages:
        reply["oldestSeconds"] = max(ages)
    print(json.dumps(reply))

def tail(path, secrets):
    """The last 4 KiB of a log, without a secret: whole secrets are taken out before anything is cut off."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - 65536))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    for secret in secrets:
        text = text.replace(secret, "[redacted]")
    for form in ("-----BEGIN [A-Z ]+-----[\\s\\S]*?(?:-----END [A-Z ]+-----|$)", "[A-Za-z0-9+/=_-]{60,}",
                 "(?i)bearer +\\S+", "(?i)(?<=token )\\S+", "\\b[a-z0-9]{6}\\.[a-z0-9]{16}\\b"):
        text = re.sub(form, "[redacted]", text)
    text = re.sub("[\\x00-\\x08\\x0b-\\x1f\\x7f]", "", text)
    return text.encode("utf-8", "replace")[-4096:].decode("utf-8", "ignore")

def secrets_in(paths):
    return [open(path).read().strip() for path in paths if os.path.getsize(path) > 8]

def failure(out, reason, log, *secrets):
    secrets = secrets_in(secrets)
    for secret in secrets:
        reason = reason.replace(secret, "[redacted]")
    replace(out, json.dumps({"reason": reason[:512], "log": tail(log, secrets)}))

def result(out, instruction, ok, log, *secrets):
    replace(out, json.dumps({"instructionId": instruction, "ok": ok == "yes",
                             "output": tail(log, secrets_in(secrets))}))

def evictable():
    for pod in json.load(sys.stdin)["items"]:
        meta = pod["metadata"]
        owned = any(owner["kind"] == "DaemonSet" for owner in meta.get("ownerReferences", []))
        static = "kubernetes.io/config.mirror" in meta.get("annotations", {})
        done = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
        if not (owned or static or done):
            print(matching("[a-z0-9.-]+", meta["namespace"]), matching("[a-z0-9.-]+", meta["name"]))

def interruption(out, kind, field, text):
    """A termination is never taken back by a warning."""
    notice = {"kind": kind}
    try:
        if field:
            notice["at"] = str(json.loads(text)[field])[:64]
    except (ValueError, KeyError, TypeError):
        pass
    try:
        known = json.load(open(out))["kind"]
    except (OSError, ValueError):
        known = ""
    if known not in ("terminate", kind):
        replace(out, json.dumps(notice))
        print("new")

def azure_event(name):
    for event in json.load(sys.stdin).get("Events", []):
        mine = name in event.get("Resources", [name])
        if event["EventType"] in ("Preempt", "Terminate") and mine:
            print(matching("[A-Za-z0-9-]{1,64}", event["EventId"]), event.get("NotBefore", ""))
            break

def azure_public():
    for address in json.load(sys.stdin)["loadbalancer"]["publicIpAddresses"]:
        print(address["frontendIpAddress"])
        break

def etcd_member(address):
    """The id of the member at this address; nothing for one that is not there. The last one is never named."""
    members = json.load(sys.stdin)["members"]
    for member in members:
        if any("//%s:" % address in url for url in member.get("peerURLs", [])) and len(members) > 1:
            print("%x" % member["ID"])

globals()[sys.argv[1]](*sys.argv[2:])
'
py() { python3 -I -c "$program" "$@"; }

# --- Files, log, time ---

log_bytes_max=4000000
say() {
  [ ! -e "$log" ] || [ "$(wc -c <"$log")" -lt "$log_bytes_max" ] || : >"$log"
  line="$(date -u +%Y-%m-%dT%H:%M:%SZ) $*"
  printf '%s\n' "$line" >>"$log"
  printf '%s\n' "$line" >&2
}

# put FILE TEXT: whole and on the disk, or not at all.
put() {
  printf '%s\n' "$2" >"$1.new.$$" && sync "$1.new.$$" && mv "$1.new.$$" "$1" && sync "$(dirname "$1")"
}

# read_of FILE [DEFAULT]
read_of() { if [ -s "$1" ]; then cat "$1"; else printf '%s\n' "${2:-}"; fi; }

phase() { read_of "$state/phase" booting; }
enter() {
  [ "$(phase)" = "$1" ] && return
  put "$state/phase" "$1"
  say "phase: $1"
}

# pause SECONDS: ends early when a watcher has news.
pause() {
  pause_left=$1
  while [ "$pause_left" -gt 0 ]; do
    if [ -e "$run/news" ]; then
      rm -f "$run/news"
      return
    fi
    sleep "$second"
    pause_left=$((pause_left - 1))
  done
}

# nap SECONDS: nothing wakes it.
nap() {
  nap_left=$1
  while [ "$nap_left" -gt 0 ]; do
    sleep "$second"
    nap_left=$((nap_left - 1))
  done
}

# retry TIMES COMMAND…
retry() {
  retry_left=$1
  retry_after=5
  shift
  until "$@"; do
    retry_left=$((retry_left - 1))
    [ "$retry_left" -gt 0 ] || return 1
    say "again in $retry_after s: $*"
    nap "$retry_after"
    retry_after=$((retry_after * 2 < backoff_seconds_max ? retry_after * 2 : backoff_seconds_max))
  done
}

# --- The machine: who it is, where it is ---

settings() {
  # shellcheck source=/dev/null
  . "$etc/agent.env"
  api=${OVERCAST_API%/}/v1/clusters/$OVERCAST_CLUSTER/nodes/$OVERCAST_NODE
  kubernetes=${OVERCAST_KUBERNETES:-1.36}
  overlay=10.4.$((OVERCAST_NODE / 256)).$((OVERCAST_NODE % 256))
  cloud=${OVERCAST_CLOUD:-$(cloud_by_firmware)}
  name=${OVERCAST_NAME:-$(hostname)}
  case $cloud in
    gcp) metadata=${OVERCAST_METADATA:-http://metadata.google.internal} ;;
    *) metadata=${OVERCAST_METADATA:-http://169.254.169.254} ;;
  esac
}

cloud_by_firmware() {
  case $(cat /sys/class/dmi/id/sys_vendor 2>/dev/null) in
    *Amazon*) echo aws ;;
    *Google*) echo gcp ;;
    *Microsoft*) echo azure ;;
    *DigitalOcean*) echo digitalocean ;;
    *) echo unknown ;;
  esac
}

# meta PATH [CURL OPTION…]: the cloud's metadata service; never through a proxy.
meta() {
  meta_path=$1
  shift
  curl --silent --fail --noproxy '*' --connect-timeout 2 --max-time 10 --max-filesize 100000 "$@" "$metadata$meta_path"
}
meta_aws() {
  # The token is no secret beyond this machine.
  aws_token=$(meta /latest/api/token -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60') || return 1
  meta "/latest/meta-data/$1" -H "X-aws-ec2-metadata-token: $aws_token"
}
meta_gcp() { meta "/computeMetadata/v1/instance/$1" -H 'Metadata-Flavor: Google'; }
meta_azure() {
  azure_path=$1
  shift
  meta "/metadata/$azure_path" -H 'Metadata: true' "$@"
}

azure_ip=instance/network/interface/0/ipv4/ipAddress/0
address_of() {
  case $cloud-$1 in
    aws-public) meta_aws public-ipv4 ;;
    aws-private) meta_aws local-ipv4 ;;
    gcp-public) meta_gcp network-interfaces/0/access-configs/0/external-ip ;;
    gcp-private) meta_gcp network-interfaces/0/ip ;;
    azure-public)
      # Standard addresses are not shown with the interface, only as the load balancer that they are.
      azure_address=$(meta_azure "$azure_ip/publicIpAddress?api-version=2021-02-01&format=text")
      if [ -n "$azure_address" ]; then echo "$azure_address"; else
        meta_azure 'loadbalancer?api-version=2020-10-01' | py azure_public
      fi
      ;;
    azure-private) meta_azure "$azure_ip/privateIpAddress?api-version=2021-02-01&format=text" ;;
    digitalocean-*) meta "/metadata/v1/interfaces/$1/0/ipv4/address" ;;
  esac
}

# What the platform does not know of a machine and its provider id needs: a name and its value in each line.
place_of() {
  case $cloud in
    gcp)
      place=$(meta /computeMetadata/v1/project/project-id -H 'Metadata-Flavor: Google') && echo "project $place"
      ;;
    azure)
      for place_field in subscriptionId:subscriptionId resourceGroup:resourceGroupName; do
        place=$(meta_azure "instance/compute/${place_field#*:}?api-version=2021-02-01&format=text") || return 1
        echo "${place_field%:*} $place"
      done
      ;;
  esac
}

# Asked at every start, since a machine may have another public address after a reboot; until it is known with every sync.
learn_addresses() {
  for address_side in public private; do
    [ -s "$run/$address_side" ] && continue
    address=$(address_of "$address_side" 2>/dev/null)
    case $address in
      '' | *[!0-9.]*) ;;
      *) put "$run/$address_side" "$address" ;;
    esac
  done
}

# The secret and the key are on the disk before anybody hears of them, and never made again.
make_identity() {
  make_once session 64 new_secret
  make_once wireguard.key 44 new_key
  make_once wireguard.pub 44 public_key
}
# make_once NAME LENGTH COMMAND: what a failing command leaves is never taken for a key.
make_once() {
  until [ -s "$state/$1" ]; do
    made=$("$3")
    if [ "${#made}" = "$2" ]; then put "$state/$1" "$made"; else
      say "$1 cannot be made"
      nap 5
    fi
  done
}
new_secret() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
# The last 32 bytes of an X25519 key in DER are the key, as WireGuard has it.
new_key() { openssl genpkey -algorithm X25519 -outform DER | tail -c 32 | base64; }
public_key() {
  {
    printf '\060\056\002\001\000\060\005\006\003\053\145\156\004\042\004\040'
    base64 -d "$state/wireguard.key"
  } | openssl pkey -inform DER -pubout -outform DER | tail -c 32 | base64
}

# --- Packages: pinned, held, and never upgraded behind the cluster's back ---

# Beside the loop: addresses, key and interruptions are told meanwhile, and instructions wait until it is done. The lock
# is for the install of an agent that was killed, which goes on.
install_in_background() {
  [ ! -e "$state/installed" ] && [ "$(phase)" = booting ] || return 0
  (
    flock 9
    install_packages || fail 'the packages cannot be installed' "$log"
  ) 9>"$state/install.lock" >/dev/null 2>&1 </dev/null &
}

install_packages() {
  [ ! -e "$state/installed" ] || return 0
  say "installing containerd and Kubernetes $kubernetes"
  install_kernel && retry 6 install_repository && retry 6 install_debs && install_containerd_settings || return 1
  put "$state/installed" "$kubernetes"
}

install_kernel() {
  mkdir -p "$root/etc/modules-load.d" "$root/etc/sysctl.d"
  printf 'overlay\nbr_netfilter\nwireguard\n' >"$root/etc/modules-load.d/overcast.conf"
  printf '%s = 1\n' net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables \
    >"$root/etc/sysctl.d/90-overcast.conf"
  modprobe -a overlay br_netfilter wireguard && sysctl --quiet "--load=$root/etc/sysctl.d/90-overcast.conf" &&
    swapoff -a || return 1
  [ ! -e "$root/etc/fstab" ] || sed -i '/^[^#].*[[:space:]]swap[[:space:]]/s/^/# overcast: /' "$root/etc/fstab"
}

install_repository() {
  minor=$(printf '%s' "$kubernetes" | cut -d. -f1,2)
  repository=${OVERCAST_PACKAGES:-https://pkgs.k8s.io}/core:/stable:/v$minor/deb/
  mkdir -p "$root/etc/apt/keyrings" "$root/etc/apt/sources.list.d"
  curl --silent --show-error --fail --location --tlsv1.2 --connect-timeout 10 --max-time 60 \
    --output "$root/etc/apt/keyrings/kubernetes.asc" "${repository}Release.key" || return 1
  printf 'deb [signed-by=/etc/apt/keyrings/kubernetes.asc] %s /\n' "$repository" \
    >"$root/etc/apt/sources.list.d/kubernetes.list"
  # apt, which is not root when it verifies, must be able to read them.
  chmod 644 "$root/etc/apt/keyrings/kubernetes.asc" "$root/etc/apt/sources.list.d/kubernetes.list"
  chmod 755 "$root/etc/apt/keyrings"
}

install_debs() {
  # needrestart would restart this agent behind apt's back.
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  # `1.36` is any of its patches, `1.36.2` that one and not 1.36.21.
  case $kubernetes in *.*.*) version_form="$kubernetes-*" ;; *) version_form="$kubernetes.*" ;; esac
  apt_options='-q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3'
  (
    umask 022
    # One that was cut off is finished first; one that never began has nothing to finish.
    dpkg --configure -a || true
    # The archive keeps only a package's newest version, so containerd's major version is what can be pinned.
    # shellcheck disable=SC2086 # options
    apt-get $apt_options update &&
      apt-get $apt_options install --no-install-recommends --allow-change-held-packages "containerd=2.*" wireguard-tools \
        iproute2 conntrack socat cri-tools "kubelet=$version_form" "kubeadm=$version_form" "kubectl=$version_form" &&
      apt-mark hold containerd kubelet kubeadm kubectl
  ) >>"$log" 2>&1 </dev/null
}

install_containerd_settings() {
  mkdir -p "$root/etc/containerd"
  containerd config default | sed 's/SystemdCgroup = false/SystemdCgroup = true/' >"$root/etc/containerd/config.toml"
  grep -q 'SystemdCgroup = true' "$root/etc/containerd/config.toml" || return 1
  systemctl enable containerd kubelet >>"$log" 2>&1 && systemctl restart containerd >>"$log" 2>&1
}

install_unit() {
  mkdir -p "$root/etc/systemd/system"
  # KillMode=process: an apt or kubeadm that is running ends as it would have ended.
  cat >"$root/etc/systemd/system/overcast-agent.service" <<UNIT
[Unit]
Description=Overcast node agent
Wants=network-online.target
After=network-online.target
[Service]
ExecStart=$self run
Restart=always
RestartSec=5
KillMode=process
[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload && systemctl enable --now --no-block overcast-agent
}

# --- The platform ---

# call PATH BEARER-FILE BODY-FILE: the answer is in $run/reply; only 200 is success. No secret is on a command line.
call() {
  printf 'Authorization: Bearer %s\nContent-Type: application/json\n' "$(cat "$2")" >"$run/headers"
  status=$(curl --silent --show-error --tlsv1.2 --connect-timeout 10 --max-time "$call_seconds_max" \
    --max-filesize 1000000 --header "@$run/headers" --data-binary "@$3" \
    --output "$run/reply" --write-out '%{http_code}' "$api/$1" 2>"$run/curl") && [ "$status" = 200 ] && return
  # What came of a reply that was cut off may be half a key.
  [ "$status" != 200 ] || rm -f "$run/reply"
  say "$1: ${status:-0} $(cat "$run/curl" "$run/reply" 2>/dev/null | head -c 300 | tr -d '\000-\037' | tr -s ' ')"
  rm -f "$run/reply"
  return 1
}

admit_once() {
  printf '{"sessionSecret":"%s","attempt":%s}\n' "$(cat "$state/session")" "$OVERCAST_ATTEMPT" >"$run/admit"
  call admit "$run/token" "$run/admit"
}

# The same secret again succeeds, so a lost reply costs nothing. It is asked for as long as the machine lives.
be_admitted() {
  [ -e "$state/admitted" ] && return
  admit_after=3
  until admit_once && admitted_after=$(py read_admit "$run/reply"); do
    pause "$admit_after"
    admit_after=$((admit_after * 2 < backoff_seconds_max ? admit_after * 2 : backoff_seconds_max))
  done
  rm -f "$run/reply"
  put "$state/admitted" yes
  say 'admitted'
  pause "$admitted_after"
}

# The platform's files for kubeadm, asked for right before it begins and never used later: certificates for joining live
# for half an hour. They are only for whoever holds the claim or lease, so a refusal may well be followed by a yes.
fetch_kubeadm_files() {
  place_of >"$run/place" && kubeadm_version=$(kubeadm version -o short 2>>"$log") &&
    py files_request "$OVERCAST_ATTEMPT" "$kubeadm_version" <"$run/place" >"$run/files" &&
    call files "$state/session" "$run/files" || return 1
  files_written=$(py write_files "$run/reply" "$root" 2>>"$log")
  files_code=$?
  rm -f "$run/reply"
  [ "$files_code" = 0 ] && [ -s "$etc/kubeadm.yaml" ] || return 1
  say "$files_written files for kubeadm"
}

sync_body() {
  printf '{"phase":"%s","addresses":{"public":"%s","private":"%s"},"wireguardPublicKey":"%s","meshVersion":%s' \
    "$(phase)" "$(read_of "$run/public")" "$(read_of "$run/private")" "$(cat "$state/wireguard.pub")" \
    "$(read_of "$state/mesh-version" 0)"
  for part in "result $state" "failure $state" "interruption $run" "unschedulablePods $run"; do
    part_file=${part#* }/${part%% *}.json
    [ ! -s "$part_file" ] || printf ',"%s":%s' "${part%% *}" "$(cat "$part_file")"
  done
  if [ -s "$state/peers" ] && wg show "$interface" latest-handshakes >"$run/handshakes" 2>>"$log" &&
    shaken=$(py handshakes "$state/peers" "$run/peers-since.json" "$(date +%s)" <"$run/handshakes" 2>>"$log"); then
    printf ',"handshakes":%s' "$shaken"
  fi
  printf '}\n'
}

# --- The mesh ---

# apply_mesh FOLDER: `peers` (key, allowed, endpoint) are encrypted to, `neighbours` (overlay, private) of the same network
# are not. Peers come and go by `wg syncconf`, which leaves everybody else's session alone.
apply_mesh() {
  if ! ip link show "$interface" >/dev/null 2>&1; then
    ip link add "$interface" type wireguard || return 1
  fi
  {
    printf '[Interface]\nPrivateKey = %s\nListenPort = 51820\n' "$(cat "$state/wireguard.key")"
    while read -r peer_key peer_ips peer_endpoint; do
      printf '[Peer]\nPublicKey = %s\nAllowedIPs = %s\nEndpoint = %s\nPersistentKeepalive = 25\n' \
        "$peer_key" "$peer_ips" "$peer_endpoint"
    done <"$1/peers"
  } >"$run/wg.conf"
  wg syncconf "$interface" "$run/wg.conf" &&
    ip address replace "$overlay/32" dev "$interface" &&
    ip link set "$interface" mtu 1380 up || return 1
  cut -d ' ' -f 2 "$1/peers" >"$run/routes"
  apply_routes "$interface" && apply_neighbours "$1"
}

# apply_routes DEVICE: one route for each address in $run/routes and no other; a wider one would swallow the nodes that
# are reached another way.
apply_routes() {
  while read -r route_to; do
    ip route replace "$route_to" dev "$1" src "$overlay" || return 1
  done <"$run/routes"
  ip -4 route show dev "$1" | while read -r route_to _; do
    grep -qxF "${route_to%/32}/32" "$run/routes" || ip route del "$route_to" dev "$1"
  done
}

# 10.4.1.7 has 02:04:0a:04:01:07: nobody needs to be asked for it.
hardware_address() {
  # shellcheck disable=SC2046,SC2183 # four words
  printf '02:04:%02x:%02x:%02x:%02x' $(printf '%s' "$1" | tr . ' ')
}

# Inside one network overlay addresses ride in a plain VXLAN of the kernel, with nothing to learn and nobody to ask.
apply_neighbours() {
  if [ ! -s "$1/neighbours" ]; then
    ip link delete "$network_interface" 2>/dev/null
    return 0
  fi
  ip link show "$network_interface" >/dev/null 2>&1 ||
    ip link add "$network_interface" address "$(hardware_address "$overlay")" type vxlan id 51820 dstport 4789 \
      local "$(read_of "$run/private")" nolearning || return 1
  ip link set "$network_interface" mtu 1380 up || return 1
  while read -r to via; do
    bridge fdb replace "$(hardware_address "$to")" dev "$network_interface" dst "$via" &&
      ip neighbour replace "$to" lladdr "$(hardware_address "$to")" dev "$network_interface" nud permanent || return 1
  done <"$1/neighbours"
  sed 's| .*|/32|' "$1/neighbours" >"$run/routes"
  apply_routes "$network_interface"
}

# New peers are in force before their version is acknowledged. After a reboot the old ones are put back at once.
take_peers() {
  [ -e "$run/next/peers" ] && [ -e "$state/installed" ] || return 0
  apply_mesh "$run/next" >>"$log" 2>&1 || {
    say 'the mesh cannot be applied'
    return 1
  }
  for part in neighbours peers; do
    cp "$run/next/$part" "$state/$part.new" && sync "$state/$part.new" && mv "$state/$part.new" "$state/$part" ||
      return 1
  done
  put "$state/mesh-version" "$(cat "$run/next/mesh")"
}
restore_peers() {
  [ ! -e "$state/peers" ] && return
  learn_addresses
  apply_mesh "$state" >>"$log" 2>&1 || say 'the mesh is not yet back'
}

# The cluster's name leads to every address given; Go programs try them in turn. `10.4.0.1:6443,10.4.0.2:6443`
name_endpoints() {
  hosts=$root/etc/hosts
  {
    [ ! -e "$hosts" ] || sed '/# overcast$/d' "$hosts"
    printf '%s\n' "$1" | tr ',' '\n' | while IFS=: read -r host _; do
      printf '%s %s.overcast.internal # overcast\n' "$host" "$OVERCAST_CLUSTER"
    done
  } >"$hosts.overcast" && chmod 644 "$hosts.overcast" && sync "$hosts.overcast" && mv "$hosts.overcast" "$hosts"
}

# They are told with a new mesh and not again, so they are in place before that is acknowledged. A control plane asks its own.
take_endpoints() {
  [ "$(cat "$run/next/kind")" = run ] && [ "$OVERCAST_ROLE" = worker ] && [ -s "$run/next/endpoint" ] || return 0
  : >"$run/look"
  name_endpoints "$(cat "$run/next/endpoint")"
}

# Behind new control planes may be a cluster that was restored from before this node joined. A kubelet registers its node
# when it starts, and at no other time.
register_again() {
  [ -e "$run/look" ] || return 0
  found=$(kubectl_node get node "$name" --ignore-not-found -o name) || return 0
  [ -n "$found" ] || {
    say 'the cluster does not know this node: the kubelet starts anew'
    systemctl restart kubelet >>"$log" 2>&1 || return 0
  }
  rm -f "$run/look"
}

# --- kubeadm: once in a machine's life ---

# Whoever makes the folder runs it; nobody makes it twice. Called as a process of its own.
run_kubeadm() {
  mkdir "$state/kubeadm" 2>/dev/null || exit 0
  put "$state/kubeadm/pid" "$$ $(cat /proc/sys/kernel/random/boot_id)"
  kubeadm_code=0
  case $1 in
    # kubeadm begins a new cluster where there is none: here it finds the old one's data.
    restore) restore_etcd && kubeadm_once init --ignore-preflight-errors=DirAvailable--var-lib-etcd ;;
    *) kubeadm_once "$1" ;;
  esac >>"$kubeadm_log" 2>&1 </dev/null || kubeadm_code=$?
  # What it took to begin with is of no more use, and lives for a while yet.
  rm -f "$root/etc/kubernetes/bootstrap.conf" "$etc/snapshot.url"
  put "$state/kubeadm/exit" "$kubeadm_code"
}
kubeadm_once() (
  kubeadm_verb=$1
  shift
  umask 022 && exec kubeadm "$kubeadm_verb" --config "$etc/kubeadm.yaml" "$@"
)

# What a cluster's etcd held, in a new etcd of one member: this machine. Under a name of its own for the cluster its ids are
# others than any before it. Revisions jump ahead and what was before is called compacted, so that whoever watches the API
# begins anew. It runs in etcd's own image, which kubeadm wants anyway.
restore_etcd() {
  settings
  endpoint=$(cat "$etc/snapshot.url")
  from=$state/restore
  mkdir -p "$from" && retry 3 kubeadm config images pull --config "$etc/kubeadm.yaml" &&
    image=$(kubeadm config images list --config "$etc/kubeadm.yaml" | grep /etcd:) &&
    retry 3 transfer --output "$from/snapshot.db" &&
    ctr --namespace k8s.io run --rm --mount "type=bind,src=$from,dst=/restore,options=rbind:rw" "$image" \
      overcast-restore /usr/local/bin/etcdutl snapshot restore /restore/snapshot.db --data-dir /restore/data --name "$name" \
      --initial-cluster "$name=https://$overlay:2380" --initial-cluster-token "$name-$OVERCAST_ATTEMPT" \
      --initial-advertise-peer-urls "https://$overlay:2380" --bump-revision 1000000000 --mark-compacted &&
    mv -T "$from/data" "$root/var/lib/etcd" && rm -f "$from/snapshot.db"
}

# none, running, lost (cut off with the machine, or killed), or its exit code
kubeadm_outcome() {
  [ -d "$state/kubeadm" ] || { echo none; return; }
  for _ in 1 2 3; do
    [ -s "$state/kubeadm/exit" ] && { cat "$state/kubeadm/exit"; return; }
    read -r kubeadm_pid kubeadm_boot 2>/dev/null <"$state/kubeadm/pid" &&
      [ "$kubeadm_boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] &&
      grep -q kubeadm "/proc/$kubeadm_pid/cmdline" 2>/dev/null && { echo running; return; }
    # It may be between its first two steps, or have ended since it was looked at.
    sleep 1
  done
  echo lost
}

begin_kubeadm() {
  # Without its overlay address the machine cannot be what kubeadm makes of it.
  [ -e "$state/installed" ] && [ -s "$state/mesh-version" ] && [ ! -d "$state/kubeadm" ] || return 0
  case $(phase) in booting | joining) ;; *) return 0 ;; esac
  # The instruction comes again with the next sync; by then it may be another one.
  fetch_kubeadm_files || return 1
  put "$state/kubeadm.instruction" "$2"
  put "$state/kubeadm.verb" "$1"
  name_endpoints "$3" || return 1
  enter joining
  say "kubeadm $1 begins"
  setsid "$0" kubeadm "$1" >/dev/null 2>&1 </dev/null &
}

node_ready() { kubectl_node get node "$name" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'; }
kubectl_node() { kubectl --kubeconfig "$root/etc/kubernetes/kubelet.conf" --request-timeout=5s "$@" 2>>"$log"; }

# Where kubeadm and the node stand now. Joined is: kubeadm is done, the API answers and has this node.
advance() {
  case $(phase) in
    joining) advance_joining ;;
    ready) register_again ;;
    joined)
      [ "$(node_ready)" != True ] || enter ready
      ;;
  esac
}

advance_joining() {
  verb=$(read_of "$state/kubeadm.verb" init)
  outcome=$(kubeadm_outcome)
  case $outcome in
    none | running) ;;
    lost) fail "kubeadm $verb was cut off" "$kubeadm_log" ;;
    0)
      if kubectl_node get --raw /readyz >/dev/null && kubectl_node get node "$name" >/dev/null; then
        [ "$OVERCAST_ROLE" = worker ] || name_endpoints "$overlay"
        report "$(cat "$state/kubeadm.instruction")" yes "$kubeadm_log"
        enter joined
        return
      fi
      join_checks=$((join_checks + 1))
      [ "$join_checks" -lt "$join_checks_max" ] || fail "kubeadm $verb is done, but the node is not seen" "$log"
      ;;
    *) fail "kubeadm $verb failed with exit code $outcome" "$kubeadm_log" ;;
  esac
}
join_checks=0

# Every third time, and up to 500: how many pods no node has room for. A number that grows is a hint, and nothing rests on it.
count_unschedulable() {
  [ "$OVERCAST_ROLE $(phase)" = 'control-plane ready' ] || return 0
  looks=$(((looks + 1) % 3))
  # Of two kubeconfigs the last one counts; a kubelet may not list other nodes' pods.
  [ "$looks" != 1 ] || kubectl_node --kubeconfig "$root/etc/kubernetes/admin.conf" get --raw \
    '/api/v1/pods?fieldSelector=status.phase%3DPending&limit=500' >"$run/pods" &&
    put "$run/unschedulablePods.json" "$(grep -o '"Unschedulable"' "$run/pods" | wc -l)"
}
looks=0

# fail REASON LOG: the platform replaces the machine; nothing is tried twice on one that failed.
fail() {
  say "failed: $1"
  py failure "$state/failure.json" "$1" "$2" "$run/token" "$state/session" "$state/wireguard.key"
  enter failed
}

# report INSTRUCTION yes|no LOG: sent with the next sync that arrives.
report() { py result "$state/result.json" "$1" "$2" "$3" "$run/token" "$state/session" "$state/wireguard.key"; }

# --- Instructions ---

follow() {
  kind=$(cat "$run/next/kind")
  id=$(cat "$run/next/id")
  endpoint=$(cat "$run/next/endpoint")
  case $kind in
    wait | run) ;;
    init) begin_kubeadm init "$id" "$overlay" ;;
    join) begin_kubeadm join "$id" "$endpoint" ;;
    restore) begin_kubeadm restore "$id" "$overlay" ;;
    leave) [ "$(phase)" = left ] || leave ;;
    forget-member | upgrade) once "$kind" ;;
    snapshot) begin_snapshot ;;
    *) say "an instruction that this agent does not know: $kind" ;;
  esac
}

# What is not known to be harmless twice is marked before it begins; what was cut off is reported as not done.
once() {
  begins || return 0
  if "$(printf '%s' "$1" | tr - _)" >"$run/output" 2>&1 </dev/null; then ended yes; else ended no; fi
}
begins() {
  [ ! -e "$state/done/$id" ] || return 1
  mkdir -p "$state/done"
  if [ -e "$state/done/$id.begun" ]; then
    echo 'cut off' >"$run/output"
    ended no
    return 1
  fi
  put "$state/done/$id.begun" yes
  say "$id begins"
}
ended() {
  say "$id ended: $1"
  report "$id" "$1" "${2:-$run/output}"
  put "$state/done/$id" yes
}

# Its own certificate allows a kubelet to cordon its node and to evict the pods on it, and nothing else is needed.
leave() {
  enter leaving
  leave_until=$(($(date +%s) + leave_seconds_max))
  kubectl_node cordon "$name" >>"$log"
  while [ "$(date +%s)" -lt "$leave_until" ]; do
    kubectl_node get pods --all-namespaces --field-selector "spec.nodeName=$name" -o json >"$run/pods" &&
      py evictable <"$run/pods" >"$run/evict" 2>>"$log" && [ ! -s "$run/evict" ] && break
    evict_all
    sleep "$second"
  done
  acknowledge_interruption
  enter left
}

evict_all() (
  while read -r namespace pod; do
    printf '{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"namespace":"%s","name":"%s"}}' \
      "$namespace" "$pod" |
      kubectl_node create --raw "/api/v1/namespaces/$namespace/pods/$pod/eviction" -f - >/dev/null &
  done <"$run/evict"
  wait
)

etcd_container() { crictl ps --quiet --name '^etcd$' --state running | head -n 1; }
in_etcd() {
  etcd=$(etcd_container) && [ -n "$etcd" ] || return 1
  crictl exec "$etcd" "$@"
}
etcdctl() {
  in_etcd etcdctl --cacert /etc/kubernetes/pki/etcd/ca.crt --cert /etc/kubernetes/pki/etcd/server.crt \
    --key /etc/kubernetes/pki/etcd/server.key --endpoints https://127.0.0.1:2379 "$@"
}

# endpoint: the lost control plane's overlay address. One that is not a member is already forgotten.
forget_member() {
  etcdctl member list --hex=false --write-out json >"$run/members" || return 1
  member=$(py etcd_member "${endpoint%%:*}" <"$run/members") || return 1
  [ -z "$member" ] || etcdctl member remove "$member"
}

# reason: the version, `1.37`, or a patch of it. The first control plane moves the cluster, every other one follows. Done is:
# its API server answers, and its node is Ready again.
upgrade() {
  version=$(cat "$run/next/reason")
  case $version in '' | *[!0-9.]*) echo "not a version: $version"; return 1 ;; esac
  kubernetes=$version
  install_repository && install_debs || return 1
  known=$(kubectl --kubeconfig "$root/etc/kubernetes/admin.conf" -n kube-system get configmap kubeadm-config -o yaml) || return 1
  if printf '%s\n' "$known" | grep -qE "kubernetesVersion: v$version(\.[0-9]+)?\$"; then
    kubeadm upgrade node || return 1
  else
    kubeadm upgrade apply --yes "$(kubeadm version -o short)" || return 1
  fi
  systemctl daemon-reload && systemctl restart kubelet || return 1
  upgrade_checks=0
  until kubectl_node get --raw /readyz >/dev/null && [ "$(node_ready)" = True ]; do
    upgrade_checks=$((upgrade_checks + 1))
    [ "$upgrade_checks" -lt 300 ] || { echo 'it is upgraded, but not Ready'; return 1; }
    sleep "$second"
  done
}

# transfer CURL OPTION…: who has the URL has the snapshot, so it is on no command line.
transfer() {
  printf 'url = "%s"\n' "$endpoint" >"$run/url"
  curl --silent --show-error --fail --max-time 600 --tlsv1.2 --config "$run/url" "$@"
  transfer_code=$?
  rm -f "$run/url"
  return "$transfer_code"
}

# endpoint: where the snapshot is put (a presigned URL). etcd's data folder is the one place that container and machine share.
snapshot() {
  saved=/var/lib/etcd/overcast-snapshot.db
  etcdctl snapshot save "$saved" || return 1
  transfer --upload-file "$root$saved"
  snapshot_code=$?
  rm -f "$root$saved"
  return "$snapshot_code"
}

# Syncs go on beside an upload, which may take minutes: who is silent for so long is taken for dead. One at a time.
uploading=
begin_snapshot() {
  [ -z "$uploading" ] || return 0
  begins || return 0
  uploading=$id
  (if snapshot; then put "$run/uploaded" yes; else put "$run/uploaded" no; fi) >"$run/upload" 2>&1 </dev/null &
  uploader=$!
}
# Its result waits until the one before it was heard.
end_snapshot() {
  [ -n "$uploading" ] && [ ! -s "$state/result.json" ] || return 0
  [ -s "$run/uploaded" ] || ! kill -0 "$uploader" 2>/dev/null || return 0
  id=$uploading
  uploading=
  ended "$(read_of "$run/uploaded" no)" "$run/upload"
  rm -f "$run/uploaded"
}

# --- Interruption notices: seen within two seconds, reported at once ---

# notice KIND [FIELD JSON]
notice() {
  [ "$(py interruption "$run/interruption.json" "$1" "${2:-}" "${3:-}")" = new ] || return 0
  say "the cloud says: $1"
  : >"$run/news"
}

watch_aws() {
  if found=$(meta_aws spot/instance-action); then notice terminate time "$found"; fi
  if found=$(meta_aws events/recommendations/rebalance); then notice rebalance noticeTime "$found"; fi
  sleep "$second"
}
watch_gcp() {
  # It answers at once when the value changes, and every four seconds anyway: no change between two questions is missed.
  found=$(meta_gcp 'preempted?wait_for_change=true&timeout_sec=4') || sleep "$second"
  [ "$found" != TRUE ] || notice terminate
}
azure_events='scheduledevents?api-version=2020-07-01'
watch_azure() {
  [ -n "${azure_name:-}" ] || azure_name=$(meta_azure 'instance/compute/name?api-version=2021-02-01&format=text')
  # The first question of a machine's life switches the service on and may take two minutes.
  found=$(meta_azure "$azure_events" --max-time 150 | py azure_event "${azure_name:-$name}" 2>/dev/null)
  if [ -n "$found" ]; then
    [ -s "$run/azure-event" ] || put "$run/azure-event" "${found%% *}"
    notice terminate NotBefore "{\"NotBefore\":\"${found#* }\"}"
  fi
  sleep "$second"
}
acknowledge_interruption() {
  [ -s "$run/azure-event" ] || return 0
  meta_azure "$azure_events" --data "{\"StartRequests\":[{\"EventId\":\"$(cat "$run/azure-event")\"}]}" >/dev/null
  say 'the interruption was acknowledged'
}

# A watcher ends with its agent: the next one brings its own.
watch_interruptions() {
  case $cloud in aws | gcp | azure) ;; *) return ;; esac
  agent=$$
  while kill -0 "$agent" 2>/dev/null; do "watch_$cloud"; done >/dev/null 2>&1 </dev/null &
}

# --- The loop ---

sync_once() {
  end_snapshot
  learn_addresses
  advance
  count_unschedulable
  sync_body >"$run/sync"
  call sync "$state/session" "$run/sync" || return 1
  rm -f "$state/result.json"
  mkdir -p "$run/next"
  py read_sync "$run/reply" "$run/next" 2>>"$log" || return 1
  rm -f "$run/reply"
  take_endpoints && take_peers
  follow
}

run_agent() {
  settings
  mkdir -p "$state" "$run"
  rm -f "$run/public" "$run/private" "$run/uploaded"
  put "$run/token" "$OVERCAST_TOKEN"
  make_identity
  watch_interruptions
  restore_peers
  be_admitted
  install_in_background
  sync_after=5
  while :; do
    phase_before=$(phase)
    if sync_once; then
      sync_after=5
      # What has just changed is said at once.
      [ "$(phase)" = "$phase_before" ] && [ ! -s "$state/result.json" ] && pause "$(cat "$run/next/after")"
    else
      pause "$sync_after"
      sync_after=$((sync_after * 2 < backoff_seconds_max ? sync_after * 2 : backoff_seconds_max))
    fi
  done
}

mkdir -p "$(dirname "$log")" "$state" "$run"
case ${1:-run} in
  install) install_unit ;;
  run) run_agent ;;
  kubeadm) run_kubeadm "$2" ;;
  *)
    echo "usage: overcast-agent install | run" >&2
    exit 2
    ;;
esac
