# Who is known to have sent a forward: SPF and DKIM over a real name server, with records that pass, fail and are broken.
mkdir -p "$WORK/key"
opendkim-genkey -b 2048 -s s1 -d signed.example -D "$WORK/key"
cat >"$WORK/zone" <<Z
good.example.        TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.good.example. TXT "v=DMARC1; p=reject"
soft.example.        TXT "v=spf1 ip4:192.0.2.10 ~all"
strict.example.      TXT "v=spf1 -all"
_dmarc.strict.example. TXT "v=DMARC1; p=reject"
loop.example.        TXT "v=spf1 include:loop.example -all"
bad.example.         TXT "v=spf1 ip4:999.1.1.1 -all"
mail.example.        A   192.0.2.10
byname.example.      TXT "v=spf1 a:mail.example -all"
signed.example.      TXT "v=spf1 -all"
_dmarc.signed.example. TXT "v=DMARC1; p=reject; adkim=s"
Z
sed 's/^s1\._domainkey/s1._domainkey.signed.example./' "$WORK/key/s1.txt" >>"$WORK/zone"
start_dns "$WORK/zone"
cat >"$WORK/inbox.toml" <<C
[inbox]
addresses = ["check@inbox.example"]
[sender]
trusted_networks = []
[limits]
greeting_milliseconds = 0
C
start_bypost inbox --smtp 127.0.0.1:2602 --http off
from() { send 127.0.0.1:2602 "$2" check@inbox.example "$3" --local-interface "192.0.2.$1"; }
from 10 ana@good.example spf-pass
from 66 bob@good.example spf-fail
from 66 ana@soft.example spf-softfail
from 10 ana@soft.example soft-pass
from 10 ana@strict.example spf-none-allowed
from 10 ana@byname.example spf-by-name
from 10 ana@loop.example spf-loop
from 10 ana@bad.example spf-broken
from 10 ana@nothing.example no-records
# The person's own mail server signs; its address is not in the domain's SPF record.
cat >"$WORK/opendkim.conf" <<C
Syslog no
Socket inet:8891@127.0.0.1
UserID root
Mode s
Domain signed.example
Selector s1
KeyFile $WORK/key/s1.private
InternalHosts 127.0.0.1
Canonicalization relaxed/relaxed
RequireSafeKeys no
C
opendkim -f -x "$WORK/opendkim.conf" >"$WORK/opendkim.log" 2>&1 &
until_true "opendkim does not listen" listens 127.0.0.1 8891
start_postfix out 2525 smtpd_milters=inet:127.0.0.1:8891 smtp_bind_address=192.0.2.66 'transport_maps=inline:{ {inbox.example=smtp:[127.0.0.1]:2602} }'
send 127.0.0.1:2525 ana@signed.example check@inbox.example dkim-pass
send 127.0.0.1:2525 ana@else.example check@inbox.example dkim-of-nobody
wait_all() { [ "$(journal inbox | grep -cE ' (answered|held) ')" = 11 ]; }
until_true "not all are settled" wait_all
for sender in ana@good.example ana@byname.example ana@signed.example; do
  has inbox answered "$sender" || fail "$sender was not answered: $(journal inbox)"
  checks=$((checks + 1))
done
has inbox answered ana@soft.example 1 || fail "soft.example from its own address: $(journal inbox)"
has inbox 'held +unproven' ana@soft.example 1 || fail "soft.example from elsewhere"
for sender in bob@good.example ana@strict.example ana@loop.example ana@bad.example ana@nothing.example ana@else.example; do
  has inbox 'held +unproven' "$sender" || fail "$sender was not held: $(journal inbox)"
  checks=$((checks + 1))
done
[ "$(find "$WORK/inbox/outbox/new" -type f | wc -l)" = 4 ] || fail "not four answers"
