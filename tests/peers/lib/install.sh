#!/bin/bash
# Installs the programs that the tests talk to, from the distribution's archive (Debian 12). Needs root. Starts nothing.
set -eu
export DEBIAN_FRONTEND=noninteractive
missing=
for package in postfix swaks spamc spamassassin spamd dovecot-core dovecot-lmtpd dovecot-imapd dovecot-sieve procmail \
  maildrop rspamd nsd procps curl python3 libevent-2.1-7 libgnutls-dane0 libldap-2.5-0 libmariadb3 libnsl2 libpq5 libspf2-2 libidn12 iproute2; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  [ -e /usr/sbin/policy-rc.d ] || { printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; }
  echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
  apt-get -qq update
  # shellcheck disable=SC2086
  apt-get -y -qq -o DPkg::Lock::Timeout=900 --no-install-recommends install $missing >/dev/null
fi
# Exim and Postfix exclude each other as packages: Exim's program is unpacked beside the system.
exim=/opt/peers/exim4
if [ ! -x $exim/usr/sbin/exim4 ]; then
  mkdir -p $exim/debs
  (cd $exim/debs && apt-get -qq download exim4-daemon-heavy exim4-base && for deb in *.deb; do dpkg -x "$deb" $exim; done)
fi
getent passwd Debian-exim >/dev/null || { groupadd -r Debian-exim; useradd -r -g Debian-exim -d /var/spool/exim4 -s /usr/sbin/nologin Debian-exim; }
! ldd $exim/usr/sbin/exim4 | grep 'not found'
