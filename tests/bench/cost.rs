//! What work took, and the same work done barely beside it.

use serde::{Deserialize, Serialize};

use crate::report::{Bar, figure, quantile};

/// What work took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Cost {
    /// From its beginning to its end.
    pub seconds: f64,
    /// The most memory that its process held, in MB.
    pub peak: f64,
    /// Rows that it handled.
    pub rows: u64,
}

/// Repetitions of both sides, made in turn so that a change of the machine meets both.
#[derive(Debug, Default)]
pub struct Sides {
    ours: Vec<Cost>,
    bare: Vec<Cost>,
}

impl Sides {
    /// Adds a repetition. Both sides must have handled the same rows.
    pub fn add(&mut self, ours: Cost, bare: Cost) {
        assert_eq!(ours.rows, bare.rows, "both sides handle the same rows");
        self.ours.push(ours);
        self.bare.push(bare);
    }

    /// Prints how many times as long as the bare side it took; `bare` names that.
    pub fn at_most_times(&self, name: &str, bare: &str, most: f64) {
        figure(name, median(&self.ours) / median(&self.bare), "x", Bar::AtMost(most));
        self.both(bare);
    }

    /// Prints the share of the bare side's speed that it reached, in percent.
    pub fn at_least_percent(&self, name: &str, bare: &str, least: f64) {
        figure(name, 100.0 * median(&self.bare) / median(&self.ours), "%", Bar::AtLeast(least));
        self.both(bare);
    }

    /// The most memory that our side held in any repetition, in MB.
    pub fn peak(&self) -> f64 {
        most(&self.ours)
    }

    fn both(&self, bare: &str) {
        println!("  rfe {:.2} s, peak {:.0} MB ({})", median(&self.ours), most(&self.ours), all(&self.ours));
        println!(
            "  {bare} {:.2} s, peak {:.0} MB ({})",
            median(&self.bare),
            most(&self.bare),
            all(&self.bare)
        );
    }
}

fn median(costs: &[Cost]) -> f64 {
    let mut seconds: Vec<f64> = costs.iter().map(|cost| cost.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    quantile(&seconds, 0.5)
}

fn most(costs: &[Cost]) -> f64 {
    costs.iter().map(|cost| cost.peak).fold(0.0, f64::max)
}

fn all(costs: &[Cost]) -> String {
    costs.iter().map(|cost| format!("{:.2}", cost.seconds)).collect::<Vec<_>>().join(", ")
}
