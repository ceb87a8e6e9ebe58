//! Which language a message is in, so that the answer can be in the reader's.

use whatlang::{Detector, Lang};

/// Bytes looked at; more does not make the guess better.
const REACH: usize = 800;

/// Languages told apart. A longer list makes short texts come out wrong.
const LATIN: &[Lang] = &[Lang::Eng, Lang::Spa, Lang::Por, Lang::Fra, Lang::Deu, Lang::Ita, Lang::Nld];

/// ISO 639-1 code of the language of `text`, `und` when it cannot be told.
pub(crate) fn detect(text: &str) -> &'static str {
    let mut end = REACH.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let words = words_only(&text[..end]);
    if words.chars().filter(|c| c.is_alphabetic()).count() < 8 {
        return "und";
    }
    let mostly_latin = words.chars().filter(|c| c.is_ascii_alphabetic()).count() * 2
        > words.chars().filter(|c| c.is_alphabetic()).count();
    if !mostly_latin {
        return whatlang::detect_lang(&words).map_or("und", code);
    }
    let found = Detector::with_allowlist(LATIN.to_vec()).detect(&words);
    match found {
        Some(info) if info.is_reliable() => code(info.lang()),
        // Short texts: English or Spanish, which is what replies are written in.
        _ => Detector::with_allowlist(vec![Lang::Eng, Lang::Spa]).detect_lang(&words).map_or("und", code),
    }
}

/// Addresses, numbers and codes belong to no language.
fn words_only(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        let strange = word.contains(['/', '@', '_', '=', '<', '>', '{', '}'])
            || word.bytes().any(|b| b.is_ascii_digit());
        if !strange {
            words.push_str(word);
            words.push(' ');
        }
    }
    words
}

fn code(lang: Lang) -> &'static str {
    match lang {
        Lang::Eng => "en",
        Lang::Spa => "es",
        Lang::Por => "pt",
        Lang::Fra => "fr",
        Lang::Deu => "de",
        Lang::Ita => "it",
        Lang::Nld => "nl",
        Lang::Rus => "ru",
        Lang::Ukr => "uk",
        Lang::Ell => "el",
        Lang::Ara => "ar",
        Lang::Heb => "he",
        Lang::Jpn => "ja",
        Lang::Kor => "ko",
        Lang::Cmn => "zh",
        Lang::Hin => "hi",
        Lang::Tha => "th",
        Lang::Bul => "bg",
        _ => "und",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts() {
        for text in [
            "IRS: your refund is ready, claim it now",
            "Your package could not be delivered, pay the fee today",
            "Hi mom, I lost my phone, this is my new number",
            "Are you available? I need a quick favour",
            "Final notice: your account will be closed",
            "Call us now about your unpaid toll balance",
        ] {
            assert_eq!(detect(text), "en", "{text}");
        }
        for text in [
            "IRS: su reembolso está listo, reclámelo ahora",
            "Su paquete no pudo ser entregado, pague la tarifa hoy",
            "Hola mamá, perdí mi teléfono, este es mi nuevo número",
            "Aviso final: su cuenta será cerrada hoy",
            "Llámenos ahora por su deuda de peaje",
            "Necesito un favor rápido, estoy en una reunión",
        ] {
            assert_eq!(detect(text), "es", "{text}");
        }
        assert_eq!(detect("12345 https://a.example/x"), "und");
        assert_eq!(detect("Ваш пакет не был доставлен, оплатите сегодня"), "ru");
    }
}
