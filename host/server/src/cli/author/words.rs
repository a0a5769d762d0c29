//! Bytes in case files: a flow's state and the body of a webhook are bytes to the host, and mostly text or JSON to
//! people.

use serde_json::Value;

/// Fields whose lists of bytes are shown as what they hold.
const BYTES: [&str; 2] = ["state", "body"];

/// Bytes as the JSON object or the text that they hold, where they do; whole numbers without fraction, so that 5 is 5.0.
pub(super) fn readable(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| {
                let value = if BYTES.contains(&name.as_str()) {
                    held(value)
                } else {
                    readable(value)
                };
                (name, value)
            });
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.into_iter().map(readable).collect(),
        Value::Number(number) => match number.as_f64() {
            // Beyond 2^53 not every whole number is a float.
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                Value::from(float as i64)
            }
            _ => Value::Number(number),
        },
        other => other,
    }
}

fn held(value: Value) -> Value {
    let bytes: Option<Vec<u8>> = match &value {
        Value::Array(items) => items
            .iter()
            .map(|item| u8::try_from(item.as_u64()?).ok())
            .collect(),
        _ => None,
    };
    let Some(text) = bytes.and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return readable(value);
    };
    match serde_json::from_str::<Value>(&text) {
        Ok(json @ Value::Object(_)) => json,
        _ => Value::String(text),
    }
}

/// The way back: texts and objects in these fields become bytes.
pub(super) fn compact(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| {
                let value = match value {
                    Value::String(text) if BYTES.contains(&name.as_str()) => Value::from(text.into_bytes()),
                    Value::Object(_) if BYTES.contains(&name.as_str()) => {
                        Value::from(value.to_string().into_bytes())
                    }
                    value => compact(value),
                };
                (name, value)
            });
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.into_iter().map(compact).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bytes_are_shown_as_what_they_hold_and_read_back() {
        let state = br#"{"n":1}"#.to_vec();
        let shown = readable(json!({"flow": {"state": state, "actions": [[1.0, 1.5]]}}));
        assert_eq!(shown, json!({"flow": {"state": {"n": 1}, "actions": [[1, 1.5]]}}));
        assert_eq!(compact(json!({"state": {"n": 1}})), json!({"state": state}));
        assert_eq!(readable(json!({"body": b"hi"})), json!({"body": "hi"}));
        assert_eq!(compact(json!({"body": "hi"})), json!({"body": b"hi"}));
        assert_eq!(readable(json!({"state": [255]})), json!({"state": [255]}));
        assert_eq!(readable(json!({"state": [300]})), json!({"state": [300]}));
        assert_eq!(compact(json!({"text": "hi"})), json!({"text": "hi"}));
    }
}
