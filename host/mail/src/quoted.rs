//! What somebody says in a mail, without what was said before and without the signature. Careful: what is not plainly one of
//! both stays, and where nothing would be left, all stays.

/// Words at the end of the line above what is quoted.
const WROTE: [&str; 9] = [
    "wrote:",
    "写道：",
    "写道:",
    "寫道：",
    "寫道:",
    "schrieb:",
    "a écrit :",
    "a écrit:",
    "escribió:",
];
/// The line above what is quoted, without hyphens and spaces.
const RULES: [&str; 5] = [
    "Original Message",
    "原始邮件",
    "原始郵件",
    "Ursprüngliche Nachricht",
    "Message d'origine",
];
/// Names of the headers that some programs put above what they quote.
const HEADERS: [&str; 12] = [
    "From:",
    "Sent:",
    "To:",
    "Subject:",
    "Date:",
    "Cc:",
    "发件人",
    "发送时间",
    "收件人",
    "主题",
    "抄送",
    "日期",
];
/// Last lines that programs write.
const SENT_WITH: [&str; 6] = [
    "Sent from my ",
    "Sent from Outlook",
    "Get Outlook for ",
    "发自我的",
    "从我的",
    "Von meinem ",
];
/// Lines that a signature has at most.
const MAX_SIGNATURE: usize = 12;

/// What is said; the same text when nothing is cut.
pub(crate) fn said(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut end = history(&lines).unwrap_or(lines.len());
    end = signature(&lines[..end]).unwrap_or(end);
    let said = lines[..end].join("\n");
    if said.trim().is_empty() {
        return text.trim().to_owned();
    }
    said.trim().to_owned()
}

fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

/// Where that begins which was said before, when it goes on to the end.
fn history(lines: &[&str]) -> Option<usize> {
    let to_end = |from: usize| {
        lines[from..]
            .iter()
            .all(|line| is_quoted(line) || line.trim().is_empty())
    };
    for (at, line) in lines.iter().enumerate() {
        let line = line.trim();
        if is_rule(line) || is_headers(&lines[at..]) {
            return Some(at);
        }
        if is_quoted(line) && to_end(at) {
            return Some(attribution(lines, at));
        }
    }
    None
}

/// The line, or the two, above a quotation that say whose it is.
fn attribution(lines: &[&str], quoted: usize) -> usize {
    let above = lines[..quoted].iter().rposition(|line| !line.trim().is_empty());
    let Some(last) = above else { return quoted };
    if !WROTE.iter().any(|wrote| lines[last].trim().ends_with(wrote)) {
        return quoted;
    }
    let begins = |line: &str| {
        ["On ", "在", "于", "Am ", "Le ", "El "]
            .iter()
            .any(|word| line.starts_with(word))
    };
    let before = last.checked_sub(1).filter(|before| begins(lines[*before].trim()));
    match before {
        Some(before) if !begins(lines[last].trim()) => before,
        _ => last,
    }
}

fn is_rule(line: &str) -> bool {
    let bare = line.trim_matches(['-', ' ', '_']);
    line.starts_with("--") && line.ends_with("--") && RULES.iter().any(|rule| bare.eq_ignore_ascii_case(rule))
}

/// Whether here stands a block of headers, a rule above it or not: the sender and two more of them within five lines.
fn is_headers(lines: &[&str]) -> bool {
    let strip = |line: &str| line.trim().trim_matches('*').trim_start().to_owned();
    let first = lines.first().map(|line| strip(line)).unwrap_or_default();
    if first.len() >= 10 && first.chars().all(|c| c == '_') {
        return lines.len() > 1 && is_headers(&lines[1..]);
    }
    if !(first.starts_with("From:") || first.starts_with("发件人")) {
        return false;
    }
    let others = lines.iter().skip(1).take(5).map(|line| strip(line));
    others
        .filter(|line| HEADERS.iter().any(|header| line.starts_with(header)))
        .count()
        >= 2
}

/// Where the signature begins.
fn signature(lines: &[&str]) -> Option<usize> {
    let last = lines.iter().rposition(|line| !line.trim().is_empty())?;
    let from = last.saturating_sub(MAX_SIGNATURE);
    let rule = lines[from..=last]
        .iter()
        .position(|line| matches!(*line, "-- " | "--"));
    if let Some(rule) = rule {
        return Some(from + rule);
    }
    let line = lines[last].trim();
    SENT_WITH
        .iter()
        .any(|with| line.starts_with(with) && line.chars().count() < 60)
        .then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_and_signature_are_cut() {
        for (text, expected) in [
            (
                "Thanks!\n\nOn Mon, 3 Aug 2026 at 10:00, Shop <s@shop.example> wrote:\n> Hello\n> Bye\n",
                "Thanks!",
            ),
            (
                "Thanks!\n\nOn Mon, 3 Aug 2026 at 10:00, Shop\n<s@shop.example> wrote:\n\n> Hello\n",
                "Thanks!",
            ),
            ("谢谢\n\n在 2026年8月3日 10:00，客服写道：\n> 您好\n", "谢谢"),
            (
                "好的\n\n------------------ 原始邮件 ------------------\n发件人: 客服\n您好",
                "好的",
            ),
            ("Yes\n\n-----Original Message-----\nFrom: Shop\nHello", "Yes"),
            (
                "Yes\n\n________________________________\nFrom: Shop <s@x>\nSent: Monday\nTo: Li\nSubject: x\n\nHello",
                "Yes",
            ),
            (
                "Yes\n\nFrom: Shop <s@x>\nSent: Monday\nTo: Li\nSubject: x\n\nHello",
                "Yes",
            ),
            (
                "是\n\n发件人: 客服\n发送时间: 星期一\n收件人: 李\n主题: 你好\n\n您好",
                "是",
            ),
            ("Yes\n-- \nLi Lei\nTel 1\n", "Yes"),
            ("Yes\n\nSent from my iPhone", "Yes"),
            ("好\n\n发自我的 iPhone", "好"),
            ("Yes\n> quoted without a word\n> more", "Yes"),
        ] {
            assert_eq!(said(text), expected, "{text}");
        }
    }

    #[test]
    fn what_may_be_an_answer_stays() {
        for text in [
            "> how many?\nthree\n> when?\ntomorrow",
            "On Monday she wrote:\nI am not coming",
            "From: what I know it is broken\nplease help",
            "a -- b\n--- c\nd",
            "> only a quotation",
            "-- \nonly a signature",
            "Sent from my iPhone",
            "-----Original Message-----\nFrom: a forwarded mail\nHello",
            "x",
            "",
        ] {
            assert_eq!(said(text), text, "{text}");
        }
        let long = format!("a\n-- \n{}", vec!["not a signature"; 20].join("\n"));
        assert_eq!(said(&long), long);
    }
}
