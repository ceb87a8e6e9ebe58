# The disk is full: nothing is acknowledged that is not on it, and the work goes on when there is room.
mkdir "$WORK/inbox"
mount -t tmpfs -o size=8m tmpfs "$WORK/inbox"
printf '[inbox]\naddresses = ["check@inbox.example"]\n[outbox]\npath = "%s"\n' "$WORK/answers" >"$WORK/inbox.toml"
start_bypost inbox --smtp 127.0.0.1:2602 --http off
send 127.0.0.1:2602 ana@person.example check@inbox.example before
until_true "not answered" has inbox answered ana@person.example
dd if=/dev/zero of="$WORK/inbox/filler" bs=64k >/dev/null 2>&1 || true
large=$WORK/large.eml
{ forward bob@person.example large; head -c 300000 /dev/zero | tr '\0' 'x' | fold -w 70; } >"$large"
said=$(swaks --server 127.0.0.1:2602 --from bob@person.example --to check@inbox.example --data @"$large" 2>&1 || true)
echo "$said" | grep -q '452 4.3.1' || fail "not refused: $said"
checks=$((checks + 1))
rm "$WORK/inbox/filler"
send 127.0.0.1:2602 eve@person.example check@inbox.example after
until_true "no answer when there is room again" has inbox answered eve@person.example
stop_bypost
answers=$(find "$WORK/answers/new" -type f | wc -l)
[ "$answers" = 2 ] || fail "$answers answers"
[ "$(journal inbox | wc -l)" = 2 ] || fail "what was refused is in the journal: $(journal inbox)"
