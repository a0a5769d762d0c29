/// Prints figures under a title.
pub(crate) fn print(title: &str, rows: &[(&str, String)]) {
    println!("\n{title}");
    for (name, value) in rows {
        println!("  {name:<44} {value:>14}");
    }
}
