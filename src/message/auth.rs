//! Authentication-Results (RFC 8601), read only from servers that the operator trusts.

use super::AuthResults;

/// Parses one header value; `None` when its authserv-id is not trusted.
pub(super) fn parse(value: &str, trusted: &[String]) -> Option<AuthResults> {
    let value = without_comments(value);
    let mut parts = value.split(';');
    let server = parts.next()?.split_whitespace().next()?.to_ascii_lowercase();
    if !trusted.iter().any(|t| t.eq_ignore_ascii_case(&server)) {
        return None;
    }
    let mut results = AuthResults { server, ..AuthResults::default() };
    for part in parts.take(50) {
        let mut words = part.split_whitespace().filter_map(|w| w.split_once('='));
        let Some((method, result)) = words.next() else { continue };
        let result = result.trim_matches('"').to_ascii_lowercase();
        let properties: Vec<(String, String)> =
            words.map(|(k, v)| (k.to_ascii_lowercase(), domain_of(v))).collect();
        let property = |names: &[&str]| {
            properties.iter().find(|(k, _)| names.contains(&k.as_str())).map(|(_, v)| v.clone())
        };
        match method.split('/').next().unwrap_or(method).to_ascii_lowercase().as_str() {
            "spf" => {
                results.spf = Some((result, property(&["smtp.mailfrom", "smtp.helo"]).unwrap_or_default()))
            }
            "dkim" => results.dkim.push((result, property(&["header.d", "header.i"]).unwrap_or_default())),
            "dmarc" => results.dmarc = Some((result, property(&["header.from"]).unwrap_or_default())),
            _ => {}
        }
    }
    Some(results)
}

fn domain_of(value: &str) -> String {
    let value = value.trim_matches(['"', '<', '>']);
    value.rsplit('@').next().unwrap_or(value).to_ascii_lowercase()
}

/// Without RFC 5322 comments, nested ones too; quoted strings are kept.
fn without_comments(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for ch in value.chars().take(16 * 1024) {
        match ch {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth > 0 => depth -= 1,
            _ if depth == 0 => out.push(if ch == '\r' || ch == '\n' { ' ' } else { ch }),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = " mx.example.org 1 (a (nested) comment);\r\n spf=pass (ok) smtp.mailfrom=bounce@mail.example;\r\n dkim=fail header.d=a.example; dkim=pass header.i=@b.example;\r\n dmarc=Pass policy.x=y header.from=\"b.example\"";

    #[test]
    fn trusted_results_are_read() {
        let results = parse(VALUE, &["MX.example.org".into()]).expect("trusted");
        assert_eq!(results.spf, Some(("pass".into(), "mail.example".into())));
        assert_eq!(results.dkim, [("fail".into(), "a.example".into()), ("pass".into(), "b.example".into())]);
        assert_eq!(results.dmarc, Some(("pass".into(), "b.example".into())));
    }

    #[test]
    fn others_are_not() {
        assert_eq!(parse(VALUE, &[]), None);
        assert_eq!(parse(VALUE, &["example.org".into()]), None);
        assert_eq!(parse("", &["".into()]), None);
    }
}
