//! The form of a reply template: text with `{{name}}` or `{{name|what stands there when nothing is known}}`.

use jackfield_types::limits;

use super::KnowledgeError;
use super::article::invalid;

/// A part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Text(&'a str),
    Variable {
        name: &'a str,
        otherwise: Option<&'a str>,
    },
}

/// Takes a template apart.
///
/// # Errors
/// For braces that are not closed, a name that is none, and more variables than there may be.
pub(super) fn parse(text: &str) -> Result<Vec<Part<'_>>, KnowledgeError> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut variables = 0;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inner, after)) = after.split_once("}}") else {
            return invalid(
                "text",
                "'{{' without '}}': expected for example {{customer.name}}",
            );
        };
        let (name, otherwise) = match inner.split_once('|') {
            Some((name, otherwise)) => (name.trim(), Some(otherwise.trim())),
            None => (inner.trim(), None),
        };
        if !is_variable(name) {
            let shown: String = name.chars().take(32).collect();
            return invalid(
                "text",
                format!("{shown:?} is no variable: expected 1 to 64 of a-z, 0-9, '-', '_' and '.'"),
            );
        }
        variables += 1;
        if variables > limits::MAX_TEMPLATE_VARIABLES {
            let most = limits::MAX_TEMPLATE_VARIABLES;
            return invalid("text", format!("expected at most {most} variables"));
        }
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        parts.push(Part::Variable { name, otherwise });
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

/// Whether this can be a variable's name.
pub(super) fn is_variable(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
    (1..=limits::MAX_CODE_BYTES).contains(&name.len()) && name.bytes().all(fits)
}

/// The text with its variables in place.
///
/// # Errors
/// [`KnowledgeError::Missing`] names the first variable of which nothing is known and that says nothing instead.
pub(super) fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, KnowledgeError> {
    let (filled, missing) = fill_known(text, value)?;
    if let Some(name) = missing.into_iter().next() {
        return Err(KnowledgeError::Missing(name));
    }
    let (found, most) = (filled.len(), limits::MAX_MESSAGE_BYTES);
    if !(1..=most).contains(&found) || filled.trim().is_empty() {
        return invalid(
            "text",
            format!("filled in, {found} bytes: expected a text of 1 to {most} bytes"),
        );
    }
    Ok(filled)
}

/// The text with the variables in place of which something is known, and the names of the others, which stay as they are.
pub(super) fn fill_known(
    text: &str,
    value: impl Fn(&str) -> Option<String>,
) -> Result<(String, Vec<String>), KnowledgeError> {
    let mut filled = String::with_capacity(text.len());
    let mut missing = Vec::new();
    for part in parse(text)? {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Variable { name, otherwise } => {
                let known = value(name).filter(|value| !value.trim().is_empty());
                match (known, otherwise) {
                    (Some(known), _) => filled.push_str(&known),
                    (None, Some(otherwise)) => filled.push_str(otherwise),
                    (None, None) => {
                        filled.push_str(&format!("{{{{{name}}}}}"));
                        missing.push(name.to_owned());
                    }
                }
            }
        }
    }
    Ok((filled, missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str) -> Option<String> {
        match name {
            "customer.name" => Some("李雷".into()),
            "order" => Some("{{agent.name}}".into()),
            "empty" => Some(" ".into()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_filled_in_once_and_what_is_missing_is_named() {
        assert_eq!(fill("您好 {{ customer.name }}!", known).unwrap(), "您好 李雷!");
        // A value is text, whatever stands in it.
        assert_eq!(fill("No {{order}}", known).unwrap(), "No {{agent.name}}");
        assert_eq!(
            fill("Hi {{nick|there}} {{empty|x}}", known).unwrap(),
            "Hi there x"
        );
        assert_eq!(
            fill("{{customer.name}} {{agent.name}}", known).unwrap_err(),
            KnowledgeError::Missing("agent.name".into())
        );
        assert_eq!(fill("a } b { c }} d", known).unwrap(), "a } b { c }} d");
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in ["{{", "a {{b", "{{}}", "{{A}}", "{{a b}}", "{{<b>}}", "{{|x}}"] {
            let refused = fill(text, known).unwrap_err();
            assert!(
                matches!(refused, KnowledgeError::Invalid { .. }),
                "{text} {refused}"
            );
        }
        let many = "{{order}}".repeat(limits::MAX_TEMPLATE_VARIABLES + 1);
        assert!(parse(&many).is_err());
        assert!(fill("{{nick|}}", known).is_err(), "nothing is no message");
    }
}
