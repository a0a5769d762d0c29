/// One figure as `cargo xtask bench` reads it, `goal` for example `<= 40`.
pub(crate) fn figure(name: &str, value: f64, unit: &str, goal: Option<&str>) {
    let goal = goal.map(|goal| format!("\t{goal}")).unwrap_or_default();
    println!("bench\tvoice/{name}\t{value:.1}\t{unit}{goal}");
}

/// Prints figures under a title.
pub(crate) fn print(title: &str, rows: &[(&str, String)]) {
    println!("\n{title}");
    for (name, value) in rows {
        println!("  {name:<44} {value:>14}");
    }
}
