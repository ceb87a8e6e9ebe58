# What the scenarios share. WORK is a directory of their own, BYPOST the program, HERE this directory.
checks=0

fail() {
  echo "FAILED: $*" >&2
  for log in "$WORK"/*.log; do
    echo "--- $log" >&2
    tail -n 40 "$log" >&2
  done
  exit 1
}

# until_true WHAT COMMAND...: tries the command until it succeeds, for at most 30 seconds.
until_true() {
  local what=$1 tries=600
  shift
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "$what"
    sleep 0.05
  done
  checks=$((checks + 1))
}

listens() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# start_bypost NAME ARGUMENTS...: serves from WORK/NAME with the configuration WORK/NAME.toml.
start_bypost() {
  local name=$1
  shift
  "$BYPOST" serve --config "$WORK/$name.toml" --data-dir "$WORK/$name" "$@" >"$WORK/$name.out" 2>"$WORK/$name.log" &
  bypost_pid=$!
  until_true "$name does not listen" grep -q listening "$WORK/$name.out"
}

stop_bypost() {
  kill -TERM "$bypost_pid"
  wait "$bypost_pid"
}

# journal NAME: what became of the messages.
journal() { "$BYPOST" journal --config "$WORK/$1.toml" --data-dir "$WORK/$1" --last 1000; }

# has NAME STATE SENDER [COUNT]: so many messages of the sender are in the state.
has() { [ "$(journal "$1" | grep -F " $3" | grep -cE " $2 ")" = "${4:-1}" ]; }

# forward FROM ID: a mail that forwards a scam.
forward() {
  printf '%s\n' "From: $1" 'To: check@inbox.example' "Message-ID: <$2@person.example>" 'Subject: Fwd: Final notice' \
    'Date: Mon, 21 Sep 2026 10:00:00 +0000' '' 'Is this real?' '' '---------- Forwarded message ---------' \
    'From: IRS <refund@irs-gov.example>' 'Date: Mon, Sep 21, 2026 at 9:00 AM' 'Subject: Final notice' "To: <$1>" '' \
    'IRS: you owe $2,430. You will be arrested today unless you pay with gift cards.'
}

# send SERVER FROM TO ID [SWAKS ARGUMENTS...]: the person's mail program.
send() {
  local server=$1 from=$2 to=$3 id=$4
  shift 4
  forward "$from" "$id" >"$WORK/$id.eml"
  swaks --server "$server" --from "$from" --to "$to" --helo mail.good.example --data @"$WORK/$id.eml" "$@" \
    >>"$WORK/swaks.log" 2>&1 || fail "swaks could not send $id"
  checks=$((checks + 1))
}

# start_dns ZONEFILE: a name server for the root zone, so that every other name does not exist.
start_dns() {
  mkdir -p "$WORK/dns"
  { printf '$ORIGIN .\n$TTL 60\n. SOA ns.example. root.example. 1 60 60 60 60\n. NS ns.example.\nns.example. A 192.0.2.53\n'
    cat "$1"; } >"$WORK/dns/root.zone"
  cat >"$WORK/dns/nsd.conf" <<C
server:
  ip-address: 192.0.2.53
  do-ip6: no
  server-count: 1
  username: ""
  chroot: ""
  database: ""
  zonesdir: "$WORK/dns"
  pidfile: "$WORK/dns/pid"
  xfrdfile: "$WORK/dns/xfrd"
  xfrdir: "$WORK/dns"
  zonelistfile: "$WORK/dns/list"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: "."
  zonefile: "root.zone"
C
  nsd-checkzone . "$WORK/dns/root.zone" >/dev/null || fail "the zone is wrong"
  nsd -d -c "$WORK/dns/nsd.conf" >"$WORK/nsd.log" 2>&1 &
  until_true "nsd does not answer" sh -c 'kdig +short +timeout=1 +retry=0 @192.0.2.53 ns.example A | grep -q .'
}

# start_postfix NAME PORT SETTINGS...: an instance of its own.
start_postfix() {
  local name=$1 port=$2 dir=$WORK/$1
  shift 2
  mkdir -p "$dir/etc" "$dir/spool" "$dir/data"
  chown postfix "$dir/data"
  cat >"$dir/etc/main.cf" <<C
compatibility_level = 3.6
queue_directory = $dir/spool
data_directory = $dir/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = $WORK/$name.log
maillog_file_prefixes = /tmp
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.person.example
mydestination =
mynetworks = 127.0.0.0/8
default_database_type = lmdb
alias_maps =
alias_database =
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
biff = no
smtpd_relay_restrictions = permit_mynetworks, reject
default_transport = error:nowhere
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
C
  cat >"$dir/etc/master.cf" <<C
127.0.0.1:$port inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
C
  [ $# = 0 ] || postconf -c "$dir/etc" -e "$@"
  postfix -c "$dir/etc" start >"$WORK/$name-start.log" 2>&1 || fail "Postfix does not start"
  until_true "Postfix does not listen" listens 127.0.0.1 "$port"
}

# start_box PORT: takes mail for people and keeps it in WORK/box.
start_box() {
  : >"$WORK/box"
  chmod 666 "$WORK/box"
  chmod 777 "$WORK"
  smtp-sink -u nobody -D "$WORK/box" "127.0.0.1:$1" 100 >"$WORK/sink.log" 2>&1 &
  until_true "smtp-sink does not listen" listens 127.0.0.1 "$1"
}
