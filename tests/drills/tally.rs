//! What a drill counted.

use rfe_tests::Platform;

/// What a drill counted, and what was wrong.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Events and rows that were sent, each counted once.
    pub sent: u64,
    /// Of them, those that were acknowledged.
    pub accepted: u64,
    /// Of those sent, those that SQL shows.
    pub visible: u64,
    /// Of those sent, those that an open letter holds.
    pub dead_lettered: u64,
    /// Rows that SQL shows over once, and rows of which there is a letter as well.
    pub duplicate: u64,
    /// Accepted ones that are neither visible nor in an open letter.
    pub lost: u64,
    /// What else is worth knowing, such as how many faults there were.
    pub notes: Vec<String>,
    /// What must not be; a drill with any has failed.
    pub wrong: Vec<String>,
}

/// So many of what is wrong are told.
const TOLD: usize = 20;

// === impl Tally ===

impl Tally {
    /// Notes what must not be.
    pub fn wrong(&mut self, what: impl Into<String>) {
        self.wrong.push(what.into());
    }

    /// Notes what must not be, unless it holds.
    pub fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(what());
        }
    }

    /// Adds another one's counts, notes and wrongs.
    pub fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.accepted += other.accepted;
        self.visible += other.visible;
        self.dead_lettered += other.dead_lettered;
        self.duplicate += other.duplicate;
        self.lost += other.lost;
        self.notes.extend(other.notes);
        self.wrong.extend(other.wrong);
    }

    /// True if nothing was lost, doubled or wrong.
    pub fn is_right(&self) -> bool {
        self.lost == 0 && self.duplicate == 0 && self.wrong.is_empty()
    }

    /// Keeps what the platform wrote if anything is wrong, and tells where.
    pub fn keep_log(&mut self, platform: &Platform, name: &str) {
        if self.is_right() {
            return;
        }
        let path = std::env::temp_dir().join(format!("rfe-drill-{name}-{}.log", std::process::id()));
        let told = match std::fs::write(&path, platform.log()) {
            Ok(()) => format!("what rfe wrote is in {}", path.display()),
            Err(error) => format!("what rfe wrote could not be kept in {}: {error}", path.display()),
        };
        self.wrong.insert(0, told);
    }

    /// The drill's line.
    pub fn line(&self, name: &str, seed: u64) -> String {
        let verdict = if self.is_right() { "ok" } else { "FAILED" };
        let mut line = format!(
            "drill {name} seed {seed}: sent {} accepted {} visible {} dead-lettered {} duplicate {} lost {}: {verdict}",
            self.sent, self.accepted, self.visible, self.dead_lettered, self.duplicate, self.lost
        );
        for note in &self.notes {
            line = format!("{line} · {note}");
        }
        line
    }

    /// What is wrong, a line each.
    pub fn complaints(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.wrong.iter().take(TOLD).cloned().collect();
        if self.wrong.len() > TOLD {
            lines.push(format!("and {} more", self.wrong.len() - TOLD));
        }
        lines
    }
}
