//! Cutting texts into words: Chinese by dictionary, everything else at what is no letter or digit, English by its stems.

use std::sync::LazyLock;

use jieba_rs::{Jieba, TokenizeMode};
use tantivy::tokenizer::{Language, Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer};

/// One dictionary for all tenants, some ten MiB; read when the first text is cut.
static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// Words that say nothing about what is looked for. They count when there are no others.
const EMPTY: [&str; 82] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "could", "do", "does", "for", "from",
    "have", "has", "how", "i", "if", "in", "is", "it", "me", "my", "of", "on", "or", "please", "so", "that",
    "the", "there", "this", "to", "was", "we", "what", "when", "where", "which", "will", "with", "would",
    "you", "your", "的", "了", "吗", "呢", "吧", "啊", "我", "你", "您", "他", "她", "它", "们", "我们",
    "你们", "是", "在", "有", "和", "与", "就", "也", "都", "要", "请", "请问", "这", "那", "个", "怎么",
    "怎样", "如何", "什么", "可以", "一个", "一下",
];

/// Whether a word is in [`EMPTY`].
pub(super) fn is_empty(word: &str) -> bool {
    EMPTY.contains(&word)
}

/// Whether a character is written without spaces between words.
pub(super) const fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// One form of a letter: lower case, and half width.
fn folded(c: char) -> char {
    let half = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        c => c,
    };
    let mut lower = half.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(lower), None) => lower,
        _ => half,
    }
}

/// Cuts into words. Of a long Chinese word, those within it come too.
#[derive(Clone, Copy, Default)]
pub(super) struct Words;

/// Cuts into single Chinese characters; whatever else there is doesn't count.
#[derive(Clone, Copy, Default)]
pub(super) struct Characters;

/// Tokens that are there already.
pub(super) struct Ready {
    tokens: std::vec::IntoIter<Token>,
    token: Token,
}

impl Ready {
    fn new(tokens: Vec<Token>) -> Self {
        Self {
            tokens: tokens.into_iter(),
            token: Token::default(),
        }
    }
}

impl TokenStream for Ready {
    fn advance(&mut self) -> bool {
        match self.tokens.next() {
            Some(token) => {
                self.token = token;
                true
            }
            None => false,
        }
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

impl Tokenizer for Words {
    type TokenStream<'a> = Ready;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Ready {
        let mut tokens = Vec::new();
        let mut rest = text.char_indices().peekable();
        while let Some((start, first)) = rest.next() {
            if !first.is_alphanumeric() {
                continue;
            }
            let han = is_han(first);
            let mut run = String::from(folded(first));
            let mut end = start + first.len_utf8();
            while let Some((at, next)) = rest.next_if(|(_, c)| c.is_alphanumeric() && is_han(*c) == han) {
                run.push(folded(next));
                end = at + next.len_utf8();
            }
            if !han {
                push(&mut tokens, start, end, run);
                continue;
            }
            // Folding leaves these characters as they are, so places in the run are places in the text.
            for token in JIEBA.tokenize(&run, TokenizeMode::Search, true) {
                push(
                    &mut tokens,
                    start + token.byte_start,
                    start + token.byte_end,
                    token.word.to_owned(),
                );
            }
        }
        Ready::new(tokens)
    }
}

impl Tokenizer for Characters {
    type TokenStream<'a> = Ready;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Ready {
        let mut tokens = Vec::new();
        for (start, c) in text.char_indices().filter(|(_, c)| is_han(*c)) {
            push(&mut tokens, start, start + c.len_utf8(), c.into());
        }
        Ready::new(tokens)
    }
}

fn push(tokens: &mut Vec<Token>, offset_from: usize, offset_to: usize, text: String) {
    tokens.push(Token {
        offset_from,
        offset_to,
        position: tokens.len(),
        text,
        position_length: 1,
    });
}

/// Reads the dictionary, unless that was done.
pub(super) fn read_dictionary() {
    LazyLock::force(&JIEBA);
}

/// What texts and queries alike go through.
pub(super) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(Words)
        .filter(Stemmer::new(Language::English))
        .build()
}

/// The words of a text, in order: as they are looked up, and where they stand in it, in bytes.
pub(super) fn words(text: &str) -> Vec<(String, std::ops::Range<usize>)> {
    let mut analyzer = analyzer();
    let mut stream = analyzer.token_stream(text);
    let mut words = Vec::new();
    while stream.advance() {
        let token = stream.token();
        words.push((token.text.clone(), token.offset_from..token.offset_to));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<String> {
        words(text).into_iter().map(|(word, _)| word).collect()
    }

    #[test]
    fn chinese_is_cut_by_dictionary_and_english_by_stems() {
        assert_eq!(cut("办理退款流程"), ["办理", "退款", "流程"]);
        assert_eq!(
            cut("中国农业银行的信用卡"),
            ["中国", "农业", "银行", "中国农业银行", "的", "信用", "信用卡"]
        );
        assert_eq!(cut("Refunds, ＶＩＰ customers!"), ["refund", "vip", "custom"]);
        assert_eq!(cut("iPhone15信号不好"), ["iphone15", "信号", "不好"]);
        assert_eq!(cut("  —…! "), Vec::<String>::new());
    }

    #[test]
    fn places_are_those_in_the_text() {
        for text in ["Ｆees: 退款费 and FEES", "a退b款c", "ẞtraße İstanbul 退款"] {
            for (_, place) in words(text) {
                assert!(text.get(place).is_some_and(|word| !word.is_empty()));
            }
        }
    }

    #[test]
    fn what_has_no_letters_is_no_word() {
        let mut characters = Characters;
        let mut stream = characters.token_stream("退 款a!");
        let mut seen = Vec::new();
        while stream.advance() {
            seen.push(stream.token().text.clone());
        }
        assert_eq!(seen, ["退", "款"]);
    }
}
