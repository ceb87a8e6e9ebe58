# Postfix hands mail to bypost by LMTP and by SMTP, and carries the answers back to the person.
start_box 2600
cat >"$WORK/inbox.toml" <<C
[inbox]
addresses = ["check@inbox.example", "smtp@inbox.example"]
[outbox]
kind = "smtp"
host = "127.0.0.1"
port = 2525
tls = "none"
retry_seconds = 1
C
start_bypost inbox --smtp 127.0.0.1:2602 --lmtp 127.0.0.1:2601 --http off
start_postfix mx 2525 'transport_maps=inline:{ {check@inbox.example=lmtp:inet:127.0.0.1:2601}, {smtp@inbox.example=smtp:[127.0.0.1]:2602}, {person.example=smtp:[127.0.0.1]:2600} }'
send 127.0.0.1:2525 ana@person.example check@inbox.example by-lmtp
send 127.0.0.1:2525 bob@person.example smtp@inbox.example by-smtp
answered_by() { journal inbox | grep -E " $1 +answered " | grep -qF "$2"; }
until_true "not answered by LMTP" answered_by lmtp ana@person.example
until_true "not answered by SMTP" answered_by smtp bob@person.example
for id in by-lmtp by-smtp; do
  until_true "the answer to $id did not come back" grep -q "^In-Reply-To: <$id@person.example>" "$WORK/box"
done
until_true "no null sender" grep -q '^X-Mail-Args: <>' "$WORK/box"
grep -q '^Auto-Submitted: auto-replied' "$WORK/box" || fail "not marked as automatic"
grep -q 'strong signs of a scam' "$WORK/box" || fail "no verdict in the answer"
# bypost is away: Postfix keeps the mail and brings it later.
stop_bypost
send 127.0.0.1:2525 eve@person.example check@inbox.example while-away
until_true "not deferred" grep -q 'status=deferred' "$WORK/mx.log"
start_bypost inbox --smtp 127.0.0.1:2602 --lmtp 127.0.0.1:2601 --http off
postqueue -c "$WORK/mx/etc" -f
until_true "the deferred mail was not answered" grep -q '^In-Reply-To: <while-away@person.example>' "$WORK/box"
# Postfix is away: the answer waits.
postfix -c "$WORK/mx/etc" stop >/dev/null 2>&1
send 127.0.0.1:2602 joe@person.example check@inbox.example relay-away
until_true "the answer does not wait" has inbox answering joe@person.example
rm -rf "$WORK/mx"
start_postfix mx 2525 'transport_maps=inline:{ {person.example=smtp:[127.0.0.1]:2600} }'
until_true "the answer did not go out later" grep -q '^In-Reply-To: <relay-away@person.example>' "$WORK/box"
[ "$(grep -c '^Message-ID: .*answer@' "$WORK/box")" = 4 ] || fail "not one answer each"
