# Dovecot as the mailbox that is pulled: moved or flagged once taken, news by IDLE, and back after a loss.
mkdir -p "$WORK/dovecot/mail"
chown -R mail:mail "$WORK/dovecot/mail"
printf 'alice:{PLAIN}pw::::::\nbob:{PLAIN}pw::::::\n' >"$WORK/dovecot/passwd"
cat >"$WORK/dovecot/dovecot.conf" <<C
base_dir = $WORK/dovecot/run
state_dir = $WORK/dovecot/state
log_path = $WORK/dovecot.log
ssl = no
disable_plaintext_auth = no
listen = 127.0.0.1
protocols = imap lmtp
first_valid_uid = 8
mail_uid = mail
mail_gid = mail
mail_location = maildir:$WORK/dovecot/mail/%n/Maildir
passdb {
  driver = passwd-file
  args = username_format=%n $WORK/dovecot/passwd
}
userdb {
  driver = static
  args = uid=mail gid=mail home=$WORK/dovecot/mail/%n
}
namespace inbox {
  inbox = yes
  mailbox Checked {
    auto = create
  }
}
service imap-login {
  inet_listener imap {
    port = 1430
  }
  inet_listener imaps {
    port = 0
  }
  chroot =
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = 2424
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
C
start_dovecot() {
  dovecot -F -c "$WORK/dovecot/dovecot.conf" >"$WORK/dovecot-out.log" 2>&1 &
  dovecot_pid=$!
  until_true "Dovecot does not listen" listens 127.0.0.1 2424
  until_true "Dovecot has no IMAP" listens 127.0.0.1 1430
}
deliver() { send 127.0.0.1:2424 "$1" "$2" "$3" --protocol LMTP; }
cat >"$WORK/inbox.toml" <<C
[inbox]
addresses = ["check@inbox.example"]
[sender]
trusted_addresses = ["ana@person.example", "bob@person.example"]
[[imap]]
host = "127.0.0.1"
port = 1430
tls = "none"
user = "alice"
password = "pw"
done_folder = "Checked"
poll_seconds = 3600
[[imap]]
host = "127.0.0.1"
port = 1430
tls = "none"
user = "bob"
password = "pw"
poll_seconds = 3600
C
start_dovecot
deliver ana@person.example alice before-start
start_bypost inbox --smtp off --http 127.0.0.1:8025
until_true "what was there is not answered" has inbox answered ana@person.example
files() { find "$WORK/dovecot/mail/alice/Maildir/$1"{new,cur} -type f | wc -l; }
moved() { [ "$(files .Checked/)" = "$1" ] && [ "$(files '')" = 0 ]; }
until_true "the message was not moved" moved 1
# News come by IDLE: the next look would be in an hour.
deliver ana@person.example alice by-idle
until_true "news were not noticed" has inbox answered ana@person.example 2
until_true "the second message was not moved" moved 2
# Without a folder for what is done, a message is flagged, and taken once.
deliver bob@person.example bob flagged
until_true "the flagged message is not answered" has inbox answered bob@person.example
until_true "no flag" sh -c "ls $WORK/dovecot/mail/bob/Maildir/cur | grep -q ':2,RS'"
# The server goes away and comes back.
kill "$dovecot_pid"
wait "$dovecot_pid" || true
until_true "the loss was not noticed" grep -q 'the mailbox was lost' "$WORK/inbox.log"
start_dovecot
deliver ana@person.example alice after-loss
until_true "not pulled after the loss" has inbox answered ana@person.example 3
until_true "the third message was not moved" moved 3
stop_bypost
[ "$(journal inbox | wc -l)" = 4 ] || fail "a message was taken twice: $(journal inbox)"
[ "$(find "$WORK/inbox/outbox/new" -type f | wc -l)" = 4 ] || fail "not four answers"
