//! One line a figure.

/// Which side of the bar is the good one.
#[derive(Debug, Clone, Copy)]
pub enum Bar {
    /// At least so much.
    AtLeast(f64),
    /// At most so much.
    AtMost(f64),
}

/// Prints what was measured where.
pub fn heading() {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    println!("{cores} cores, load generators on the same machine");
    println!("{:<58} {:>14} {:>16} {:>8}  ", "figure", "measured", "bar", "ratio");
}

/// Prints a figure with its bar; a ratio of 1 or more meets it.
pub fn figure(name: &str, measured: f64, unit: &str, bar: Bar) {
    let (text, ratio) = match bar {
        Bar::AtLeast(bar) => (format!(">= {} {unit}", short(bar)), measured / bar),
        Bar::AtMost(bar) => (format!("<= {} {unit}", short(bar)), bar / measured),
    };
    let met = if ratio >= 1.0 { "met" } else { "NOT MET" };
    println!("{name:<58} {:>14} {text:>16} {ratio:>8.2}  {met}", format!("{} {unit}", short(measured)));
}

/// Prints a figure beside another one that was measured in the same run.
pub fn beside(name: &str, measured: f64, unit: &str, other: (&str, f64)) {
    let text = format!("{} {}", short(other.1), unit);
    println!(
        "{name:<58} {:>14} {text:>16} {:>8.2}  beside {}",
        format!("{} {unit}", short(measured)),
        measured / other.1,
        other.0
    );
}

/// The value below which this share of the sorted values lies.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = ((sorted.len().saturating_sub(1)) as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

fn short(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
