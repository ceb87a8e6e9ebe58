//! Personal numbers are masked in everything that is kept or shown but the message itself.
//!
//! What is masked: seven or more digits in a row, also when single spaces, dashes, dots, slashes or brackets stand between
//! them (cards, accounts, telephone and social security numbers). The last two digits stay, so that a person can tell
//! which number it was.

use serde_json::Value;

/// Fewest digits that make a personal number.
const LEAST: usize = 7;

/// Digits that stay.
const SHOWN: usize = 2;

/// `text` with its personal numbers masked.
pub fn mask(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = if is_digit(chars[at]) { number_end(&chars, at) } else { at };
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            push_masked(&mut out, &chars[at..end]);
            at = end;
        }
    }
    out
}

fn is_digit(c: char) -> bool {
    c.is_numeric()
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}' | '\u{2010}'..='\u{2015}')
}

/// One past the last digit of the number at `start`: at most two separators stand between digits.
fn number_end(chars: &[char], start: usize) -> usize {
    let (mut end, mut at) = (start, start);
    while at < chars.len() && at - end <= 2 {
        if is_digit(chars[at]) {
            end = at + 1;
        } else if !is_separator(chars[at]) {
            break;
        }
        at += 1;
    }
    end
}

fn push_masked(out: &mut String, number: &[char]) {
    let digits = number.iter().filter(|c| is_digit(**c)).count();
    let mut left = digits;
    for c in number {
        let hide = is_digit(*c) && digits >= LEAST && left > SHOWN;
        left -= usize::from(is_digit(*c));
        out.push(if hide { '•' } else { *c });
    }
}

/// Masks every string in `value`; keys stay.
pub fn mask_json(value: &mut Value) {
    match value {
        Value::String(text) => *text = mask(text),
        Value::Array(list) => list.iter_mut().for_each(mask_json),
        Value::Object(map) => map.values_mut().for_each(mask_json),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_numbers_are_masked() {
        let cases = [
            ("call 202-555-0123 now", "call •••-•••-••23 now"),
            ("SSN 987-65-4320.", "SSN •••-••-••20."),
            ("card 4111 1111 1111 1111!", "card •••• •••• •••• ••11!"),
            ("(202) 555-0123", "(•••) •••-••23"),
            ("+1 202 555 0123", "+• ••• ••• ••23"),
            ("account 12345678", "account ••••••78"),
            ("pay $2,430 by 2026", "pay $2,430 by 2026"),
            ("code 123456", "code 123456"),
            ("٠١٢٣٤٥٦٧", "••••••٦٧"),
            ("", ""),
        ];
        for (text, masked) in cases {
            assert_eq!(mask(text), masked);
        }
    }

    #[test]
    fn json_keeps_its_shape() {
        let mut value = serde_json::json!({ "a": ["call 202-555-0123"], "n": 1234567890 });
        mask_json(&mut value);
        assert_eq!(value.to_string(), r#"{"a":["call •••-•••-••23"],"n":1234567890}"#);
    }
}
