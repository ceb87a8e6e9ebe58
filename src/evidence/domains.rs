//! Hosts: what a link points to, who could have registered it, and what it tries to look like.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// The registrable domain of a host (`www.irs.gov` → `irs.gov`) by the public-suffix list; none for IP addresses, bare
/// suffixes and names without a dot.
pub fn registrable(host: &str) -> Option<&str> {
    if host.parse::<Ipv4Addr>().is_ok() || host.parse::<Ipv6Addr>().is_ok() || !host.contains('.') {
        return None;
    }
    psl::domain_str(host)
}

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Lower-case host in ASCII form (`xn--…`); the address itself for IP addresses.
    pub(super) host: String,
    /// The host is an IP address.
    pub(super) is_ip: bool,
    /// A user name stands before the host.
    pub(super) has_user: bool,
    /// A port other than the usual one.
    pub(super) odd_port: bool,
}

/// Reads a web link; other schemes and unreadable ones give none.
pub(super) fn web_target(target: &str) -> Option<Target> {
    let trimmed = target.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    let url = if has_scheme(trimmed) {
        Url::parse(trimmed)
    } else if names_a_host(trimmed) {
        Url::parse(&format!("http://{trimmed}"))
    } else {
        return None;
    }
    .ok()?;
    if !matches!(url.scheme(), "http" | "https" | "ftp") {
        return None;
    }
    let (host, is_ip) = match url.host()? {
        Host::Domain(domain) => (domain.trim_end_matches('.').to_ascii_lowercase(), false),
        Host::Ipv4(ip) => (ip.to_string(), true),
        Host::Ipv6(ip) => (ip.to_string(), true),
    };
    if !is_ip && !host.contains('.') {
        return None;
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    Some(Target { host, is_ip, has_user, odd_port: url.port().is_some() })
}

/// Whether what has no scheme begins with a host: `usps-help.top/pay` does; `686387`, `login.php` and `ann@example.org`,
/// which templates leave behind, do not.
fn names_a_host(target: &str) -> bool {
    let host = target.trim_start_matches('/').split(['/', '?', '#', ':']).next().unwrap_or_default();
    let reserved = [".example", ".test", ".invalid"].iter().any(|end| host.ends_with(end));
    let dotted = host.parse::<std::net::Ipv4Addr>().is_ok();
    let host = host.to_lowercase();
    let known = psl::suffix(host.as_bytes()).is_some_and(|s| s.is_known() && s.as_bytes().len() < host.len());
    !host.contains('@') && (reserved || dotted || known)
}

fn has_scheme(target: &str) -> bool {
    let Some(colon) = target.find(':') else { return false };
    let scheme = &target[..colon];
    !scheme.is_empty()
        && !scheme.contains('.')
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'-')
        && !target[colon + 1..].starts_with(|c: char| c.is_ascii_digit())
}

/// The host that the shown words of a link name, if they are an address (`www.irs.gov/refund`, `https://…`).
pub(super) fn shown_host(shown: &str) -> Option<String> {
    let shown = shown.trim().trim_end_matches(['.', ',', '/', '>', ')']).trim_start_matches(['<', '(']);
    if shown.len() > 300 || shown.contains(char::is_whitespace) || shown.contains('@') {
        return None;
    }
    let host = web_target(shown)?.host;
    let known = registrable(&host)?;
    let tld_known = psl::suffix(known.as_bytes()).is_some_and(|s| s.is_known());
    (tld_known && known.contains('.')).then_some(host)
}

/// The domain of a mail address, lower case.
pub(super) fn mail_domain(address: &str) -> Option<String> {
    let (_, domain) = address.rsplit_once('@')?;
    let domain = domain.trim().trim_end_matches(['>', '.']).to_ascii_lowercase();
    (domain.contains('.') && !domain.contains(char::is_whitespace)).then_some(domain)
}

/// Whether only a government can hold the name: `.gov`, `.mil`, `.gov.uk`, `.gob.mx`, `.gc.ca` …
pub(super) fn is_government(host: &str) -> bool {
    let mut labels = host.rsplit('.');
    let top = labels.next().unwrap_or_default();
    let second = labels.next().unwrap_or_default();
    match top {
        "gov" | "mil" => true,
        "us" => labels.next().is_some() && matches!(second.len(), 2) && host.split('.').any(|l| l == "state"),
        "ca" => second == "gc",
        "fr" => second == "gouv",
        _ => top.len() == 2 && matches!(second, "gov" | "gob" | "gouv" | "go" | "govt" | "mil"),
    }
}

/// Labels and hyphen-separated pieces of a host, without the public suffix.
pub(super) fn name_pieces(host: &str) -> impl Iterator<Item = &str> {
    let suffix = psl::suffix_str(host).map_or(0, str::len);
    let name = host[..host.len() - suffix].trim_end_matches('.');
    name.split(['.', '-', '_'])
}

/// The part of a registrable domain before its suffix (`irs-refund` of `irs-refund.top`).
pub(super) fn main_label(domain: &str) -> &str {
    domain.split('.').next().unwrap_or(domain)
}

/// Whether `a` becomes `b` by one insertion, deletion, substitution or swap of neighbours.
pub(super) fn one_edit_apart(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if long.len() - short.len() > 1 || a == b {
        return false;
    }
    let head = short.iter().zip(long).take_while(|(x, y)| x == y).count();
    let tail = short.iter().rev().zip(long.iter().rev()).take_while(|(x, y)| x == y).count();
    if short.len() < long.len() {
        return head + tail >= short.len();
    }
    let middle = short.len().saturating_sub(head + tail);
    middle == 1 || (middle == 2 && short[head] == long[head + 1] && short[head + 1] == long[head])
}

/// A name made by a machine: many changes between letters and digits, hardly a vowel, or long runs of consonants.
pub(super) fn looks_random(label: &str) -> bool {
    let bytes = label.as_bytes();
    if bytes.len() < 9 || bytes.len() > 64 || label.starts_with("xn--") {
        return false;
    }
    let kind = |b: &u8| u8::from(b.is_ascii_digit()) + 2 * u8::from(b.is_ascii_alphabetic());
    let switches =
        bytes.windows(2).filter(|w| kind(&w[0]) != kind(&w[1]) && kind(&w[0]) > 0 && kind(&w[1]) > 0).count();
    let vowel = |b: &u8| b"aeiouyAEIOUY".contains(b);
    let vowels = bytes.iter().filter(|b| vowel(b)).count();
    let run = bytes.split(|b| vowel(b) || !b.is_ascii_alphabetic()).map(<[u8]>::len).max().unwrap_or(0);
    switches >= 4 || vowels * 8 < bytes.len() || run >= 6
}

/// How a name looks at a glance: digits as the letters they resemble, `rn` as `m`, `vv` as `w`.
pub(super) fn glance(label: &str) -> String {
    let decoded = if label.starts_with("xn--") { idna::domain_to_unicode(label).0 } else { label.to_owned() };
    let folded = crate::text::fold_plain(&decoded);
    let latin: String =
        folded.chars().map(|c| if c.is_ascii() { c } else { crate::text::latin_letter(c) }).collect();
    latin
        .replace("rn", "m")
        .replace("vv", "w")
        .chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '|' => 'l',
            '3' => 'e',
            '4' => 'a',
            '5' => 's',
            '7' => 't',
            '8' => 'b',
            '9' => 'g',
            _ => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registrable_domains() {
        assert_eq!(registrable("www.irs.gov"), Some("irs.gov"));
        assert_eq!(registrable("a.b.co.uk"), Some("b.co.uk"));
        assert_eq!(registrable("me.github.io"), Some("me.github.io"));
        for none in ["10.0.0.1", "localhost", "com", "::1"] {
            assert_eq!(registrable(none), None, "{none}");
        }
    }

    #[test]
    fn targets() {
        let host = |t: &str| web_target(t).map(|t| t.host);
        assert_eq!(host("HTTPS://www.IRS.gov/pay?x=1").as_deref(), Some("www.irs.gov"));
        assert_eq!(host("irs.gov.example/x").as_deref(), Some("irs.gov.example"));
        assert_eq!(host("http://2130706433/"), Some("127.0.0.1".into()));
        assert!(web_target("http://0x7f.1/").is_some_and(|t| t.is_ip));
        assert!(
            web_target("https://irs.gov@evil.example/")
                .is_some_and(|t| t.has_user && t.host == "evil.example")
        );
        assert!(web_target("https://evil.example:8443/").is_some_and(|t| t.odd_port));
        for none in [
            "mailto:a@b.example",
            "javascript:alert(1)",
            "tel:+12025550100",
            "#top",
            "/pay",
            "",
            "686387",
            "a@b.example",
            "login.php",
        ] {
            assert_eq!(web_target(none), None, "{none}");
        }
    }

    #[test]
    fn shown_addresses() {
        assert_eq!(shown_host("www.irs.gov/refund").as_deref(), Some("www.irs.gov"));
        assert_eq!(shown_host("https://chase.com").as_deref(), Some("chase.com"));
        for none in ["Click here", "me@irs.gov", "e.g.", "v1.2", "file.docx", "Read more."] {
            assert_eq!(shown_host(none), None, "{none}");
        }
    }

    #[test]
    fn edits() {
        for (a, b) in [("paypal", "paypa"), ("paypal", "paypall"), ("paypal", "payqal"), ("paypal", "papyal")]
        {
            assert!(one_edit_apart(a, b) && one_edit_apart(b, a), "{a} {b}");
        }
        assert!(!one_edit_apart("paypal", "paypal") && !one_edit_apart("paypal", "pyapla"));
        assert!(!one_edit_apart("paypal", "paypalxx"));
    }

    #[test]
    fn glances() {
        assert_eq!(glance("paypa1"), "paypal");
        assert_eq!(glance("arnaz0n"), "amazon");
        assert_eq!(glance("xn--pypal-4ve"), "paypal");
    }

    #[test]
    fn government_names() {
        for yes in ["irs.gov", "www.gov.uk", "agenciatributaria.gob.es", "tax.state.ny.us", "cra.gc.ca"] {
            assert!(is_government(yes), "{yes}");
        }
        for no in ["irs.gov.example", "irs-gov.com", "gov.top", "foo.us"] {
            assert!(!is_government(no), "{no}");
        }
    }
}
