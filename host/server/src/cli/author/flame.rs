//! Draws a fuel profile as a flame graph: a picture that any browser shows, without scripts. The tools that draw such
//! graphs are under licences that the product's tree does not take.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jackfield_sandbox::FuelProfile;

const WIDTH: f64 = 1_200.0;
const ROW: f64 = 18.0;
const MARGIN: f64 = 10.0;
const HEAD: f64 = 36.0;
/// Width of a character of the labels.
const CHARACTER: f64 = 6.6;
/// Narrower boxes are left out.
const NARROWEST: f64 = 0.3;

#[derive(Default)]
struct Frame {
    fuel: u64,
    callees: BTreeMap<String, Frame>,
}

impl Frame {
    fn depth(&self) -> usize {
        1 + self.callees.values().map(Self::depth).max().unwrap_or(0)
    }
}

/// The picture: the whole decision at the bottom, callees above their callers, widths as fuel.
pub(super) fn svg(title: &str, profile: &FuelProfile) -> String {
    let mut root = Frame::default();
    for (stack, fuel) in &profile.stacks {
        root.fuel += fuel;
        let mut at = &mut root;
        for name in stack {
            at = at.callees.entry(name.clone()).or_default();
            at.fuel += fuel;
        }
    }
    let (width, height) = (WIDTH + 2.0 * MARGIN, HEAD + root.depth() as f64 * ROW + MARGIN);
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"monospace\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{MARGIN}\" y=\"22\" font-size=\"14\">{}</text>\n",
        escaped(title)
    );
    let scale = WIDTH / root.fuel.max(1) as f64;
    draw(
        "decision",
        &root,
        (MARGIN, height - MARGIN - ROW),
        scale,
        root.fuel.max(1),
        &mut picture,
    );
    picture.push_str("</svg>\n");
    picture
}

fn draw(name: &str, frame: &Frame, (x, y): (f64, f64), scale: f64, whole: u64, picture: &mut String) {
    let width = frame.fuel as f64 * scale;
    if width < NARROWEST {
        return;
    }
    let share = frame.fuel as f64 * 100.0 / whole as f64;
    // Writing to a text does not fail.
    let _ = write!(
        picture,
        "<g><title>{} ({} fuel, {share:.1} %)</title><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
         height=\"{:.1}\" rx=\"2\" fill=\"{}\" stroke=\"#fff\"/>",
        escaped(name),
        frame.fuel,
        ROW - 1.0,
        colour(name)
    );
    let room = ((width - 6.0) / CHARACTER).max(0.0) as usize;
    if room >= 3 {
        let label = if name.chars().count() > room {
            name.chars().take(room - 1).chain(['…']).collect()
        } else {
            name.to_owned()
        };
        let _ = write!(
            picture,
            "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            x + 3.0,
            y + 12.5,
            escaped(&label)
        );
    }
    picture.push_str("</g>\n");
    let mut at = x;
    for (name, callee) in &frame.callees {
        draw(name, callee, (at, y - ROW), scale, whole, picture);
        at += callee.fuel as f64 * scale;
    }
}

/// A warm colour that is the same for the same name.
fn colour(name: &str) -> String {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    format!(
        "hsl({}, {}%, {}%)",
        hash % 50,
        70 + (hash >> 8) % 20,
        62 + (hash >> 16) % 12
    )
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_fuel_and_names_are_escaped() {
        let profile = FuelProfile {
            fuel: 100,
            stacks: BTreeMap::from([
                (vec!["run".into(), "Vec<u8>::push".into()], 75),
                (vec!["run".into()], 20),
                (vec![], 5),
            ]),
        };
        let picture = svg("a & b", &profile);
        assert!(
            picture.contains("Vec&lt;u8&gt;::push (75 fuel, 75.0 %)"),
            "{picture}"
        );
        assert!(
            picture.contains("run (95 fuel, 95.0 %)") && picture.contains("width=\"1140.0\""),
            "{picture}"
        );
        assert!(picture.contains("a &amp; b"));
        assert_eq!(picture.matches("<g>").count(), picture.matches("</g>").count());
        assert!(
            svg(
                "nothing",
                &FuelProfile {
                    fuel: 0,
                    stacks: BTreeMap::new()
                }
            )
            .ends_with("</svg>\n")
        );
    }
}
