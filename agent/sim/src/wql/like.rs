//! Patterns of `LIKE`: `%` any text, `_` one character, `[a-z]` one of a set, `[^a-z]` one outside it.
//!
//! Guarantees: matching ignores case, never recurses, and costs at most pattern times text. A backslash is a backslash here.

/// A parsed pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Like(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Any,
    One,
    Char(char),
    Set { ranges: Vec<(char, char)>, negated: bool },
}

impl Like {
    /// Parses a pattern; `None` when a set is not closed or is empty.
    #[must_use]
    pub fn new(pattern: &str) -> Option<Self> {
        let mut chars = pattern.chars();
        let mut pieces = Vec::new();
        while let Some(c) = chars.next() {
            let piece = match c {
                '%' => Piece::Any,
                '_' => Piece::One,
                '[' => set(&mut chars)?,
                c => Piece::Char(fold(c)),
            };
            // Two `%` in a row say no more than one.
            if piece != Piece::Any || pieces.last() != Some(&Piece::Any) {
                pieces.push(piece);
            }
        }
        Some(Self(pieces))
    }

    /// Whether the whole of `text` fits.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().map(fold).collect();
        let (mut piece, mut at) = (0, 0);
        // Where the last `%` stands and how much of the text it has swallowed: the only point to come back to.
        let mut back: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.0.get(piece) {
                Some(Piece::Any) => {
                    back = Some((piece, at));
                    piece += 1;
                }
                Some(one) if one.admits(text[at]) => {
                    piece += 1;
                    at += 1;
                }
                _ => match &mut back {
                    Some((any, swallowed)) => {
                        *swallowed += 1;
                        (piece, at) = (*any + 1, *swallowed);
                    }
                    None => return false,
                },
            }
        }
        self.0[piece..].iter().all(|p| *p == Piece::Any)
    }
}

impl Piece {
    fn admits(&self, c: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Char(own) => *own == c,
            Self::Set { ranges, negated } => ranges.iter().any(|&(from, to)| (from..=to).contains(&c)) != *negated,
        }
    }
}

fn set(chars: &mut std::str::Chars<'_>) -> Option<Piece> {
    let (body, rest) = chars.as_str().split_once(']')?;
    *chars = rest.chars();
    let body: Vec<char> = body.chars().map(fold).collect();
    let negated = body.first() == Some(&'^');
    let members = if negated { &body[1..] } else { &body[..] };
    if members.is_empty() {
        return None;
    }
    let mut ranges = Vec::new();
    let mut rest = members;
    while let Some((&from, tail)) = rest.split_first() {
        match tail {
            ['-' | '=', to, tail @ ..] => {
                ranges.push((from, *to));
                rest = tail;
            }
            tail => {
                ranges.push((from, from));
                rest = tail;
            }
        }
    }
    Some(Piece::Set { ranges, negated })
}

fn fold(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}
