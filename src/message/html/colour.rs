//! Colours as far as "can this be read?" needs them.

/// What a surface or a letter is painted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    /// One colour.
    Solid([u8; 3]),
    /// Nothing: what lies behind shows through.
    Clear,
    /// A picture, a gradient, a colour that cannot be told.
    Unknown,
}

/// White, the page when nobody says otherwise.
pub(super) const WHITE: Paint = Paint::Solid([255; 3]);
/// Black, the ink when nobody says otherwise.
pub(super) const BLACK: Paint = Paint::Solid([0; 3]);

/// How far apart two channels may be and still look the same to a reader.
const NEAR: u8 = 14;

impl Paint {
    /// Reads a CSS or HTML colour; lower case, trimmed.
    pub(super) fn read(value: &str) -> Self {
        let value = value.trim();
        if let Some(hex) = value.strip_prefix('#') {
            return from_hex(hex);
        }
        if value.starts_with("rgb") {
            return from_function(value);
        }
        match value {
            "transparent" => Self::Clear,
            _ => named(value).unwrap_or_else(|| bare_hex(value)),
        }
    }

    /// True if ink of this paint cannot be seen on `ground`.
    pub(super) fn vanishes_on(self, ground: Self) -> bool {
        match (self, ground) {
            (Self::Clear, _) => true,
            (Self::Solid(ink), Self::Solid(page)) => ink.iter().zip(page).all(|(a, b)| a.abs_diff(b) <= NEAR),
            _ => false,
        }
    }
}

/// `bgcolor=ffffff`: six hexadecimal digits without the sign are common in attributes.
fn bare_hex(value: &str) -> Paint {
    if value.len() == 6 { from_hex(value) } else { Paint::Unknown }
}

/// `#rgb`, `#rgba`, `#rrggbb`, `#rrggbbaa`.
fn from_hex(hex: &str) -> Paint {
    let mut nibbles = [0_u8; 8];
    let count = hex.len().min(8);
    for (slot, c) in nibbles.iter_mut().zip(hex.chars()) {
        let Some(digit) = c.to_digit(16) else { return Paint::Unknown };
        *slot = u8::try_from(digit).unwrap_or(0);
    }
    let [a, b, c, d, e, f, g, h] = nibbles;
    match count {
        3 => Paint::Solid([a * 17, b * 17, c * 17]),
        4 if d == 0 => Paint::Clear,
        4 => Paint::Solid([a * 17, b * 17, c * 17]),
        8 if g == 0 && h < 13 => Paint::Clear,
        6 | 8 => Paint::Solid([a * 16 + b, c * 16 + d, e * 16 + f]),
        _ => Paint::Unknown,
    }
}

/// `rgb(1, 2, 3)`, `rgba(1, 2, 3, .5)`, `rgb(1 2 3 / 0)`, percentages too.
fn from_function(value: &str) -> Paint {
    let inside = value.split_once('(').map_or("", |(_, rest)| rest.trim_end_matches(')'));
    let mut numbers = inside.split([',', ' ', '/']).filter(|word| !word.is_empty());
    let mut channel = || -> Option<u8> {
        let word = numbers.next()?;
        let (number, scale) = word.strip_suffix('%').map_or((word, 1.0), |number| (number, 2.55));
        let level: f32 = number.parse().ok()?;
        // The clamp makes the cast exact enough and free of surprises.
        Some((level * scale).clamp(0.0, 255.0) as u8)
    };
    let (Some(red), Some(green), Some(blue)) = (channel(), channel(), channel()) else {
        return Paint::Unknown;
    };
    let alpha = numbers.next().and_then(alpha).unwrap_or(1.0);
    if alpha <= 0.05 { Paint::Clear } else { Paint::Solid([red, green, blue]) }
}

/// An opacity as a number or a percentage.
pub(super) fn alpha(word: &str) -> Option<f32> {
    match word.strip_suffix('%') {
        Some(number) => number.trim().parse::<f32>().ok().map(|level| level / 100.0),
        None => word.trim().parse().ok(),
    }
}

/// The colour names that mail is written with.
fn named(value: &str) -> Option<Paint> {
    let rgb = match value {
        "white" | "window" | "canvas" => [255, 255, 255],
        "black" | "windowtext" | "canvastext" | "initial" => [0, 0, 0],
        "snow" => [255, 250, 250],
        "ivory" => [255, 255, 240],
        "floralwhite" => [255, 250, 240],
        "ghostwhite" => [248, 248, 255],
        "whitesmoke" => [245, 245, 245],
        "azure" => [240, 255, 255],
        "mintcream" => [245, 255, 250],
        "gainsboro" => [220, 220, 220],
        "lightgray" | "lightgrey" => [211, 211, 211],
        "silver" => [192, 192, 192],
        "darkgray" | "darkgrey" => [169, 169, 169],
        "gray" | "grey" => [128, 128, 128],
        "dimgray" | "dimgrey" => [105, 105, 105],
        "red" => [255, 0, 0],
        "darkred" => [139, 0, 0],
        "maroon" => [128, 0, 0],
        "orange" => [255, 165, 0],
        "gold" => [255, 215, 0],
        "yellow" => [255, 255, 0],
        "green" => [0, 128, 0],
        "darkgreen" => [0, 100, 0],
        "lime" => [0, 255, 0],
        "teal" => [0, 128, 128],
        "aqua" | "cyan" => [0, 255, 255],
        "blue" => [0, 0, 255],
        "navy" => [0, 0, 128],
        "darkblue" => [0, 0, 139],
        "lightblue" => [173, 216, 230],
        "purple" => [128, 0, 128],
        "pink" => [255, 192, 203],
        "brown" => [165, 42, 42],
        _ => return None,
    };
    Some(Paint::Solid(rgb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_in_every_notation() {
        for white in ["#fff", "#FFFFFF", "white", "rgb(255,255,255)", "rgb(100% 100% 100%)", "ffffff"] {
            assert_eq!(Paint::read(&white.to_ascii_lowercase()), WHITE, "{white}");
        }
        for clear in ["transparent", "rgba(1, 2, 3, 0)", "#12345600", "rgb(0 0 0 / 0%)"] {
            assert_eq!(Paint::read(clear), Paint::Clear, "{clear}");
        }
        for unknown in ["", "url(x)", "#12", "rebeccapurplish", "rgb(a,b,c)", "var(--x)"] {
            assert_eq!(Paint::read(unknown), Paint::Unknown, "{unknown}");
        }
    }

    #[test]
    fn nearly_the_same_vanishes_and_grey_does_not() {
        assert!(Paint::read("#fdfdfd").vanishes_on(WHITE));
        assert!(Paint::Clear.vanishes_on(Paint::Unknown));
        assert!(!Paint::read("#ccc").vanishes_on(WHITE));
        assert!(!WHITE.vanishes_on(Paint::Unknown));
        assert!(!BLACK.vanishes_on(WHITE));
    }
}
