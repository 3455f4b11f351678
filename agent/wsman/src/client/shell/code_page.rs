//! How a command's output becomes text.
//!
//! Guarantees: nothing is refused; an octet that means nothing becomes U+FFFD. Deliberately absent: the pages of other alphabets: shells are
//! made with UTF-8, and 437 is what programs write that do not ask for the console's page.

/// A code page of Windows' console.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CodePage {
    /// 65001: UTF-8.
    #[default]
    Utf8,
    /// 437: the OEM page of English Windows.
    Oem437,
}

/// The upper half of page 437.
const UPPER: &str =
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

impl CodePage {
    /// Its number.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::Utf8 => 65_001,
            Self::Oem437 => 437,
        }
    }

    /// The text that `octets` mean; a mark at the beginning is left out.
    #[must_use]
    pub fn decode(self, octets: &[u8]) -> String {
        match self {
            Self::Utf8 => String::from_utf8_lossy(octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets)).into_owned(),
            Self::Oem437 => {
                let upper = |octet: u8| UPPER.chars().nth(usize::from(octet - 0x80)).unwrap_or(char::REPLACEMENT_CHARACTER);
                octets.iter().map(|&octet| if octet < 0x80 { char::from(octet) } else { upper(octet) }).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_become_the_text_that_their_page_means() {
        assert_eq!(UPPER.chars().count(), 128);
        assert_eq!(CodePage::Oem437.decode(b"\x81ber 50\xf8\xff"), "über 50°\u{a0}");
        assert_eq!(CodePage::Utf8.decode("\u{feff}über".as_bytes()), "über");
        assert_eq!(CodePage::Utf8.decode(b"a\xffb"), "a\u{fffd}b");
        assert_eq!((CodePage::Utf8.number(), CodePage::Oem437.number()), (65_001, 437));
    }
}
